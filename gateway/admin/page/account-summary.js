// An account's wallet, quota, limits and usage, and what can be done with them.

import {api, button, can, card, confirmDialog, count, dollars, facts, fill, formDialog, h, limit, limitFields, limitProblems, lines, note, number, path,
  query, readLimits, say, sum, time, utcDay, words} from "./kit.js";
import {dayCharts, quotaBar} from "./charts.js";
import {planFields, quotaOf, unitsProblem} from "./view-accounts.js";
import {adjust, topUp, writeOff} from "./account-money.js";

const kUsageDays = 30;

export function accountActions(view) {
  const {suspended} = view.account;
  return [can("owner") && button("Top up", () => topUp(view), "primary +plus #top-up"),
    can("operator") && button(suspended ? "Resume" : "Suspend", () => setSuspended(view, !suspended), suspended ? "" : "danger #suspend")];
}

// What a PATCH answered is shown; nothing if the dialog was left.
async function changed(view, dialog) {
  const account = await dialog;
  if (!account) return;
  say("Saved.");
  view.show(account);
}

const patch = (view, body) => api.patch(path`/accounts/${view.account.name}`, body);

function setSuspended(view, suspended) {
  const who = view.account.name;
  return changed(view, suspended ? confirmDialog(`Suspend ${who}?`,
    "All of its keys are refused from now on. What is under way is finished and charged. Its money stays, and it can be resumed at any time.", "Suspend", () => patch(view, {suspended})) :
    confirmDialog(`Resume ${who}?`, "Its keys work again, within their limits.", "Resume", () => patch(view, {suspended}), false));
}

export function showSummary(view) {
  const {account} = view;
  const usage = h("div");
  fill(usage, () => api.get(path`/accounts/${account.name}/usage` + query({first_day: utcDay(kUsageDays - 1), last_day: utcDay(0)})), ({rows, damaged}) => [damaged.map(words => note("warn", `Not counted in: ${words}`)), usageOf(rows)]);
  return [
    account.suspended && note("warn", "This account is suspended: its keys are refused."),
    account.owed_usd !== "0" && note("warn", `It owes ${dollars(account.owed_usd)} from late settlements. Nothing is admitted until a top-up pays that.`),
    h("div.grid.grid--even", walletCard(view), quotaCard(view)), limitsCard(view), usage];
}

function walletCard(view) {
  const {account} = view;
  const owes = account.owed_usd !== "0";
  return card("Wallet", [h("p.big.num", dollars(account.available_usd)), h("p.soft.small", "free to spend"), h("hr"), facts([
    ["Balance", h("span.num#balance", dollars(account.balance_usd))],
    ["Held", h("span.num", dollars(account.held_usd), h("span.soft.small", ` for ${count(account.concurrent, "request")} under way`))],
    owes && ["Owed", h("span.trouble.num", dollars(account.owed_usd))],
    ["Created", time(account.create_time)],
  ])], {id: "wallet", actions: can("owner") && [button("Adjust", () => adjust(view), "small #adjust"), owes && button("Write off", () => writeOff(view), "small")]});
}

function quotaCard(view) {
  const plan = view.account.subscription;
  const actions = can("owner") && button("Edit", () => editPlan(view), "small");
  const body = plan ? [
    h("p.big.num", number(Math.max(0, plan.quota_units - plan.used_units - plan.held_units)), h("small.soft", ` of ${count(plan.quota_units, "unit")} left`)),
    quotaBar(plan.used_units, plan.held_units, plan.quota_units),
    h("p.soft.small", `${number(plan.used_units)} used`, plan.held_units > 0 && `, ${number(plan.held_units)} held`, plan.over_units > 0 && `, ${number(plan.over_units)} over`)] :
    [h("p.big.soft", "None"), h("p.soft.small", "pictures are paid from the wallet")];
  return card("Subscription", [body, h("hr"), facts([["Paid by", words(view.account.funding_policy)],
    plan && [`This ${plan.period}`, lines(time(plan.period_start), h("span", "to ", time(plan.period_end)))]])], {actions, id: "quota"});
}

function editPlan(view) {
  const {account} = view;
  return changed(view, formDialog(`Subscription of ${account.name}`, {
    intro: "A period begins with the subscription and is counted from there, in UTC.",
    fields: planFields(account),
    submit: "Save",
    check: values => ({units: unitsProblem(values.units)}),
    work: values => patch(view, {funding_policy: values.funding_policy, ...(values.units || account.subscription) && {quota: quotaOf(values)}}),
  }));
}

function limitsCard(view) {
  const {account} = view;
  const tile = (label, value) => h("div", h("p.soft.small", label), h("p.price.num", limit(value)));
  return card("Limits", h("div.tiles.tiles--3", tile("Requests a minute", account.requests_per_minute), tile("Pictures a minute", account.images_per_minute), tile("Requests at once", account.max_concurrent)), {
    text: "Of all its keys together; a key can have its own besides", id: "limits",
    actions: can("operator") && button("Edit", () => editLimits(view), "small #edit-limits")});
}

function editLimits(view) {
  return changed(view, formDialog(`Limits of ${view.account.name}`, {
    intro: "An empty field is no limit; 0 lets nothing through.",
    fields: [limitFields(view.account)],
    submit: "Save",
    check: limitProblems,
    work: values => patch(view, readLimits(values)),
  }));
}

// Rows by day, key and model, as days without gaps.
function usageOf(rows) {
  if (rows.length === 0) return card("Usage", h("p.soft", `No pictures in ${kUsageDays} days.`), {id: "usage"});
  return h("div", dayCharts(Array.from({length: kUsageDays}, (_, i) => {
    const day = utcDay(kUsageDays - 1 - i);
    const those = rows.filter(row => row.day === day);
    return {day, charged_usd: sum(those.map(row => row.charged_usd)), images: those.reduce((all, row) => all + row.images, 0)};
  })));
}
