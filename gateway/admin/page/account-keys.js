// The keys of an account: made (the secret is shown once), limited, revoked.

import {api, button, can, card, chip, choicesField, code, confirmDialog, empty, fill, formDialog, h, limitFields, limitProblems, listed, name, path,
  readLimits, rowButton, say, secretDialog, selectField, table, time} from "./kit.js";
import {limitsText} from "./view-accounts.js";

const kDays = [["", "never"], [1, "in a day"], [7, "in 7 days"], [30, "in 30 days"], [90, "in 90 days"], [365, "in a year"]];

export function showKeys(view) {
  const host = h("div");
  view.reloadKeys = keep => fill(host, () => api.get(path`/accounts/${view.account.name}/keys`), ({keys}) => list(view, keys), {keep});
  view.reloadKeys(false);
  return card("Keys", host, {flush: true, id: "keys", text: can("owner") ? "A key's secret is shown once, when it is made" : "Making keys takes the role owner",
    actions: can("owner") && button("Create a key", () => create(view), "primary +key #create-key")});
}

function list(view, keys) {
  if (keys.length === 0) return empty("key", "No keys yet", "A client sends a key with every request. Create one and hand it over.");
  return table("Keys", [
    ["Key", key => h("span", code(key.id), key.imported && [" ", chip("imported")])],
    ["State", stateChip],
    ["Limits", key => h("span.small", limitsText(key))],
    ["Models", key => key.models.length === 0 ? "all" : h("span.small", listed(key.models.map(name)))],
    ["Created", key => h("span.small", time(key.create_time))],
    ["Expires", key => h("span.small", time(key.expire_time))],
    ["Actions", key => key.revoked ? null : h("div.actions",
      can("owner") && rowButton("Edit", key.id, () => change(view, key), ""),
      can("operator") && rowButton("Revoke", key.id, () => revoke(view, key), "danger #revoke-key")), "actions"],
  ], keys, "key");
}

function stateChip(key) {
  if (key.revoked) return chip("Revoked", "bad");
  return key.expire_time && new Date(key.expire_time) <= Date.now() ? chip("Expired", "warn") : chip("Active", "good");
}

// Asks what of a key can be chosen; `send` gets the body. Without a list of models the key can still be made.
async function keyDialog(title, key, submit, send) {
  const {models} = await api.get("/models").catch(() => ({models: []}));
  const names = [...new Set([...models.map(model => model.name), ...key?.models ?? []])];
  return formDialog(title, {
    intro: "Its limits count besides those of the account.",
    fields: [limitFields(key), choicesField("models", "Models that it may use", names, "None chosen: all, also those to come.", key?.models),
      selectField("expires", "Expires", key ? [["keep", "as it is"], ...kDays] : kDays)],
    submit,
    check: limitProblems,
    work: values => send(bodyOf(values, key)),
  });
}

function bodyOf(values, key) {
  const body = {...readLimits(values), models: values.models.length ? values.models : null};
  if (values.expires !== "keep") body.expires_in_seconds = values.expires ? values.expires * 86_400 : null;
  // For a new key what is absent is unlimited; for one that is there, null takes the limit away.
  return key ? body : Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

async function create(view) {
  const who = view.account.name;
  const made = await keyDialog(`A key for ${who}`, null, "Create key", body => api.post(path`/accounts/${who}/keys`, body));
  if (!made) return;
  await secretDialog(`Key ${made.key.id}`, "Give this to the client. It goes into the header “Authorization: Bearer …”.", made.api_key);
  view.reloadKeys(true);
}

async function change(view, key) {
  if (!await keyDialog(`Key ${key.id}`, key, "Save", body => api.patch(path`/keys/${key.id}`, body))) return;
  say("The key is changed.");
  view.reloadKeys(true);
}

async function revoke(view, key) {
  const done = await confirmDialog(`Revoke ${key.id}?`, "The next request with it is refused with 401. What is under way is finished and charged. This cannot be undone.",
    "Revoke the key", () => api.post(path`/keys/${key.id}/revoke`));
  if (!done) return;
  say(code(key.id), " is revoked.");
  view.reloadKeys(true);
}
