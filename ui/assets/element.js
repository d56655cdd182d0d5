// Elements of the page, and how a new picture replaces the old one without losing focus, selection or scroll.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Texts become text nodes, so nothing that the swarm tells is ever read as HTML. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat(9).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return made;
}

/** A small drawing of 12 by 12; `outline` has lines, `filled` a body. */
function drawing(path, filled, name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("class", name);
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  line.setAttribute("fill", filled ? "currentColor" : "none");
  line.setAttribute("stroke", "currentColor");
  line.setAttribute("stroke-width", filled ? "1" : "1.8");
  line.setAttribute("stroke-linecap", "round");
  line.setAttribute("stroke-linejoin", "round");
  svg.append(line);
  return svg;
}

const SHAPES = {
  dot: ["M6 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", true],
  ring: ["M6 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", false],
  arc: ["M6 2a4 4 0 1 1-4 4M6 4v2.2l1.5 1", false],
  check: ["M2.5 6.5 5 9l4.5-6", false],
  square: ["M3 3h6v6H3z", true],
  cross: ["M2.5 2.5l7 7M9.5 2.5l-7 7", false],
  triangle: ["M6 1.5 11 10.5H1z", true],
  question: ["M6 1.5 10.5 6 6 10.5 1.5 6z", false],
  turn: ["M4 2l4 4-4 4", false],
};

/** The drawing that stands for a state. */
export function shape(kind, name = "shape") {
  return drawing(...SHAPES[kind], name);
}

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
}

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;
}

/** Makes the children of `shown` those of `wanted`, keeping every element that stays. */
export function replace(shown, ...wanted) {
  const held = document.activeElement;
  children(shown, element("div", {}, ...wanted));
  // An element that was moved has lost the focus.
  if (held !== document.activeElement && held.isConnected) held.focus({ preventScroll: true });
}

function children(shown, wanted) {
  const known = new Map();
  for (const child of shown.childNodes) if (key(child)) known.set(key(child), child);
  let at = shown.firstChild;
  for (const child of [...wanted.childNodes]) {
    const match = key(child) ? known.get(key(child)) : at && alike(at, child) ? at : undefined;
    if (!match || !alike(match, child)) {
      shown.insertBefore(child, at);
    } else {
      if (match === at) at = at.nextSibling;
      else shown.insertBefore(match, at);
      known.delete(key(match));
      same(match, child);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function same(shown, wanted) {
  if (shown.nodeType !== Node.ELEMENT_NODE) {
    if (shown.data !== wanted.data) shown.data = wanted.data;
    return;
  }
  for (const { name } of [...shown.attributes]) {
    // What a person opened stays open.
    if (name !== "open" && !wanted.hasAttribute(name)) shown.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  children(shown, wanted);
}
