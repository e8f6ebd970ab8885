// The price of a model's picture, changed in its place: exact decimal text, and what some pictures will cost with it.

import {amountProblem, api, busy, button, can, count, decimalOf, dollars, errorNote, form, h, name, nanosOf, path, put, rowButton, say, showProblems,
  textField} from "./kit.js";

const kExamples = [1, 4, 10, 1000];

export function priceCell(model, view) {
  const host = h("div");
  showPrice(host, model, view);
  return host;
}

function showPrice(host, model, view) {
  const price = model.retail_generation_usd;
  put(host, h("div.row", h("span.price.num", price === null ? h("span.soft", "none") : dollars(price)),
    h("span.soft.small", `or ${count(model.quota_units_per_image, "unit")} of a quota`),
    can("owner") && rowButton("Edit", `the price of ${model.name}`, () => showForm(host, model, view), "#edit-price")));
}

const problemOf = text => text && amountProblem(text, {zero: true});

function preview(text) {
  if (problemOf(text)) return "";
  if (!text) return h("p.soft", "Without a price, only subscriptions can pay for it.");
  return h("dl.preview", kExamples.map(n => h("div", h("dt.soft", count(n, "picture")), h("dd.num", dollars(decimalOf(nanosOf(text) * BigInt(n)))))));
}

function showForm(host, model, view) {
  const price = textField("retail_generation_usd", "US dollars a picture", {value: model.retail_generation_usd ?? "", inputmode: "decimal", placeholder: "none"});
  const units = textField("quota_units_per_image", "Quota units a picture", {value: model.quota_units_per_image, inputmode: "numeric"});
  const cost = h("div.small#price-preview", {"aria-live": "polite"});
  const problems = h("div", {"aria-live": "assertive"});
  const look = () => {
    price.setError(problemOf(price.read()));
    put(cost, preview(price.read()));
  };
  const back = () => {
    showPrice(host, model, view);
    host.querySelector("button").focus();
  };
  const save = button("Save the price", null, "primary small #save-price", {type: "submit"});
  const submit = () => busy(save, async () => {
    put(problems);
    if (showProblems([price, units], {retail_generation_usd: problemOf(price.read()), quota_units_per_image: !/^\d{1,6}$/.test(units.read()) && "A whole number."})) return;
    try {
      await setPrice(model, price.read() || null, Number(units.read()), view.basedOn);
      view.reload(true);
    } catch (error) {
      put(problems, errorNote(error));
    }
  });
  price.control.addEventListener("input", look);
  look();
  const asked = form("form.fields", submit,
    h("div.fields.fields--row", price.element, units.element), cost, problems, h("div.actions", save, button("Cancel", back, "small")));
  asked.addEventListener("keydown", event => event.key === "Escape" && back());
  put(host, asked);
  price.control.select();
}

async function setPrice(model, usd, units, basedOn) {
  await api.put(path`/models/${model.name}/price`, {retail_generation_usd: usd, quota_units_per_image: units, based_on: basedOn, note: ""});
  say(name(model.name), usd === null ? " has no wallet price now." : ` costs ${dollars(usd)} a picture now.`);
}
