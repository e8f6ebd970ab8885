// The audit log: who did what and when, from what to what; the catalog's and billing's entries as one list.

import {api, button, changeList, code, empty, form, h, lines, name, pagedTable, pageHead, put, query, textField, time, valuesOf, words} from "./kit.js";
import {accountAddress} from "./view-accounts.js";

const kPageSize = 50;
// Looked through at once for who and action.
const kLookedThrough = 200;
const kChangesShown = 3;

export function showAudit(root, path, asked) {
  const filter = Object.fromEntries(["account", "who", "action"].map(key => [key, asked.get(key) ?? ""]));
  const fields = [textField("account", "Account", {value: filter.account, placeholder: "all"}), textField("who", "Who", {value: filter.who, placeholder: "anybody"}),
    textField("action", "Action contains", {value: filter.action, placeholder: "anything"})];
  const go = () => { location.hash = `#/audit${query(valuesOf(fields))}`; };
  put(root, pageHead("Audit log", "Every change, with who made it. Reading is not written down."),
    form("form.toolbar", go, fields.map(field => field.element), button("Filter", null, "#audit-filter", {type: "submit"}),
      query(filter) && h("a.button.button--quiet", {href: "#/audit"}, "Show everything")),
    h("section.card", auditTable(filter)));
}

const actionOf = entry => words(entry.action.replace(".", ": "));

export function auditTable({account, who = "", action = ""}) {
  const has = (text, part) => text.toLowerCase().includes(part.toLowerCase());
  return pagedTable("Audit log", [
    ["Action", entry => h("span", actionOf(entry))],
    ["When", entry => h("span.small", time(entry.time, {exact: true}))],
    ["Who", entry => name(entry.actor)],
    ["On what", onWhat],
    ["Changes", changes],
  ], "audit", async cursor => {
    const {entries, next_before_time: next} = await api.get(`/audit${query({before_time: cursor, page_size: who || action ? kLookedThrough : kPageSize, account})}`);
    return {rows: entries.filter(entry => has(entry.actor, who) && has(actionOf(entry), action)), next,
      foot: (who || action) && next && h("span", "Looked back to ", time(next))};
  }, () => empty("audit", "Nothing here yet", account || who || action ? "Nothing that is written down matches this." : "The first change that somebody makes begins the log."));
}

function onWhat({account, target}) {
  const told = [account && h("a", {href: accountAddress(account)}, name(account)), target && target !== account && code(target, ".small")].filter(Boolean);
  return told.length > 0 && lines(told);
}

function changes(entry) {
  const list = entry.changes.length > 0 && changeList(entry.changes);
  if (!list && !entry.note) return null;
  return lines(entry.note && h("p.small", "“", name(entry.note), "”"),
    entry.changes.length > kChangesShown ? h("details", h("summary", `${entry.changes.length} changes`), list) : list);
}
