// What is wrong and what to do next.

import { element, shape } from "./element.js";
import { age, plural, sentence, serviceLink, severityLook } from "./words.js";

/** So many are shown before the rest waits behind "more". */
const SHOWN = 5;
/** If there are no more than so many, they are open from the start. */
const FEW = 2;

/** The first reason in short, for the closed row. */
const gist = (told) => (told.reasons[0] || told.said[0] || "").replaceAll("`", "");

export function problem(told, open, own = false) {
  const { colour, drawing, word } = severityLook(told.severity);
  return element(
    "details",
    { class: `problem ${colour}`, "data-key": `${told.about.kind}/${told.about.name || ""}/${told.title.replace(/\d+/g, "#")}`, open },
    element(
      "summary",
      {},
      shape(drawing),
      element("span", { class: "hidden" }, `${word}: `),
      element("span", { class: "title" }, told.title),
      element("span", { class: "gist" }, gist(told)),
      element("span", { class: "since" }, age(told.since, "for ")),
      shape("turn", "turn"),
    ),
    element(
      "div",
      { class: "body" },
      told.reasons.map((reason) => element("p", {}, sentence(reason))),
      told.next.map((step) => element("p", { class: "next" }, element("b", {}, "Next"), element("span", {}, sentence(step)))),
      told.said.map((said) => element("pre", { class: "said" }, said)),
      !own && told.about.kind === "service" && element("p", {}, element("a", { href: serviceLink(told.about.name) }, `Show ${told.about.name}`)),
    ),
  );
}

/** All problems, the first few at once. */
export function problems(told) {
  if (!told.length) {
    return element("p", { class: "fine is-good" }, shape("check"), "Nothing is wrong: everything that should run runs.");
  }
  const counts = ["error", "warning", "notice"].map((severity) => {
    const number = told.filter((one) => one.severity === severity).length;
    const { colour, drawing } = severityLook(severity);
    return number > 0 && element("span", { class: colour }, shape(drawing), plural(number, severity));
  });
  const few = told.length <= SHOWN + 1;
  const first = few ? told : told.slice(0, SHOWN);
  const rest = few ? [] : told.slice(SHOWN);
  return element(
    "div",
    { class: "problems" },
    element("h2", {}, "Problems", counts),
    first.map((one) => problem(one, told.length <= FEW && one.severity !== "notice")),
    rest.length > 0 &&
      element("details", { class: "more", "data-key": "more" }, element("summary", {}, `${rest.length} more`), rest.map((one) => problem(one, false))),
  );
}
