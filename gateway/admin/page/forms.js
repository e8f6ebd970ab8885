// Fields of forms: {key, element, control, read(), setError(text)}.

import {h, newId, put} from "./dom.js";
import {explain} from "./api.js";

function labelled(key, label, hint, control, read = () => control.value.trim()) {
  const id = newId();
  const error = h("span.field__error", {id: `${id}e`});
  control.id = id;
  control.setAttribute("aria-describedby", `${id}e ${id}h`);
  const setError = text => {
    put(error, text);
    control.setAttribute("aria-invalid", Boolean(text));
  };
  return {key, control, read, setError,
    element: h("div.field", h("label.field__label", {for: id}, label), control, h("span.field__hint", {id: `${id}h`}, hint), error)};
}

export function textField(key, label, {hint, ...attributes} = {}) {
  return labelled(key, label, hint,
    h(`input.input#field-${key}`, {spellcheck: "false", autocapitalize: "none", autocomplete: "off", ...attributes}));
}

// What may be typed, while anything else may be, too.
export function suggest({control}, values) {
  control.list?.remove();
  const id = newId();
  control.after(h("datalist", {id}, values.map(value => h("option", {value}))));
  control.setAttribute("list", id);
}

export const searchBox = (what, label, oninput) =>
  h(`input.input#${what}-search`, {type: "search", placeholder: label, "aria-label": label, autocapitalize: "none", oninput});

export function passwordField(key, label, attributes) {
  const field = textField(key, label, {type: "password", ...attributes});
  return {...field, read: () => field.control.value};
}

export function areaField(key, label, {hint, ...attributes} = {}) {
  const control = h(`textarea.input#field-${key}`, attributes);
  return labelled(key, label, hint, control, () => control.value);
}

// choices: [value, label].
export function selectField(key, label, choices, {hint, value, ...attributes} = {}) {
  return labelled(key, label, hint, h(`select.input#field-${key}`, attributes,
    choices.map(([choice, text]) => h("option", {value: choice, selected: choice === value}, text))));
}

export function checkField(key, label, hint, checked = false) {
  const control = h(`input#field-${key}`, {type: "checkbox", checked});
  const error = h("span.field__error");
  return {key, control, read: () => control.checked, setError: text => { put(error, text); },
    element: h("label.check", control, h("span", label, h("span.field__hint", hint), error))};
}

// Several of a list. Nothing chosen is an empty list.
export function choicesField(key, label, choices, hint, chosen = []) {
  const boxes = choices.map(choice => checkField(key, h("bdi", choice), null, chosen.includes(choice)));
  return {key, control: boxes[0]?.control, setError() {},
    read: () => choices.filter((_, i) => boxes[i].read()),
    element: choices.length > 0 && h("fieldset.field", h("legend.field__label", label), h("span.field__hint", hint),
      h("div.choices", boxes.map(box => box.element)))};
}

// Fields one below the other; those of an inner list side by side.
export function layout(fields) {
  return h("div.fields", fields.map(each =>
    Array.isArray(each) ? h("div.fields.fields--row", each.map(field => field.element)) : each.element ?? each));
}

const kLimits = [["requests_per_minute", "Requests a minute", 1_000_000], ["images_per_minute", "Pictures a minute", 1_000_000],
  ["max_concurrent", "Requests at once", 100_000]];

export const limitFields = limits => kLimits.map(([key, label]) =>
  textField(key, label, {value: limits?.[key] ?? "", inputmode: "numeric", placeholder: "unlimited"}));

// Makes integers of what was typed, null of nothing.
export const readLimits = values => Object.fromEntries(kLimits.map(([key]) => [key, values[key] === "" ? null : Number(values[key])]));

export const limitProblems = values => Object.fromEntries(kLimits.map(([key, , most]) =>
  [key, /^\d{0,7}$/.test(values[key]) && Number(values[key]) <= most ? null : "A whole number, or nothing for unlimited."]));

export const nameProblem = text => /^[a-z0-9-]{1,40}$/.test(text) ? null : "At most 40 of a–z, 0–9 and -.";

export const nameField = () => textField("name", "Name", {hint: "1 to 40 of a–z, 0–9 and -. It is never reused.", maxlength: 40});
export const whyField = () => textField("note", "Why (kept in the history)", {maxlength: 200, placeholder: "optional"});

// problems: {key: text or error}. True when one of them has its field; the first gets the focus.
export function showProblems(fields, problems) {
  let first = null;
  for (const field of fields) {
    const problem = problems[field.key];
    field.setError(problem && (typeof problem === "string" ? problem : explain(problem)));
    if (problem) first ??= field;
  }
  first?.control.focus();
  return first !== null;
}

export const valuesOf = fields => Object.fromEntries(fields.map(field => [field.key, field.read()]));
