// The list of accounts, and making a new one.

import {amountProblem, api, button, can, chip, dollars, empty, formDialog, h, limit, limitFields, limitProblems, name, nameField, nameProblem, number,
  pagedTable, pageHead, put, query, readLimits, roleNote, say, searchBox, selectField, textField, time} from "./kit.js";

const kPageSize = 50;
const kTypingMilliseconds = 250;

export const accountAddress = account => `#/accounts/${encodeURIComponent(account)}`;

export function showAccounts(root) {
  const host = h("section.card");
  const show = prefix => put(host, list(prefix));
  let timer = 0;
  const search = searchBox("account", "Name begins with…", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(search.value.trim()), kTypingMilliseconds);
  });
  put(root, pageHead("Accounts", "Who pays: from a wallet, a subscription, or both. Keys belong to an account.",
    [search, can("owner") && button("Create an account", create, "primary +plus #create-account")]),
    !can("owner") && roleNote("owner", "Creating accounts and moving money"), host);
  show("");
}

function list(prefix) {
  return pagedTable("Accounts", [
    ["Account", account => h("a", {href: accountAddress(account.name)}, name(account.name))],
    ["State", stateOf],
    ["Free to spend", account => dollars(account.available_usd), "num"],
    ["On hold", account => account.held_usd === "0" ? "–" : dollars(account.held_usd), "num"],
    ["Quota", ({subscription: plan}) => plan && `${number(plan.used_units)} of ${number(plan.quota_units)} a ${plan.period}`],
    ["Limits", account => h("span.tiny.soft", limitsText(account))],
    ["Created", account => h("span.small", time(account.create_time))],
  ], "account", async cursor => {
    const page = await api.get(`/accounts${query({page_size: kPageSize, page_token: cursor, prefix})}`);
    return {rows: page.accounts, next: page.next_page_token};
  }, () => prefix ? empty("accounts", "No such account", "No account's name begins with this text.") :
    empty("accounts", "No accounts yet", "An account holds money or a quota. Create one, top it up, and give it a key.",
      can("owner") && button("Create the first one", create, "primary +plus")));
}

export function stateOf(account) {
  if (account.suspended) return chip("Suspended", "bad");
  return account.owed_usd === "0" ? chip("Active", "good") : chip(`Owes ${dollars(account.owed_usd)}`, "warn", {title: "Nothing is admitted until it is paid"});
}

export function limitsText({requests_per_minute: requests, images_per_minute: images, max_concurrent: most}) {
  const told = [[requests, " requests a minute"], [images, " pictures a minute"], [most, " at once"]].filter(([value]) => value !== null);
  return told.map(([value, unit]) => limit(value, unit)).join(", ") || "no limits";
}

// What of an account's plan can be chosen.
export function planFields(account) {
  const plan = account?.subscription;
  return [[textField("units", "Subscription, units", {value: plan?.quota_units ?? "", inputmode: "numeric", placeholder: "none"}),
    selectField("period", "each", [["month", "month"], ["week", "week"], ["day", "day"]], {value: plan?.period})],
    selectField("funding_policy", "Paid by", [["subscription_first", "Subscription, then wallet"], ["subscription_only", "Subscription only"], ["wallet_only", "Wallet only"]], {value: account?.funding_policy})];
}
export const unitsProblem = text => /^([1-9]\d{0,8})?$/.test(text) ? null : "A whole number above 0, or nothing for no subscription.";
export const quotaOf = ({units, period}) => units ? {units: Number(units), period} : null;

function bodyOf(values) {
  const body = {name: values.name, funding_policy: values.funding_policy, wallet_usd: values.wallet_usd || null, quota: quotaOf(values), ...readLimits(values)};
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

async function create() {
  const made = await formDialog("Create an account", {
    fields: [nameField(),
      textField("wallet_usd", "Opening money in US dollars", {inputmode: "decimal", placeholder: "0"}),
      ...planFields(), h("h3", "Limits of all its keys together"), limitFields()],
    submit: "Create account",
    check: values => ({...limitProblems(values), name: nameProblem(values.name), units: unitsProblem(values.units),
      wallet_usd: values.wallet_usd && amountProblem(values.wallet_usd, {zero: true})}),
    work: values => api.post("/accounts", bodyOf(values)),
  });
  if (!made) return;
  say("Created ", name(made.name), ". Next: a key for it.");
  location.hash = `${accountAddress(made.name)}/keys`;
}
