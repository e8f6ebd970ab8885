// A text area for YAML with line numbers, and errors beside their lines.

import {code, h, put} from "./dom.js";
import {button} from "./parts.js";

// Whether a text was typed that is not applied.
export const unsaved = within => [...within.querySelectorAll(".editor__text")].some(area => area.value !== area.defaultValue);

// Answers {element, area, setErrors(errors), start(text)}. Without `onchange` it is for reading only.
export function yamlEditor(label, text, id, onchange) {
  const gutter = h("div.editor__gutter", {"aria-hidden": "true"});
  const area = h(`textarea.editor__text#${id}`, {readOnly: !onchange, spellcheck: "false", autocapitalize: "off", wrap: "off", dir: "ltr", "aria-label": label}, text);
  const list = h("div", {role: "alert"});
  let errors = [];
  const draw = () => put(gutter, area.value.split("\n").map((_, i) => {
    const wrong = errors.find(error => error.line === i + 1);
    return h(wrong ? "div.is-wrong" : "div", {title: wrong?.message}, i + 1);
  }));
  area.addEventListener("input", () => {
    if (area.value.split("\n").length !== gutter.childElementCount) draw();
    onchange?.();
  });
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  draw();
  const setErrors = wrong => {
    errors = wrong;
    draw();
    put(list, wrong.length > 0 && errorList(wrong, area));
    area.setAttribute("aria-invalid", wrong.length > 0);
    if (wrong[0]) goTo(area, wrong[0]);
  };
  const start = anew => {
    area.value = area.defaultValue = anew;
    draw();
    onchange?.();
  };
  return {element: h("div.stack", h("div.editor", gutter, area), list), area, setErrors, start};
}

function errorList(errors, area) {
  return h("div.editor__errors#yaml-errors", h("strong", errors.length === 1 ? "One thing is wrong; nothing was changed." :
    `${errors.length} things are wrong; nothing was changed.`),
    h("ol", errors.map(error => h("li", error.line && button(`Line ${error.line}`, () => goTo(area, error), "quiet small"),
      h("span.wrap", error.path && [code(error.path), " "], error.message)))));
}

function goTo(area, {line, column}) {
  if (!line) return;
  const before = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  const end = area.value.indexOf("\n", before);
  area.focus();
  area.setSelectionRange(before + Math.max(0, (column ?? 1) - 1), end < 0 ? area.value.length : end);
  area.scrollTop = (line - 5) * parseFloat(getComputedStyle(area).lineHeight);
}
