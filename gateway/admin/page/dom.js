// Builds elements. What comes from the server becomes text nodes and attributes, never markup.

// Set as properties: their attributes are only what a control starts with.
const kProperties = new Set(["value", "checked", "disabled", "selected", "readOnly"]);

function setAll(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (kProperties.has(key)) element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
}

function flat(children) {
  return children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false)
    .map(child => child instanceof Node ? child : String(child));
}

function make(namespace, spec, rest) {
  const [, tag, classes, testid] = /^(\w+)([^#]*)#?(.*)$/.exec(spec);
  const element = document.createElementNS(namespace, tag);
  if (classes) element.setAttribute("class", classes.slice(1).replaceAll(".", " "));
  if (testid) element.setAttribute("data-testid", testid);
  const first = rest[0];
  const given = first && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first);
  // Children first: a select's value is one of its options.
  element.append(...flat(given ? rest.slice(1) : rest));
  if (given) setAll(element, first);
  return element;
}

// h("p.soft.small#total", {title: "x"}, "text", element, [more]): #total is the hook for tests, data-testid.
export const h = (spec, ...rest) => make("http://www.w3.org/1999/xhtml", spec, rest);
export const svg = (spec, ...rest) => make("http://www.w3.org/2000/svg", spec, rest);

// Takes the place of what is in `host`.
export function put(host, ...children) {
  host.replaceChildren(...flat(children));
  return host;
}

// A text of unknown direction, kept from turning its surroundings around.
export const name = text => h("bdi", {dir: "auto"}, text);
export const code = (text, classes = "") => h(`code${classes}`, {dir: "auto", translate: "no"}, text);
export const listed = (items, between = ", ") => items.map((item, i) => [i > 0 && between, item]);
export const lines = (...children) => h("div.lines", children);

// Its button and Enter call `send`.
export const form = (spec, send, ...children) =>
  h(spec, {novalidate: true, onsubmit: event => { event.preventDefault(); send?.(); }}, children);

let ids = 0;
export const newId = () => `id-${ids += 1}`;
