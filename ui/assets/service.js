// One service: what it is, what is wrong with it, what its tasks did.

import { element } from "./element.js";
import { problem } from "./problems.js";
import { mode, running } from "./services.js";
import { age, breakable, mark, port, sentence, serviceLook, share, shortImage, taskLook } from "./words.js";

function sheet(title, rows) {
  const given = rows.filter(([, value]) => value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && !value.length));
  return element(
    "section",
    { class: "sheet" },
    element("h2", {}, title),
    given.length
      ? element("dl", { class: "pairs" }, given.map(([name, value]) => [element("dt", {}, name), element("dd", {}, Array.isArray(value) ? element("ul", {}, value.map((one) => element("li", {}, one))) : value)]))
      : element("p", { class: "none" }, "None."),
  );
}

const UPDATES = {
  updating: "under way",
  paused: "stopped in the middle",
  completed: "complete",
  rollback_started: "going back",
  rollback_paused: "going back has stopped",
  rollback_completed: "went back to the earlier definition",
};

function mount({ kind, source, target, read_only, driver }) {
  return `${source || kind} → ${target}${read_only ? ", read only" : ""} (${driver || kind})`;
}

function definition(service) {
  const restart = service.most_restarts ? `${service.restart}, at most ${service.most_restarts} times` : service.restart;
  return sheet("Definition", [
    ["Image", service.image],
    ["Digest", service.digest && element("span", { class: "mono" }, service.digest)],
    ["Stack", service.stack],
    ["Mode", mode(service)],
    ["Constraints", service.constraints],
    ["Spread over", service.spread],
    ["Most per host", service.most_per_host],
    ["Limits", share(service.limits)],
    ["Reserved", share(service.reservations)],
    ["Restart", restart],
    ["Health check", service.health_check ? "yes" : "that of the image, if any"],
    ["Log driver", service.log_driver],
    ["Made", age(service.created_at, "", " ago")],
    ["Changed", age(service.updated_at, "", " ago")],
    ["Update", service.update && [UPDATES[service.update.state] || service.update.state, service.update.message].filter(Boolean).join(": ")],
  ]);
}

function surroundings(service) {
  return [
    sheet("Network", [
      ["Ports", service.ports.map((one) => element("span", {}, port(one), element("span", { class: "quiet" }, one.host_mode ? " on hosts with a task" : " on every host")))],
      ["Networks", service.networks],
      ["Endpoint", service.endpoint],
    ]),
    sheet("Files and environment", [
      ["Mounts", service.mounts.map(mount)],
      ["Secrets", service.secrets],
      ["Configs", service.configs],
      ["Environment", service.environment.length ? `${service.environment.join(", ")} (values are not shown)` : ""],
    ]),
    sheet("Labels", Object.entries(service.labels)),
  ];
}

/** What is known of a task's end; told once for all that ended in the same way one after the other. */
function happened(task, above) {
  if (!task.failure) return task.exit_code ? `Exit code ${task.exit_code}.` : "";
  if (above && above.slot === task.slot && above.failure && above.failure.said === task.failure.said) {
    return element("p", { class: "quiet" }, "The same.");
  }
  return [
    element("p", {}, task.failure.detail),
    element("p", { class: "quiet" }, sentence(task.failure.next)),
    element("pre", { class: "said" }, task.failure.said),
  ];
}

function row(task, index, tasks) {
  return element(
    "tr",
    { "data-key": task.id },
    element("th", { scope: "row" }, breakable(task.service), task.slot ? element("span", { class: "slot" }, `.${task.slot}`) : ""),
    element("td", { class: "short" }, mark(taskLook(task))),
    element("td", { "data-name": task.host ? "on" : undefined }, breakable(task.host)),
    element("td", { class: "quiet short" }, age(task.since, "", " ago")),
    element("td", { class: "quiet", title: task.image }, breakable(shortImage(task.image))),
    element("td", { class: "why" }, happened(task, tasks[index - 1])),
  );
}

function history(tasks) {
  const heads = ["Task", "State", "Host", "Since", "Image", "What happened"];
  return element(
    "section",
    { class: "sheet" },
    element("h2", {}, "Tasks and their history"),
    tasks.length
      ? element(
          "table",
          {},
          element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))),
          element("tbody", {}, tasks.map(row)),
        )
      : element("p", { class: "none" }, "The swarm has no task of it."),
  );
}

export function service(snapshot, name, back) {
  const found = snapshot.services.find((one) => one.name === name);
  const way = element("a", { class: "back", href: back }, "← All services");
  if (!found) {
    return element("div", {}, element("div", { class: "title-row" }, way), element("p", { class: "empty" }, element("strong", {}, `No service ${name}`), "It was removed, or never there."));
  }
  const own = snapshot.problems.filter((one) => one.about.kind === "service" && one.about.name === name);
  return element(
    "div",
    { "data-key": found.id },
    element(
      "div",
      { class: "title-row" },
      way,
      element("h2", {}, found.name),
      mark(serviceLook(found, snapshot.problems)),
      element("span", { class: "quiet" }, `${running(found)}${found.mode.endsWith("job") ? "" : " running"}`),
    ),
    own.length > 0 && element("div", { class: "problems cells" }, own.map((one) => problem(one, true, true))),
    element("div", { class: "cells" }, definition(found), element("div", {}, surroundings(found))),
    history(snapshot.tasks.filter((task) => task.service_id === found.id)),
  );
}
