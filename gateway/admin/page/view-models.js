// The models: their public IDs, routes and prices, and their entries in the catalog.

import {api, button, can, chip, code, count, empty, fill, h, lines, listed, name, pageHead, path, put, query, roleNote, rowButton, searchBox} from "./kit.js";
import {priceCell} from "./model-price.js";
import {editEntry, editWord} from "./catalog-edit.js";

const kNewModel = `name: my-model
public_ids: [my-model]
owned_by: example
capabilities: [image_generation]
retail_generation_usd: "0.04"
quota_units_per_image: 1
routes:
  - provider: my-provider
    upstream_model: the-providers-own-name
    supported_parameters: [n, size, response_format]
`;

export function showModels(root) {
  const host = h("div.stack");
  const view = {};
  view.reload = keep => fill(host, () => Promise.all([api.get("/models"), api.get("/providers").catch(() => ({providers: []}))]), lists => build(...lists, view), {keep});
  const search = searchBox("model", "Find a model", () => {
    for (const each of host.children) each.hidden = !each.textContent.toLowerCase().includes(search.value.trim().toLowerCase());
  });
  put(root, pageHead("Models", "What clients ask for by its public IDs, where it is made, and what a picture costs.",
    [search, can("owner") && button("Add a model", () => edit(view), "primary +plus #add-model")]),
    !can("owner") && roleNote("owner", "Changing prices and public IDs"), host);
  view.reload(false);
}

function build(list, {providers}, view) {
  view.basedOn = list.content_version;
  view.off = new Set(providers.filter(each => !each.images_enabled).map(each => each.name));
  if (list.models.length > 0) return list.models.map(model => modelCard(model, view));
  return h("section.card", empty("models", "No models yet", "A model has a public name, a price, and a route to a provider that makes its pictures.",
    can("owner") && button("Add the first one", () => edit(view), "primary +plus")));
}

function modelCard(model, view) {
  return h("article.card#model", {"data-model": model.name},
    h("div.card__head", h("div", h("h2", name(model.name)), model.owned_by && h("p.soft.small", "by ", name(model.owned_by))),
      h("div.actions", stateChip(model), rowButton(editWord(), model.name, () => edit(view, model), "#edit-model"))),
    h("div.card__body.grid",
      lines(h("h3.overline", "Public IDs"), h("div.row", model.public_ids.map(id => code(id, ".chip")))),
      lines(h("h3.overline", "Price of a picture"), priceCell(model, view)),
      h("div.lines.grid__wide", whyNot(model, view), routes(model, view))));
}

function stateChip(model) {
  if (!model.available) return chip("Not available", "bad");
  return model.retail_generation_usd === null ? chip("No wallet price", "warn", {title: "Only subscriptions can pay for it"}) : chip("Available", "good");
}

function whyNot({available, routes}, {off}) {
  if (available) return null;
  const reasons = routes.map(route => route.disabled ? ["its route to ", name(route.provider), " is switched off"] : off.has(route.provider) && ["Images of ", name(route.provider), " are off"]).filter(Boolean);
  return h("p.trouble#why-not", routes.length === 0 ? "No route: nobody makes its pictures." :
    ["Nobody makes its pictures", reasons.length > 0 && ": ", listed(reasons, "; "), "."]);
}

function routes(model, {off}) {
  return model.routes.length > 0 && h("details", h("summary", `${count(model.routes.length, "route")}: `, listed(model.routes.map(route => name(route.provider)))), h("ol.boxed", model.routes.map(route => h("li.line", lines(
    h("span", h("a", {href: "#/providers"}, name(route.provider)), h("span.soft", " as "), code(route.upstream_model)),
    h("div.row", chip(`priority ${route.priority}`), chip(`weight ${route.weight}`), chip(`${count(route.max_images_per_call, "picture")} a call`),
      route.reference_images !== "none" && chip(`reference pictures: ${route.reference_images}`), route.retry_safe && chip("retry safe"), route.disabled && chip("switched off", "warn"), off.has(route.provider) && chip("Images off", "warn")),
    h("span.soft.tiny", "understands ", route.supported_parameters.join(", ") || "the prompt only"))))));
}

function edit(view, model) {
  return editEntry("model", model, {
    templates: {kNewModel},
    intro: "Its routes must name providers that exist.",
    send: body => model ? api.put(path`/models/${model.name}`, body) : api.post("/models", body),
    remove: () => api.delete(path`/models/${model.name}` + query({based_on: view.basedOn})),
  }, view);
}
