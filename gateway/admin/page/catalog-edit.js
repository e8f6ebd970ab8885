// Editing catalog text, of one entry or the whole: check it, look at the difference, apply it.

import {busy, button, can, changeList, confirmDialog, errorNote, h, mayLeave, note, openDialog, put, relabel, say, selectField, showDialog, whyField,
  yamlEditor} from "./kit.js";

// send(body) gets {yaml, based_on, force, validate_only, note}; `done(applied)` follows. Answers {element, buttons, area}.
export function catalogEditor({label, yaml, basedOn, send, done, fields = [], id}) {
  const outcome = h("div", {role: "status"});
  const why = whyField();
  let seen = null;
  const show = (checked, ...what) => {
    seen = checked;
    put(outcome, what);
    apply.hidden = !checked?.changed || Boolean(checked.not_allowed);
    validate.hidden = !apply.hidden;
  };
  const editor = yamlEditor(label, yaml, id, () => show(null));
  const attempt = async (validate_only, then) => {
    editor.setErrors([]);
    try {
      then(await send({yaml: editor.area.value, based_on: basedOn, force: !validate_only && Boolean(seen?.conflict), validate_only, note: why.read()}));
    } catch (error) {
      show(null, error.errors?.length ? null : errorNote(error));
      editor.setErrors(error.errors ?? []);
    }
  };
  const validate = button("Check and compare", () => busy(validate, () => attempt(true, checked => {
    show(checked, whatWouldChange(checked));
    relabel(apply, checked.conflict ? "Apply over their change" : "Apply");
    if (!apply.hidden) apply.focus();
  })), "primary #validate");
  const apply = button("Apply", () => busy(apply, () => attempt(false, applied => {
    say(`Applied as version ${applied.catalog_version}.`);
    done(applied);
  })), "primary #apply", {hidden: true});
  for (const field of fields) field.control.addEventListener("change", () => show(null));
  return {element: h("div.stack", editor.element, fields.map(field => field.element), why.element, outcome), buttons: [validate, apply], area: editor.area, start: editor.start};
}

export function whatWouldChange({changes, changed, kept_overrides: kept, conflict, not_allowed: refusal}) {
  return h("div.stack#what-would-change",
    conflict && note("warn", h("strong", "Somebody else changed the catalog since you opened it"), h("span.wrap", conflict)),
    refusal && note("warn", refusal),
    changed ? [h("p", h("strong", changes.length === 1 ? "One change" : `${changes.length} changes`), h("span.soft", " – look, then apply.")), changeList(changes)] :
      note("good", "Valid, and the same as what is in force. There is nothing to apply."),
    kept?.length > 0 && note("info", h("span", "These Images switches were flipped at run time and stay as they are: ", kept.join(", "), ".")));
}

export const editWord = () => can("operator") ? "Edit" : "View";
// What the registry lets an operator not change.
export const ownerNote = () => !can("owner") && note("info", "Prices, public IDs, addresses, credentials, adding and removing take the role owner.");

// What a new entry begins with, of its kind. templates: {kind: YAML}.
function kindField(edit, templates) {
  const kinds = Object.keys(templates);
  const field = selectField("kind", "It speaks", kinds.map(kind => [kind, kind]));
  let chosen = kinds[0];
  field.control.addEventListener("change", async () => {
    if (await mayLeave(edit.element)) edit.start(templates[chosen = field.read()]);
    else field.control.value = chosen;
  });
  return kinds.length > 1 && field;
}

// A provider or a model in a dialog; without `entry` a new one. Who may not change it reads it.
export async function editEntry(what, entry, {templates, intro, send, remove}, view) {
  const title = entry ? `${what === "model" ? "Model" : "Provider"} ${entry.name}` : `A new ${what}`;
  if (!can("operator")) return showDialog(title, yamlEditor(title, entry.yaml, "yaml").element);
  const done = await openDialog(title, close => {
    const edit = catalogEditor({label: title, yaml: entry?.yaml ?? Object.values(templates)[0], basedOn: view.basedOn, send, done: close, id: "editor"});
    const choice = !entry && kindField(edit, templates);
    const away = button("Remove", async () => {
      const removed = await confirmDialog(`Remove ${entry.name}?`, `The ${what} leaves the catalog; the history keeps it.`, `Remove the ${what}`, remove);
      if (removed) close(removed);
    }, "danger #remove");
    return {body: [h("p.soft", entry ? "Its entry in the catalog. Another name renames it." : intro), ownerNote(), choice && choice.element, edit.element],
      foot: [entry && can("owner") && [away, h("span.spring")], button("Cancel", () => close(), "#dialog-cancel"), edit.buttons]};
  }, {wide: true, id: `${what}-dialog`});
  if (done) view.reload(true);
}
