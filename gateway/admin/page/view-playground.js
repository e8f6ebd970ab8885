// The playground: a real request, charged to the key's account. What was typed, the key too, stays in this module's memory
// and is forgotten when the page is closed.

import {api, areaField, busy, button, can, card, count, decimalOf, dollars, empty, errorNote, form, h, hooks, isAbort, layout, nanosOf, note, pageHead,
  passwordField, put, relabel, selectField, showProblems, suggest, textField, valuesOf} from "./kit.js";
import {codeDialog} from "./playground-code.js";
import {forgetPictures, showOutcome} from "./playground-outcome.js";

const typed = {prompt: "A clean product mockup on a neutral desk", n: "1", response_format: "b64_json"};
const kSizes = ["auto", "1024x1024", "1536x1024", "1024x1536", "512x512", "1K", "2K"];
const kRatios = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"];

export function showPlayground(root) {
  const head = pageHead("Playground", "A real request with a real key: its account is charged as for any client.");
  if (!can("operator")) {
    put(root, head, h("section.card", empty("playground", "Not with the role viewer", "A picture costs money of the key's account, so making one takes the role operator.")));
    return;
  }
  const host = h("div.stack#playground-result", {tabindex: "-1"}, h("section.card", empty("models", "Your picture will be here", "With its cost, how long it took, and who made it.")));
  put(root, head, h("div.playground", asking(host), host));
  hooks.signal.addEventListener("abort", forgetPictures);
}

function fieldsOf() {
  const value = key => typed[key] ?? "";
  const text = (key, label, placeholder, more) => textField(key, label, {value: value(key), placeholder, ...more});
  return {
    key: passwordField("api_key", "API key", {value: value("api_key"), placeholder: "pk_…", hint: "Kept in this page's memory only."}),
    model: selectField("model", "Model", []),
    prompt: areaField("prompt", "Prompt", {value: value("prompt"), rows: 4, maxlength: 32000}),
    size: text("size", "Size", "default"),
    ratio: text("aspect_ratio", "Aspect ratio", "default"),
    n: text("n", "Pictures", "1", {inputmode: "numeric"}),
    seed: text("seed", "Seed", "random", {inputmode: "numeric"}),
    quality: text("quality", "Quality", "default", {maxlength: 64}),
    style: text("style", "Style", "default", {maxlength: 64}),
    negative: text("negative_prompt", "Negative prompt", "clutter, text artifacts"),
    reference: areaField("image_url", "Reference pictures", {value: value("image_url"), rows: 2, hint: "https addresses, one a line."}),
    answer: selectField("response_format", "Answer", [["b64_json", "the picture itself"], ["url", "an address"], ["", "the provider’s own form"]], {value: value("response_format")}),
  };
}

const labelOf = (id, {available, retail_generation_usd: usd}) => `${id} – ${!available ? "not available" : usd === null ? "no wallet price" : dollars(usd)}`;

// Fills the choice of models; `price` tells what the request costs, exactly.
async function offerModels({model: {control}, n}, price) {
  const {models} = await api.get("/models").catch(() => ({models: []}));
  const byId = new Map(models.flatMap(model => model.public_ids.map(id => [id, model])));
  put(control, [...byId].map(([id, model]) => h("option", {value: id, selected: id === typed.model}, labelOf(id, model))));
  const tell = () => {
    const [model, pictures] = [byId.get(control.value), n.read() || "1"];
    put(price, model && !whole(pictures, 10, 1) && costOf(model, BigInt(pictures)));
  };
  for (const each of [control, n.control]) each.addEventListener("input", tell);
  tell();
}

function costOf({retail_generation_usd: usd, quota_units_per_image: units}, pictures) {
  const quota = `${count(Number(pictures) * units, "unit")} of a quota`;
  return [count(Number(pictures), "picture"), ": ", usd === null ? `${quota}; no wallet can pay` : [h("strong.num", dollars(decimalOf(nanosOf(usd) * pictures))), h("span.soft", ` or ${quota}`)]];
}

const whole = (text, most, least = -most) => /^-?\d{1,16}$/.test(text) && Number(text) <= most && Number(text) >= least ? null : `A whole number from ${least} to ${most}.`;

const problemsOf = values => ({
  api_key: !values.api_key && "Write the key of an account.",
  model: !values.model && "Choose a model.",
  prompt: !values.prompt.trim() && "Say what the picture shows.",
  n: values.n && whole(values.n, 10, 1),
  seed: values.seed && whole(values.seed, Number.MAX_SAFE_INTEGER),
});

// The body of POST /v1/images/generations; what is empty is absent.
function requestOf({api_key: key, image_url: urls, ...values}) {
  const request = Object.fromEntries(Object.entries(values).filter(([, value]) => value)
    .map(([name, value]) => [name, ["n", "seed"].includes(name) ? Number(value) : value]));
  const addresses = urls.split("\n").map(line => line.trim()).filter(Boolean);
  return addresses.length ? {...request, image_url: addresses} : request;
}

function asking(host) {
  const fields = fieldsOf();
  const all = Object.values(fields);
  const price = h("p.small#play-price", {"aria-live": "polite"});
  const status = h("p.visually-hidden#play-status", {role: "status"});
  offerModels(fields, price);
  suggest(fields.size, kSizes);
  suggest(fields.ratio, kRatios);
  for (const field of all) field.control.addEventListener("input", () => { typed[field.key] = field.control.value; });
  const go = button("Make it", null, "primary +playground #generate", {type: "submit"});
  const submit = () => {
    const values = valuesOf(all);
    if (showProblems(all, problemsOf(values))) return;
    busy(go, async () => {
      relabel(go, "Making it…");
      put(status, "Making the picture");
      put(status, await run(values.api_key, requestOf(values), host));
      relabel(go, "Make it");
      // The button Cancel has gone, and the focus with it.
      if (document.activeElement === document.body) host.focus({preventScroll: true});
    });
  };
  return h("section.card", {"aria-label": "Request"}, form("form.card__body", submit, layout([
    fields.key, fields.model, fields.prompt, [fields.size, fields.ratio], [fields.n, fields.seed],
    h("details", h("summary", "More"), layout([fields.negative, [fields.quality, fields.style], fields.reference, fields.answer])),
    price, h("div.actions", go, button("Copy as code", () => codeDialog(requestOf(valuesOf(all))), "+copy #copy-as-code")), status])));
}

// Goes there if its beginning is out of sight.
function reveal(host) {
  const {top} = host.getBoundingClientRect();
  if (top < 60 || top > innerHeight / 2) host.scrollIntoView();
}

// Elapsed seconds while the picture is made, and a way to stop waiting.
function waiting(host, stop) {
  const began = Date.now();
  const seconds = h("strong.num#elapsed", "0 s");
  put(host, card("Making the picture", h("div.stack", h("div.progress", {role: "progressbar", "aria-label": "Making the picture"}),
    h("p", seconds, h("span.soft", " so far. Some models take minutes.")), h("div.actions", button("Cancel", stop, "#cancel")))));
  return setInterval(() => { seconds.textContent = `${Math.floor((Date.now() - began) / 1000)} s`; }, 250);
}

// Answers what to say of it.
async function run(key, request, host) {
  const stopper = new AbortController();
  const left = hooks.signal;
  const timer = waiting(host, () => stopper.abort());
  let told = "";
  reveal(host);
  try {
    const answer = await api.post("/playground", {api_key: key, request}, {signal: AbortSignal.any([stopper.signal, left])});
    put(host, showOutcome(answer, request));
    if (answer.status === 200) told = `Made: ${count(answer.body.data.length, "picture")}`;
  } catch (error) {
    put(host, isAbort(error) ? note("info", h("span", "You stopped waiting. What the provider had begun may still be finished, and then it is charged; the ledger of the account tells.")) : errorNote(error));
  }
  clearInterval(timer);
  if (!left.aborted) reveal(host);
  return told;
}
