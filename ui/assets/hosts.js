// Columns of hosts, cards of their tasks.

import { element, shape } from "./element.js";
import { selectsTask } from "./selection.js";
import { age, breakable, hostLook, mark, serviceLink, share, shortImage, taskLook } from "./words.js";

function pairs(labels) {
  return Object.entries(labels).map(([name, value]) => [element("dt", {}, name), element("dd", {}, value || "–")]);
}

/** For tasks that do not run yet, why the one before them failed: by task id. */
function setbacks(tasks) {
  const found = new Map();
  const place = (task) => `${task.service_id}/${task.slot || task.host_id}`;
  const newest = new Map();
  // Tasks come newest first within their place.
  for (const task of tasks) if (task.failure && !newest.has(place(task))) newest.set(place(task), task.failure.title);
  for (const task of tasks) {
    if (task.current && !task.failure && (task.phase === "starting" || task.phase === "waiting") && newest.has(place(task))) found.set(task.id, newest.get(place(task)));
  }
  return found;
}

function card(task, setback) {
  const { colour: own, drawing, word } = taskLook(task);
  const colour = setback ? "is-warn" : own;
  const why = task.failure ? task.failure.title : setback && `before: ${setback}`;
  return element(
    "li",
    { "data-key": task.id },
    element(
      "a",
      { class: `task ${colour}`, href: serviceLink(task.service), "data-task": task.id, title: `${task.service} – ${task.image}` },
      shape(drawing),
      element("span", { class: "name" }, element("span", {}, task.service), task.slot ? element("span", { class: "slot" }, `.${task.slot}`) : ""),
      element("span", { class: "image" }, shortImage(task.image)),
      element("span", { class: "age" }, element("span", { class: "word" }, word), " ", age(task.since)),
      why && element("span", { class: "why" }, why),
    ),
  );
}

function cards(tasks, before, none) {
  if (!tasks.length) return element("p", { class: "none" }, none);
  return element("ul", { class: "tasks" }, tasks.map((task) => card(task, before.get(task.id))));
}

function column(host, tasks, before, selected) {
  const { colour } = hostLook(host);
  const facts = [host.engine && `Docker ${host.engine}`, share(host), host.address].filter(Boolean);
  const labels = Object.keys(host.labels).length + Object.keys(host.engine_labels).length;
  const unreached = host.reachable === false && host.state === "ready";
  const away = host.state !== "ready" && host.updated_at;
  return element(
    "article",
    { class: `host ${unreached ? "is-bad" : colour}`, "data-key": host.id, "aria-label": `Host ${host.name}` },
    element(
      "header",
      {},
      element("h2", {}, breakable(host.name)),
      element(
        "div",
        { class: "state" },
        mark(hostLook(host)),
        away && element("span", { class: "quiet" }, age(host.updated_at, "for ")),
        element("span", { class: "badge" }, host.role),
        host.leader && element("span", { class: "badge is-busy" }, "leader"),
        unreached && element("span", { class: "badge is-bad" }, "unreachable"),
        host.availability !== "active" && element("span", { class: "badge is-warn" }, host.availability === "drain" ? "drained" : "paused"),
      ),
      element("p", { class: "facts" }, facts.join(" · ")),
      element(
        "details",
        {},
        element("summary", {}, labels ? `Labels (${labels}) and details` : "Details"),
        element(
          "dl",
          { class: "pairs" },
          pairs(host.labels),
          pairs(Object.fromEntries(Object.entries(host.engine_labels).map(([name, value]) => [`engine ${name}`, value]))),
          host.platform && [element("dt", {}, "platform"), element("dd", {}, host.platform)],
          host.message && [element("dt", {}, "the swarm says"), element("dd", {}, host.message)],
          [element("dt", {}, "id"), element("dd", { class: "mono" }, host.id)],
        ),
      ),
    ),
    cards(tasks, before, selected ? "No task of the selection." : "No task."),
  );
}

/** The view, and how many tasks of how many it shows. */
export function hosts(snapshot, selection, filtered) {
  const services = new Map(snapshot.services.map((service) => [service.id, service]));
  const current = snapshot.tasks.filter((task) => task.current);
  const shown = current.filter((task) => selectsTask(selection, services.get(task.service_id), task));
  const before = setbacks(snapshot.tasks);
  const known = new Set(snapshot.hosts.map((host) => host.id));
  const homeless = shown.filter((task) => !known.has(task.host_id));
  const columns = snapshot.hosts.map((host) =>
    column(host, shown.filter((task) => task.host_id === host.id), before, filtered),
  );
  if (homeless.length) {
    columns.unshift(
      element(
        "article",
        { class: "host is-warn", "data-key": "homeless", "aria-label": "Tasks without a host" },
        element("header", {}, element("h2", {}, "No host yet"), element("p", { class: "facts" }, "Tasks that wait for a host that can take them")),
        cards(homeless, before, ""),
      ),
    );
  }
  return { tree: element("div", { class: "hosts" }, columns), shown: shown.length, all: current.length, thing: "task" };
}
