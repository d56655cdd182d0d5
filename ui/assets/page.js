// The frame of the page: takes what the server tells, and draws the view that the address names.

import { element, replace, shape } from "./element.js";
import { hosts } from "./hosts.js";
import { networks } from "./networks.js";
import { problems } from "./problems.js";
import { address, isEmpty, NO_STACK, place } from "./selection.js";
import { service } from "./service.js";
import { services } from "./services.js";
import { age, clock, mark, moment, plural, sentence } from "./words.js";

const part = (id) => document.getElementById(id);
const VIEWS = { hosts: hosts, services: services, networks: networks };
const NAMES = { hosts: "Hosts", services: "Services", networks: "Networks" };

/** What the server told last; when the swarm was last seen; since when the server itself is silent. */
let told;
let seen;
let silent;

function navigation(here, snapshot) {
  const numbers = snapshot && { hosts: snapshot.hosts.length, services: snapshot.services.length, networks: snapshot.networks.length };
  const current = here.view === "service" ? "services" : here.view;
  return Object.entries(NAMES).map(([view, name]) =>
    element(
      "a",
      { href: address(view, here.selection), "aria-current": view === current ? "page" : undefined, "data-key": view },
      name,
      numbers && element("span", { class: "number" }, String(numbers[view])),
    ),
  );
}

/** Why the data may be old; nothing while it is not. */
function trouble() {
  const kept = seen ? ` Shown is what was seen at ${clock(seen)}.` : "";
  if (silent) {
    return {
      title: "hive ui has ended or does not answer",
      age: `Silent since ${clock(silent)}.${kept}`,
      next: "It is tried again by itself; if you ended it, start `hive ui` and open the new address.",
    };
  }
  const link = told && told.link;
  if (link && link.state === "broken") return { title: link.title, detail: link.detail, age: `Since ${clock(link.since)}.${kept}`, next: link.next };
  return undefined;
}

function banner(now) {
  if (!now) return [];
  return element(
    "div",
    { class: "is-bad" },
    shape("cross"),
    element("div", {}, element("p", {}, element("strong", {}, now.title)), element("p", {}, now.age), now.detail && element("p", { class: "quiet" }, now.detail), element("p", { class: "next" }, element("b", {}, "Next"), element("span", {}, sentence(now.next)))),
  );
}

function connection(now) {
  if (now) return mark({ colour: "is-bad", drawing: "cross", word: seen ? `not live: ${clock(seen)}` : "no data" });
  if (!told || told.link.state === "connecting") return mark({ colour: "is-busy", drawing: "arc", word: "connecting" });
  return [mark({ colour: "is-good", drawing: "dot", word: "live" }), element("span", { class: "through" }, `through ${told.snapshot.through}`)];
}

function figure(name, value, note, colour) {
  return element("div", { class: colour, "data-key": name }, element("dt", {}, name), element("dd", {}, element("span", { class: "value" }, value), element("span", { class: "note" }, note)));
}

function summary({ hosts, services, swarm, tasks }) {
  const ready = hosts.filter((host) => host.state === "ready").length;
  const short = services.filter((one) => (one.mode.endsWith("job") ? one.completed : one.running) < one.wanted).length;
  const current = tasks.filter((task) => task.current);
  const running = current.filter((task) => task.phase === "running").length;
  const failing = current.filter((task) => task.failure).length;
  const others = current.length - running - failing;
  const notes = [failing && `${failing} failing`, others && plural(others, "other")].filter(Boolean);
  return element(
    "dl",
    { class: "figures" },
    figure("Hosts", `${ready}/${hosts.length}`, ready < hosts.length ? `ready, ${hosts.length - ready} not` : "ready", ready < hosts.length ? "is-bad" : undefined),
    figure("Managers", `${swarm.managers_reachable}/${swarm.managers}`, swarm.may_fail ? `reachable, ${swarm.may_fail} may fail` : "reachable, none may fail", !swarm.may_fail && hosts.length > 1 ? "is-warn" : undefined),
    figure("Services", `${services.length - short}/${services.length}`, short ? `as wanted, ${short} short` : "as wanted", short ? "is-bad" : undefined),
    figure("Tasks", String(running), ["running", ...notes].join(", "), failing ? "is-bad" : undefined),
  );
}

/** What is said in place of an empty frame. */
function nothing(snapshot, here, view) {
  if (view.shown > 0 || here.view === "hosts") return undefined;
  if (!isEmpty(here.selection)) {
    return element("p", { class: "empty" }, element("strong", {}, `No ${view.thing} of the selection`), element("a", { href: address(here.view, {}) }, "Show all"));
  }
  if (here.view === "services") {
    return element("p", { class: "empty" }, element("strong", {}, "No services yet"), sentence("The swarm is ready for them: `hive deploy-services` deploys those of the site."));
  }
  return undefined;
}

function options(select, all, names, chosen) {
  if (chosen && !names.includes(chosen)) names = [...names, chosen];
  replace(select, element("option", { value: "" }, all), names.map((name) => element("option", { value: name, "data-key": name }, name === NO_STACK ? "No stack" : name)));
  select.value = chosen;
  select.parentElement.hidden = names.length === 0;
}

function filter(snapshot, here, view) {
  const form = part("selection");
  form.hidden = here.view === "service";
  if (form.hidden) return;
  const text = part("text");
  if (text.value !== here.selection.text && document.activeElement !== text) text.value = here.selection.text;
  const stacks = [...new Set(snapshot.services.map((one) => one.stack || NO_STACK))].sort();
  options(part("stack"), "All stacks", stacks.some((stack) => stack !== NO_STACK) ? stacks : [], here.selection.stack);
  options(part("network"), "All networks", snapshot.networks.map((one) => one.name), here.selection.network);
  const filtered = !isEmpty(here.selection);
  replace(part("count"), filtered ? [`${view.shown} of ${plural(view.all, view.thing)} · `, element("a", { href: address(here.view, {}) }, "Show all")] : plural(view.all, view.thing));
}

function draw() {
  const here = place();
  const now = trouble();
  const snapshot = told && told.snapshot;
  replace(part("banner"), banner(now));
  replace(part("link"), connection(now));
  replace(part("views"), navigation(here, snapshot));
  if (told) {
    part("site").textContent = told.title.site || "hive";
    part("stage").textContent = told.title.stage;
  }
  const heading = here.view === "service" ? here.name : NAMES[here.view];
  part("heading").textContent = heading;
  document.title = [heading, told && told.title.site, "hive"].filter(Boolean).join(" · ");
  part("selection").hidden = !snapshot;
  if (!snapshot) {
    if (!now) replace(part("view"), element("p", { class: "empty" }, element("strong", {}, "Connecting to the swarm"), "The page fills as soon as its first manager has answered."));
    return;
  }
  replace(part("summary"), summary(snapshot));
  if (here.view === "service") {
    replace(part("problems"));
    replace(part("view"), service(snapshot, here.name, address("services", here.selection)));
    filter(snapshot, here);
    return;
  }
  replace(part("problems"), problems(snapshot.problems));
  const view = VIEWS[here.view](snapshot, here.selection, !isEmpty(here.selection));
  filter(snapshot, here, view);
  replace(part("view"), nothing(snapshot, here, view) || view.tree);
}

function select() {
  const selection = { text: part("text").value, stack: part("stack").value, network: part("network").value };
  history.replaceState(null, "", address(place().view, selection));
  draw();
}

function moved() {
  const before = part("heading").textContent;
  part("text").value = place().selection.text;
  draw();
  if (part("heading").textContent !== before) {
    scrollTo(0, 0);
    part("main").focus({ preventScroll: true });
  }
}

function listen() {
  const events = new EventSource("api/events");
  events.addEventListener("state", (event) => {
    told = JSON.parse(event.data);
    silent = undefined;
    if (told.snapshot) seen = told.snapshot.taken_at;
    draw();
  });
  events.addEventListener("seen", (event) => {
    seen = Number(event.data);
    silent = undefined;
  });
  events.addEventListener("error", () => {
    silent = silent || Date.now();
    draw();
    // The browser tries again by itself unless the answer was a refusal.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  });
}

addEventListener("hashchange", (event) => {
  if (new URL(event.newURL).hash === "#main") history.replaceState(null, "", new URL(event.oldURL).hash || "#/hosts");
  else moved();
});
part("selection").addEventListener("input", select);
part("selection").addEventListener("submit", (event) => event.preventDefault());
addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !part("selection").hidden) {
    event.preventDefault();
    part("text").focus();
  } else if (event.key === "Escape" && event.target === part("text")) {
    part("text").value = "";
    select();
  }
});
part("text").value = place().selection.text;
// Ages grow while nothing happens.
setInterval(draw, 10000);
draw();
listen();
