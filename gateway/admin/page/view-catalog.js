// The catalog as the one text that it is: in force, being edited, and as it was.

import {ago, api, button, can, card, checkField, chip, copyButton, fill, h, lines, mayLeave, name, pageHead, put, roleNote, tabs, yamlEditor} from "./kit.js";
import {catalogEditor, ownerNote} from "./catalog-edit.js";
import {showHistory} from "./catalog-history.js";

const kTabs = {text: "In force", history: "History"};

export function showCatalog(root, [part]) {
  const tab = part in kTabs ? part : "text";
  const host = h("div.stack");
  put(root, pageHead("Catalog", "Providers, models, routes and prices: one text, kept in versions."),
    tabs("Parts of the catalog", kTabs, tab, key => `#/catalog/${key}`), host);
  const view = {host, show: () => fill(host, () => api.get("/catalog"), catalog => inForce(catalog, view))};
  if (tab === "history") put(host, showHistory());
  else view.show();
}

function inForce(catalog, view) {
  const {overrides, content_version: content, catalog_version: version} = catalog;
  return [
    overrides.length > 0 && card("Switches flipped at run time", h("ul", overrides.map(each => h("li.line",
      lines(h("strong", name(each.provider)), h("span.soft.tiny", "by ", name(each.actor), ", ", ago(each.time))),
      h("div", each.enabled ? chip("Images on", "good") : chip("Images off")))),
    ), {text: "They win over the text; an import or an apply keeps them", flush: true}),
    card(h("span.num", `Version ${version}`), [yamlEditor("The catalog in force", catalog.yaml, "catalog-yaml").element, !can("operator") && roleNote("operator", "Changing it")], {
      text: content === version ? "in force" : `in force; its text is that of version ${content}`,
      actions: [copyButton(catalog.yaml), can("operator") && button("Edit", () => edit(catalog, view), "primary small #edit-catalog")],
    })];
}

function edit(catalog, view) {
  const drop = checkField("drop_overrides", "Forget the switches flipped at run time", "Then the text alone counts.");
  const editing = catalogEditor({label: "The catalog", yaml: catalog.yaml, basedOn: catalog.content_version, id: "catalog-editor",
    send: body => api.post("/catalog", {...body, drop_overrides: drop.read()}),
    fields: catalog.overrides.length > 0 ? [drop] : [],
    done: view.show});
  put(view.host, card("Edit the catalog", h("div.stack",
    ownerNote(),
    editing.element, h("div.actions", editing.buttons, button("Cancel", async () => await mayLeave(view.host) && view.show(), "quiet #cancel-edit"))), {text: `Based on version ${catalog.content_version}`}));
  editing.area.focus();
  editing.area.setSelectionRange(0, 0);
}
