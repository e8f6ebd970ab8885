// Dialogs. Each function answers a promise that ends when the dialog closes; undefined where nothing was done.

import {form, h, newId, put} from "./dom.js";
import {isAbort} from "./api.js";
import {busy, button, copyButton, errorNote, note} from "./parts.js";
import {layout, showProblems, valuesOf} from "./forms.js";
import {unsaved} from "./editor.js";

// True unless a text would be lost that somebody wants to keep.
export const mayLeave = async within => !unsaved(within) ||
  confirmDialog("Leave without applying?", "What you typed would be lost.", "Leave", async () => true);

// With the view that opened them. What is locked stays.
export const closeDialogs = () => document.querySelectorAll("dialog:not([data-locked])").forEach(element => element.close());

// build(close) answers {body, foot, onsubmit}. `locked`: neither Escape nor a cross closes it.
export function openDialog(title, build, {wide, locked, id = "dialog"} = {}) {
  return new Promise(resolve => {
    const opener = document.activeElement;
    const heading = newId();
    let answer;
    // Without a value it is left, with nothing done.
    const close = async value => {
      if (value === undefined && !await mayLeave(element)) return;
      answer = value;
      element.close();
    };
    const {body, foot, onsubmit} = build(close);
    const element = h(`dialog.dialog${wide ? ".dialog--wide" : ""}#${id}`, {"aria-labelledby": heading, "data-locked": locked},
      form("form", onsubmit,
        h("div.dialog__head", h("h2", {id: heading}, title), !locked && button("", () => close(), "quiet +close", {"aria-label": "Close"})),
        h("div.dialog__body", body), foot && h("div.dialog__foot", foot)));
    // `cancel` alone does not do: a second Escape in a row closes without asking.
    for (const event of ["cancel", "keydown"]) {
      element.addEventListener(event, happened => {
        if (event !== "cancel" && happened.key !== "Escape") return;
        happened.preventDefault();
        if (!locked) close();
      });
    }
    element.addEventListener("close", () => {
      element.remove();
      if (opener?.isConnected) opener.focus();
      resolve(answer);
    });
    document.body.append(element);
    element.showModal();
    element.querySelector(".dialog__body :is(input, select, textarea), .dialog__foot .button--primary")?.focus();
  });
}

// `fields` as in layout(); check(values) answers {key: problem}; what work(values) brings is the answer.
export function formDialog(title, {fields = [], intro, submit, danger, check = () => ({}), work, id}) {
  return openDialog(title, close => {
    const all = fields.flat().filter(field => field.key);
    const problems = h("div", {"aria-live": "assertive"});
    const go = button(submit, null, `primary ${danger ? "danger" : ""} #dialog-submit`, {type: "submit"});
    const onsubmit = () => busy(go, async () => {
      put(problems);
      const values = valuesOf(all);
      if (showProblems(all, check(values))) return;
      try {
        close(await work(values) ?? true);
      } catch (error) {
        const param = error.param ?? (/_EXISTS$/.test(error.code) && "name");
        if (isAbort(error) || showProblems(all, {[param]: error})) return;
        put(problems, errorNote(error));
        problems.scrollIntoView({block: "nearest"});
      }
    });
    return {onsubmit, body: [intro && h("p.soft", intro), layout(fields), problems],
      foot: [button("Cancel", () => close(), "#dialog-cancel"), go]};
  }, {id});
}

// Asks, does it, and stays open with the error if it fails.
export const confirmDialog = (title, text, submit, work, danger = true) =>
  formDialog(title, {fields: [h("p", text)], submit, danger, work, id: "confirm"});

// Shows a secret once. Nothing closes it but the word that it is stored.
export const secretDialog = (title, text, secret) => openDialog(title, close => ({
  body: [h("p", text), h("div.secret", h("code#secret", {translate: "no"}, secret), copyButton(secret, "copy-secret")),
    note("warn", "It is shown this once. Only its hash is kept, so nobody can read it later.")],
  foot: button("I have stored it", () => close(true), "primary #secret-stored"),
}), {locked: true, id: "secret-dialog"});

// For reading only.
export const showDialog = (title, body, id) =>
  openDialog(title, close => ({body, foot: button("Close", () => close(), "primary")}), {wide: true, id});
