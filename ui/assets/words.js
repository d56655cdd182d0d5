// Numbers, times and states as a person reads them.

import { element, shape } from "./element.js";

/** Phase of a task: colour, shape, word. */
const PHASES = {
  waiting: ["is-warn", "ring", "waiting"],
  starting: ["is-busy", "arc", "starting"],
  running: ["is-good", "dot", "running"],
  complete: ["is-idle", "check", "complete"],
  stopped: ["is-idle", "square", "stopped"],
  failed: ["is-bad", "cross", "failed"],
  lost: ["is-bad", "question", "lost"],
};

const HOST_STATES = {
  ready: ["is-good", "dot", "ready"],
  down: ["is-bad", "cross", "down"],
  disconnected: ["is-warn", "question", "disconnected"],
  unknown: ["is-warn", "question", "unknown"],
};

const SEVERITIES = {
  error: ["is-bad", "cross", "error"],
  warning: ["is-warn", "triangle", "warning"],
  notice: ["is-busy", "ring", "notice"],
};

const look = ([colour, drawing, word]) => ({ colour, drawing, word });

/** How a task looks. One that is refused by its host is told apart from one that ended badly. */
export function taskLook(task) {
  const found = look(PHASES[task.phase]);
  if (task.state === "rejected") found.word = "rejected";
  if (task.state === "preparing") found.word = "preparing";
  return found;
}

export const hostLook = (host) => look(HOST_STATES[host.state]);
export const severityLook = (severity) => look(SEVERITIES[severity]);

/** How a service looks: whether as much runs as should. */
export function serviceLook(service, problems) {
  const own = problems.filter((problem) => problem.about.kind === "service" && problem.about.name === service.name);
  const worst = own.length ? own[0].severity : undefined;
  if (worst === "error") return look(["is-bad", "cross", "failing"]);
  if (worst === "warning") return look(["is-warn", "triangle", "troubled"]);
  if (service.update && /^(updating|rollback_started)$/.test(service.update.state)) return look(["is-busy", "arc", "updating"]);
  const job = service.mode.endsWith("job");
  if (job && service.completed >= service.wanted) return look(["is-idle", "check", "complete"]);
  if (service.wanted === 0) return look(["is-idle", "square", "stopped"]);
  if (service.running < service.wanted) return look(["is-busy", "arc", "starting"]);
  return look(["is-good", "dot", "running"]);
}

/** Shape and word of a state. */
export function mark({ colour, drawing, word }) {
  return element("span", { class: `mark ${colour}` }, shape(drawing), element("span", { class: "word" }, word));
}

export const plural = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** `5 s`, `12 min`, `3 h`, `4 d`. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export const clock = (instant) =>
  new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export const moment = (instant) =>
  new Date(instant).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** How long ago, with the moment itself for who points at it. */
export function age(instant, before = "", after = "") {
  if (instant === null || instant === undefined) return undefined;
  return element("time", { datetime: new Date(instant).toISOString(), title: moment(instant) }, `${before}${span(Date.now() - instant)}${after}`);
}

/** `512 MiB`, `7.7 GiB`. */
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${bytes >= 100 || Number.isInteger(bytes) ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

export function share({ cpus, memory }) {
  const parts = [];
  if (cpus) parts.push(plural(Math.round(cpus * 100) / 100, "CPU"));
  if (memory) parts.push(size(memory));
  return parts.join(", ");
}

/** `8080→80`, with the protocol where it is not tcp. */
export function port({ published, protocol, target, host_mode }) {
  const other = protocol === "tcp" ? "" : `/${protocol}`;
  return `${published}→${target}${other}${host_mode ? " (host)" : ""}`;
}

/** A sentence in which `commands` stand between backticks. */
export function sentence(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

/** A name that may be broken where its parts end, and nowhere else while there is room. */
export function breakable(text) {
  return (text || "").split(/(?<=[-_./:@=])/).flatMap((part, index) => (index ? [element("wbr"), part] : [part]));
}

/** An image's name without its registry and folders; what is left says which one it is. */
export const shortImage = (image) => image.split("/").pop();

/** The address of a service's view. */
export const serviceLink = (name) => `#/service/${encodeURIComponent(name)}`;
