// The ledger of an account: every movement of its money, newest first, filtered, page by page, and as CSV.

import {api, button, card, code, count, dollars, empty, form, h, icon, lines, name, number, pagedTable, path, query, selectField, suggest, textField, time,
  valuesOf, words} from "./kit.js";

const kPageSize = 50;
const kTypes = ["charge", "late_charge", "top_up", "adjustment", "write_off", "subscription_granted", "subscription_changed", "subscription_rolled_over", "carried_forward"];

export function showLedger(view) {
  const asked = key => view.query.get(key) ?? "";
  const fields = [selectField("type", "What", [["", "everything"], ...kTypes.map(each => [each, words(each)])], {value: asked("type")}),
    textField("model", "Model", {value: asked("model"), placeholder: "any"}), textField("key_id", "Key", {value: asked("key_id"), placeholder: "any"})];
  const go = () => { location.hash = `${view.address}/ledger${query(valuesOf(fields))}`; };
  const offer = (field, get) => get.then(list => suggest(field, list), () => {});
  offer(fields[1], api.get("/models").then(({models}) => models.map(model => model.name)));
  offer(fields[2], api.get(path`/accounts/${view.account.name}/keys`).then(({keys}) => keys.map(key => key.id)));
  const filter = {type: asked("type"), model: asked("model"), key_id: asked("key_id")};
  fields[0].control.addEventListener("change", go);
  const base = path`/accounts/${view.account.name}/ledger`;
  return card("Ledger", [
    form("form.toolbar", go, fields.map(field => field.element),
      button("Filter", null, "", {type: "submit"}), query(filter) && h("a.button.button--quiet", {href: `${view.address}/ledger`}, "Show everything")),
    entries(base, filter),
  ], {flush: true, id: "ledger", text: "Numbered without gaps; nothing in it is ever changed",
    actions: h("a.button.button--small#ledger-csv", {href: `/admin/v1${base}.csv${query(filter)}`, download: `${view.account.name}-ledger.csv`}, icon("download"), "CSV")});
}

function entries(base, filter) {
  return pagedTable("Ledger entries", [
    ["Entry", entry => h("span", h("span.soft.num", entry.sequence), " ", words(entry.type))],
    ["Time", entry => h("span.small", time(entry.time, {exact: true}))],
    ["What for", whatFor],
    ["Amount", amount, "num"],
    ["Balance", entry => dollars(entry.balance_usd), "num"],
  ], "ledger-entry", async cursor => {
    const page = await api.get(`${base}${query({before: cursor, page_size: kPageSize, ...filter})}`);
    return {rows: page.entries, next: page.next_before, foot: query(filter) && page.next_before && `Looked back to entry ${number(page.next_before)}.`};
  }, () => query(filter) ? empty("catalog", "No such entry", "No entry of this account matches the filter.") :
    empty("catalog", "Nothing moved yet", "The first top-up or the first charge begins the ledger."));
}

function signed(usd) {
  return usd === "0" || usd.startsWith("-") ? dollars(usd) : `+${dollars(usd)}`;
}

function amount(entry) {
  // Paid with quota: no money moved.
  if (entry.funding_source === "subscription" && entry.units > 0) return h("span#amount", `−${count(entry.units, "unit")}`);
  const gain = signed(entry.amount_usd).startsWith("+");
  return lines(h(gain ? "strong.gain#amount" : "span#amount", signed(entry.amount_usd)),
    entry.owed_change_usd !== "0" && h("span.tiny.soft", "owed ", signed(entry.owed_change_usd)));
}

function whatFor(entry) {
  const paid = entry.funding_source === "subscription" ? " from the quota" : ` at ${dollars(entry.unit_price_usd)}`;
  const told = [
    entry.model && h("span", entry.delivered_count === entry.image_count ? "" : `${number(entry.delivered_count)} of `, `${count(entry.image_count, "picture")} by `, name(entry.model), h("span.soft", paid)),
    entry.over_units > 0 && `${number(entry.over_units)} beyond the quota`,
    entry.quota_units > 0 && h("span", `${number(entry.quota_units)} units until `, time(entry.period_end)),
    entry.type === "subscription_changed" && entry.quota_units === 0 && "none any more",
    entry.reason && name(entry.reason),
    entry.key_id && h("span.tiny.soft", "key ", code(entry.key_id)),
    ...[entry.reservation_id, entry.request_id].map(id => id && code(id, ".tiny.soft")),
  ].filter(Boolean);
  return told.length > 0 && lines(told);
}
