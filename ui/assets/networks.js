// Networks and who is on them; published ports and who answers there.

import { element } from "./element.js";
import { selectsNetwork, selectsService } from "./selection.js";
import { breakable, mark, serviceLink, serviceLook } from "./words.js";

function links(names) {
  return element("ul", { class: "row" }, names.map((name) => element("li", {}, element("a", { href: serviceLink(name) }, breakable(name)))));
}

function network(told) {
  const traits = [
    told.ingress && "carries the published ports",
    told.encrypted && "encrypted",
    told.attachable && "attachable",
    told.internal && "no way outside",
  ].filter(Boolean);
  return element(
    "tr",
    { "data-key": told.id },
    element("th", { scope: "row" }, breakable(told.name)),
    element("td", { class: "quiet short" }, told.driver),
    element("td", { class: "short" }, told.subnets.join(", ")),
    element("td", { class: "quiet" }, traits.join(", ")),
    element("td", { class: "quiet" }, told.stack),
    element("td", {}, told.services.length ? links(told.services) : element("span", { class: "quiet" }, "no service")),
  );
}

function publication({ service, port }, problems, hosts) {
  return element(
    "tr",
    { "data-key": `${port.published}/${port.protocol}/${service.id}` },
    element("th", { scope: "row" }, `${port.published}/${port.protocol}`),
    element("td", {}, element("a", { href: serviceLink(service.name) }, breakable(service.name))),
    element("td", { class: "short" }, mark(serviceLook(service, problems))),
    element("td", { class: "quiet short", "data-name": "in the container" }, String(port.target)),
    element("td", { class: "quiet", "data-name": "open on" }, port.host_mode ? hosts.join(", ") || "no host: nothing runs" : "every host"),
  );
}

function table(title, heads, rows, none) {
  return element(
    "section",
    { class: "sheet", "data-key": title },
    element("h2", {}, title),
    rows.length
      ? element("table", {}, element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, rows))
      : element("p", { class: "none" }, none),
  );
}

export function networks(snapshot, selection) {
  const shown = snapshot.networks.filter((one) => selectsNetwork(selection, one));
  const open = snapshot.services
    .filter((service) => selectsService(selection, service, snapshot.tasks))
    .flatMap((service) => service.ports.map((port) => ({ service, port })))
    .sort((a, b) => a.port.published - b.port.published || a.service.name.localeCompare(b.service.name));
  const hosts = ({ service }) => [
    ...new Set(snapshot.tasks.filter((task) => task.service_id === service.id && task.current && task.phase === "running").map((task) => task.host)),
  ];
  const tree = element(
    "div",
    {},
    table("Networks", ["Network", "Driver", "Addresses", "Traits", "Stack", "Services"], shown.map(network), "No network of the selection."),
    table("Published ports", ["Port", "Service", "State", "Target", "Open on"], open.map((one) => publication(one, snapshot.problems, hosts(one))), "No port is open to the outside."),
  );
  return { tree, shown: shown.length, all: snapshot.networks.length, thing: "network" };
}
