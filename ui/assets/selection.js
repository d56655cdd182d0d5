// Where the page is and what it is filtered by. Both are kept in the address, so that reloading and going back work.

export const VIEWS = ["hosts", "services", "networks"];

/** The place in the address: `#/hosts?text=web&stack=shop`, `#/service/web`. */
export function place() {
  const [path, query] = location.hash.replace(/^#\//, "").split("?");
  const [view, name] = path.split("/");
  const parameters = new URLSearchParams(query || "");
  const selection = { text: parameters.get("text") || "", stack: parameters.get("stack") || "", network: parameters.get("network") || "" };
  if (view === "service" && name) return { view, name: decode(name), selection };
  return { view: VIEWS.includes(view) ? view : "hosts", selection };
}

function decode(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** The address of a view with this selection. */
export function address(view, selection) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(selection)) if (value) parameters.set(name, value);
  const query = parameters.toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

export const isEmpty = ({ text, stack, network }) => !text.trim() && !stack && !network;

function words(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

/** Stands in the address for services that belong to no stack. */
export const NO_STACK = "(none)";

/** Whether a service is selected by stack and network. */
function inScope(service, { stack, network }) {
  if (stack && (service.stack || NO_STACK) !== stack) return false;
  return !network || service.networks.includes(network);
}

function told(service) {
  return [service.name, service.stack || "", service.image, ...service.networks, ...service.ports.map((port) => String(port.published))];
}

function matches(texts, text) {
  const all = texts.join("\n").toLowerCase();
  return words(text).every((word) => all.includes(word));
}

/** Whether a service is selected; a word may also name a host with one of its tasks. */
export function selectsService(selection, service, tasks) {
  if (!inScope(service, selection)) return false;
  const hosts = tasks.filter((task) => task.service_id === service.id && task.current).map((task) => task.host || "");
  return matches([...told(service), ...hosts], selection.text);
}

/** Whether a task is selected. */
export function selectsTask(selection, service, task) {
  if (!inScope(service, selection)) return false;
  return matches([...told(service), task.host || "", task.state, task.phase, task.image], selection.text);
}

/** Whether a network is selected: by its own name or by who is on it. */
export function selectsNetwork(selection, network) {
  if (selection.network && network.name !== selection.network) return false;
  if (selection.stack && (network.stack || NO_STACK) !== selection.stack) return false;
  return matches([network.name, network.driver, ...network.subnets, ...network.services], selection.text);
}
