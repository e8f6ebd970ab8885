// The people who may sign in, and what their roles allow.

import {ago, api, button, can, chip, confirmDialog, fill, formDialog, h, name, nameField, nameProblem, pageHead, path, put, roleNote, rowButton, say,
  secretDialog, selectField, session, table, time, words} from "./kit.js";

const roleField = value => selectField("role", "Role", ["viewer", "operator", "owner"].map(role => [role, words(role)]), {value,
  hint: "A viewer reads; an operator also switches, tests, limits, suspends, edits what is no money; an owner does everything."});

export function showOperators(root) {
  const host = h("section.card");
  const reload = keep => fill(host, () => api.get("/operators"), ({operators}) => list(operators, reload), {keep});
  put(root, pageHead("Operators", "Who may sign in to this page, and what their role allows.",
    can("owner") && button("Add an operator", () => create(reload), "primary +plus #create-operator")),
    !can("owner") && roleNote("owner", "Adding and changing operators"), host);
  reload(false);
}

function list(operators, reload) {
  return table("Operators", [
    ["Name", each => h("span.row", name(each.name), each.name === session().operator?.name && chip("you", "accent"))],
    ["Role", each => words(each.role)],
    ["State", stateChip],
    ["Last sign-in", each => h("span.small", ago(each.login_time))],
    ["Added", each => h("span.small", time(each.create_time))],
    ["Actions", each => can("owner") && actions(each, reload), "actions"],
  ], operators, "operator");
}

function stateChip(each) {
  if (each.disabled) return chip("Disabled", "bad");
  return each.password_is_initial ? chip("First password", "warn", {title: "The password is still the one that was given out"}) : chip("Active", "good");
}

function actions(each, reload) {
  const small = (label, work, how) => rowButton(label, each.name, () => work(each, reload), how);
  return h("div.actions", small("Edit", changeRole, ""), small("Password", resetPassword, ""),
    each.disabled ? small("Enable", setDisabled, "") : small("Disable", setDisabled, "danger"));
}

async function showPassword(made, reload) {
  if (!made) return;
  await secretDialog(`Password of ${made.operator.name}`, "Hand it over safely. They can choose their own after signing in.", made.password);
  reload(true);
}

async function create(reload) {
  showPassword(await formDialog("Add an operator", {
    fields: [nameField(), roleField()],
    submit: "Add operator",
    check: values => ({name: nameProblem(values.name)}),
    work: values => api.post("/operators", values),
  }), reload);
}

async function changed(dialog, reload) {
  if (!await dialog) return;
  say("Saved.");
  reload(true);
}

const patch = (each, body) => api.patch(path`/operators/${each.name}`, body);

const changeRole = (each, reload) => changed(formDialog(`Role of ${each.name}`, {
  intro: "With fewer rights than before, their sessions end.",
  fields: [roleField(each.role)],
  submit: "Save",
  work: values => patch(each, values),
}), reload);

const setDisabled = (each, reload) => changed(each.disabled ?
  confirmDialog(`Enable ${each.name}?`, "They can sign in again with their password.", "Enable", () => patch(each, {disabled: false}), false) :
  confirmDialog(`Disable ${each.name}?`, "Their sessions end at once, and they cannot sign in until they are enabled again.", "Disable", () => patch(each, {disabled: true})), reload);

const resetPassword = async (each, reload) => showPassword(await confirmDialog(`A new password for ${each.name}?`,
  "The present one stops working and their sessions end. The new one is shown once.", "Make a new password", () => api.post(path`/operators/${each.name}/reset-password`)), reload);
