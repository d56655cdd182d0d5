// All services as a table.

import { element } from "./element.js";
import { selectsService } from "./selection.js";
import { age, breakable, mark, port, serviceLink, serviceLook, shortImage } from "./words.js";

const MODES = { replicated: "replicated", global: "global", replicated_job: "job", global_job: "global job" };

export const mode = (service) => MODES[service.mode];

export function running(service) {
  return service.mode.endsWith("job") ? `${service.completed}/${service.wanted} done` : `${service.running}/${service.wanted}`;
}

function row(service, problems) {
  return element(
    "tr",
    { "data-key": service.id },
    element("th", { scope: "row" }, element("a", { href: serviceLink(service.name) }, breakable(service.name))),
    element("td", { class: "short" }, mark(serviceLook(service, problems))),
    element("td", { class: "count" }, running(service)),
    element("td", { class: "quiet short" }, mode(service)),
    element("td", { class: "quiet", title: service.image }, breakable(shortImage(service.image))),
    element("td", { "data-name": service.ports.length ? "ports" : undefined }, service.ports.length > 0 && element("ul", { class: "row" }, service.ports.map((one) => element("li", { class: "short" }, port(one))))),
    element("td", { class: "quiet", "data-name": service.stack ? "stack" : undefined }, service.stack),
    element("td", { class: "quiet short", "data-name": "changed" }, age(service.updated_at, "", " ago")),
  );
}

export function services(snapshot, selection) {
  const shown = snapshot.services.filter((service) => selectsService(selection, service, snapshot.tasks));
  const heads = ["Service", "State", "Running", "Mode", "Image", "Ports", "Stack", "Changed"];
  const tree = element(
    "div",
    { class: "sheet" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col", class: head === "Running" ? "count" : undefined }, head)))),
      element("tbody", {}, shown.map((service) => row(service, snapshot.problems))),
    ),
  );
  return { tree, shown: shown.length, all: snapshot.services.length, thing: "service" };
}
