// Money in and out of a wallet by hand. With the same request ID again nothing moves a second time, so a try whose answer was
// lost is repeated without fear.

import {amountProblem, api, checkField, decimalOf, dollars, formDialog, h, nanosOf, path, say, textField} from "./kit.js";

// What the balance will be, while one types.
function balancePreview({account}, amount) {
  const line = h("p.small", {"aria-live": "polite"});
  const look = () => {
    const nanos = nanosOf(amount.read());
    const after = nanos === null ? "" : ` and becomes ${dollars(decimalOf(nanosOf(account.balance_usd) + nanos))}${account.owed_usd === "0" ? "" : ", less what is owed"}`;
    line.textContent = `The balance is ${dollars(account.balance_usd)}${after}.`;
  };
  amount.control.addEventListener("input", look);
  look();
  return line;
}

async function move(view, {title, intro, submit, target, negative, hint, extra, sure, done}) {
  const amount = textField("amount_usd", "Amount in US dollars", {inputmode: "decimal", placeholder: negative ? "-1.50" : "25.00", hint});
  const id = textField("request_id", "Request ID", {value: `${target}-${crypto.randomUUID()}`, maxlength: 64,
    hint: "Made for this one; an invoice's number is good, too. The same ID again moves nothing a second time."});
  const takes = () => amount.read().startsWith("-");
  if (negative) {
    const look = () => { sure.element.hidden = !takes(); };
    amount.control.addEventListener("input", look);
    look();
  }
  const answer = await formDialog(`${title} ${view.account.name}`, {
    intro, fields: [amount, target !== "write-offs" && balancePreview(view, amount), extra, sure, id].filter(Boolean), submit,
    check: values => ({amount_usd: amountProblem(values.amount_usd, {negative}), request_id: !values.request_id && "It is missing.",
      reason: values.reason === "" && "Say why; it stays in the ledger.", sure: values.sure === false && (!negative || takes()) && "Tick this first."}),
    work: ({sure, ...values}) => api.post(path`/accounts/${view.account.name}/` + target, values),
    id: `${target}-dialog`,
  });
  if (!answer) return;
  say(answer.replayed ? "This was done before, with the same request ID; nothing was moved again." : done);
  view.show(answer.account);
}

const reason = () => textField("reason", "Reason (kept in the ledger)", {maxlength: 200});

export const topUp = view => move(view, {
  title: "Top up", submit: "Top up", target: "top-ups", done: "The wallet is topped up.",
  sure: checkField("sure", `Yes, add this money to ${view.account.name}`)});

export const adjust = view => move(view, {
  title: "Adjust the wallet of", submit: "Adjust", target: "adjustments", negative: true, done: "The wallet is adjusted.", extra: reason(),
  sure: checkField("sure", `Yes, take this money from ${view.account.name}`), hint: "With a minus it is taken from the wallet."});

export const writeOff = view => move(view, {
  title: "Write off what is owed by", submit: "Write off", target: "write-offs", done: "The debt is written off.", extra: reason(),
  intro: `It owes ${dollars(view.account.owed_usd)}. What is written off is not asked for any more.`});
