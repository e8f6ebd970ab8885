// What views are made of: headings, buttons, chips, cards, notes, messages.

import {h, newId, put} from "./dom.js";
import {ApiError, explain, hooks, isAbort} from "./api.js";
import {icon} from "./icons.js";

const kShownMilliseconds = 6000;

export function pageHead(title, text, actions = [], crumb) {
  return h("header.page-head", h("div.page-head__text", crumb && h("p.small", crumb),
    h("h1", {tabindex: "-1"}, title), text && h("p.soft", text)), h("div.actions", actions));
}

// button("Add", add, "primary +plus #add-model"): kinds, +icon, #test-id.
export function button(label, onclick, how = "", attributes = {}) {
  const words = how.split(" ").filter(Boolean);
  const starting = mark => words.find(word => word[0] === mark)?.slice(1);
  const kinds = words.filter(word => /^\w/.test(word)).map(kind => `.button--${kind}`).join("");
  return h(`button.button${kinds}#${starting("#") ?? ""}`, {type: "button", onclick, ...attributes},
    starting("+") && icon(starting("+")), h("span", label));
}
export const relabel = (element, text) => put(element.querySelector("span"), text);

// A button of a row or a card: "Test acme" for whoever does not see where it stands.
export const rowButton = (label, of, onclick, how) => button(label, onclick, `small ${how}`, {"aria-label": `${label} ${of}`});

// The button shows that `work` is under way, and cannot be pressed twice meanwhile.
export async function busy(element, work) {
  if (element.getAttribute("aria-disabled")) return;
  element.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    element.removeAttribute("aria-disabled");
  }
}

// `text` may be a function. The clipboard exists wherever this page does: on https and on loopback.
export function copyButton(text, id = "copy") {
  const element = button("Copy", async () => {
    const done = await navigator.clipboard.writeText(typeof text === "function" ? text() : text).then(() => true, () => false);
    relabel(element, done ? "Copied" : "Copy it by hand");
    setTimeout(() => relabel(element, "Copy"), 2000);
  }, `small +copy #${id}`, {"aria-live": "polite"});
  return element;
}

// kind: good, warn, bad, accent or none; with one of the first three, a dot besides the word.
export function chip(text, kind = "", attributes = {}) {
  return h(`span.chip${kind && `.chip--${kind}`}`, attributes, text);
}

export function note(kind, ...children) {
  return h(`div.note.note--${kind}`, icon(kind === "info" ? "info" : kind === "good" ? "check" : "warn"), h("div.note__body", children));
}

// Says why there are no buttons.
export const roleNote = (role, what) => h("p.soft.small", `${what} takes the role ${role}.`);

export function card(title, body, {text, actions = [], flush, id = ""} = {}) {
  const heading = newId();
  return h(`section.card#${id}`, {"aria-labelledby": heading},
    h("div.card__head", h("div", h("h2", {id: heading}, title), text && h("p.soft.small", text)), h("div.actions", actions)),
    h(flush ? "div.card__flush" : "div.card__body", body));
}

// Parts of a view, each with an address of its own. parts: {key: label}.
export const tabs = (label, parts, chosen, addressOf, how = "tabs") => h(`nav.${how}`, {"aria-label": label},
  Object.entries(parts).map(([key, text]) => h(`a#tab-${key}`, {href: addressOf(key), "aria-current": key === chosen && "page"}, text)));

export const facts = pairs => h("dl.facts", pairs.filter(Boolean).map(([label, value]) => [h("dt", label), h("dd", value)]));

export function empty(iconName, title, text, ...actions) {
  return h("div.empty", icon(iconName), h("h2", title), h("p", text), h("div.actions", actions));
}

// An error in words, with its request ID and, where it makes sense, a way on.
export function errorNote(error, retry) {
  if (!(error instanceof ApiError)) console.error(error);
  return h("div.note.note--bad#error", {role: "alert"}, icon("warn"), h("div.note__body", h("span", explain(error)),
    error.requestId && h("span.small", "Request ", h("code", error.requestId)),
    retry && button("Try again", retry, "small +retry #retry")));
}

// Short messages at the foot of the page: the newest of what went well, and errors until they are closed.
function show(kind, ...children) {
  document.querySelector(".message--good")?.remove();
  const box = h(`div.message.message--${kind}#message-${kind}`, h("div.message__text", children),
    button("", () => box.remove(), "quiet +close", {"aria-label": "Close this message"}));
  box.shown = Date.now();
  document.getElementById("messages").append(box);
  if (kind === "good") setTimeout(() => box.remove(), kShownMilliseconds);
}
// What went well is no news in the next view.
export function clearMessages() {
  for (const box of document.querySelectorAll(".message--good")) if (Date.now() - box.shown > 1000) box.remove();
}
export const say = (...text) => show("good", text);
// `what` did not come about: "Images are still on."
export function sayError(what, error) {
  if (!isAbort(error)) show("bad", what, " ", explain(error), error.requestId && h("small", ` Request ${error.requestId}`));
}

// A switch; `flip(wanted, draw)` is called when it is pressed.
export function toggle(label, on, flip, id) {
  const word = h("span", {"aria-hidden": "true"});
  const element = h(`button.switch#${id}`, {type: "button", role: "switch", "aria-label": label}, h("span.switch__track"), word);
  const draw = state => {
    element.setAttribute("aria-checked", state);
    put(word, state ? "On" : "Off");
  };
  draw(on);
  element.addEventListener("click", () => busy(element, () => flip(element.getAttribute("aria-checked") !== "true", draw)));
  return element;
}

// Calls `work` now and then while the view is looked at. A reader who has gone away must not keep a session alive.
const kIdleMilliseconds = 10 * 60_000;
let lastInput = Date.now();
for (const event of ["pointermove", "keydown"]) addEventListener(event, () => { lastInput = Date.now(); });
export function every(milliseconds, work) {
  const timer = setInterval(() => {
    // What fails is told by the next round, or by the reader's next step.
    if (!document.hidden && Date.now() - lastInput < kIdleMilliseconds) work().catch(() => {});
  }, milliseconds);
  hooks.signal.addEventListener("abort", () => clearInterval(timer));
}
