// The catalog's history: who changed what and when, any two versions compared, an earlier one put in force again.

import {api, busy, button, can, card, changeList, chip, count, empty, errorNote, fill, h, lines, name, openDialog, pagedTable, put, query, relabel, say,
  showDialog, time, whyField, words} from "./kit.js";
import {whatWouldChange} from "./catalog-edit.js";

const kPageSize = 20;

export function showHistory() {
  const host = h("div");
  const compare = button("", () => showChanges(...[...view.chosen].sort((a, b) => a - b)), "small");
  const view = {chosen: new Set(), newest: null};
  view.choose = (version, chosen) => {
    if (chosen) view.chosen.add(version);
    else view.chosen.delete(version);
    compare.disabled = view.chosen.size !== 2;
    relabel(compare, compare.disabled ? "Choose two to compare" : "Compare these two");
  };
  view.show = () => {
    view.newest = view.newestText = null;
    view.chosen.clear();
    view.choose();
    put(host, list(view));
  };
  view.show();
  return card("History", host, {flush: true, text: "Every change is a version; the newest hundred are kept", actions: compare});
}

function list(view) {
  return pagedTable("Versions of the catalog", [
    ["Version", row => versionCell(row, view)],
    ["Kind", row => chip(row.kind === "switch" ? "Images switch" : words(row.kind), row.kind === "rollback" ? "warn" : "")],
    ["Who and when", row => lines(name(row.actor), h("span.soft.small", time(row.time)))],
    ["Note", row => row.note && name(row.note)],
    ["Actions", row => h("div.actions",
      row.replaced_version > 0 && button(count(row.change_count, "change"), () => showChanges(row.replaced_version, row.version), "small", {"aria-label": `${count(row.change_count, "change")} of version ${row.version}`}),
      row.content_version !== view.newestText && can("operator") && button("Roll back", () => rollback(row, view), "small quiet #rollback", {"aria-label": `Roll back to version ${row.version}`})), "actions"],
  ], "version", async cursor => {
    const {versions, more} = await api.get(`/catalog/versions${query({page_size: kPageSize, before_version: cursor})}`);
    view.newest ??= versions[0]?.version;
    // A version with the same text is in force already.
    view.newestText ??= versions[0]?.content_version;
    return {rows: versions, next: more ? versions.at(-1).version : null};
  }, () => empty("audit", "No versions yet", "The first import or apply begins the history."));
}

function versionCell(row, view) {
  const box = h("input", {type: "checkbox", "aria-label": `Compare version ${row.version}`, onchange: () => view.choose(row.version, box.checked)});
  return h("span.row", box, h("span.num", {title: `SHA-256 ${row.sha256}`}, row.version), row.version === view.newest && chip("in force", "good"));
}

function showChanges(from, to) {
  const host = h("div");
  fill(host, () => api.get(`/catalog/changes${query({from, to})}`), ({changes}) => changeList(changes));
  return showDialog(`From ${from} to ${to}`, host, "compare-dialog");
}

// Shows first what it would change. The version that this was seen against must still be in force when it is done.
async function rollback({version}, view) {
  const done = await openDialog(`Roll back to version ${version}`, close => {
    const [host, problems] = [h("div"), h("div", {"aria-live": "assertive"})];
    const why = whyField();
    let basedOn = null;
    const send = validate_only => api.post("/catalog/rollback", {version, based_on: basedOn, note: why.read(), validate_only});
    const onsubmit = () => busy(go, async () => {
      try {
        close(await send(false));
      } catch (error) {
        put(problems, errorNote(error));
      }
    });
    const go = button("Roll back", null, "primary danger #confirm-rollback", {type: "submit", disabled: true});
    fill(host, async () => {
      basedOn = (await api.get("/catalog")).content_version;
      return send(true);
    }, checked => {
      go.disabled = !checked.changed || Boolean(checked.not_allowed);
      return whatWouldChange(checked);
    });
    return {onsubmit, body: [h("p.soft", "Its text becomes a new version. Images switches flipped at run time stay."), host, why.element, problems],
      foot: [button("Cancel", () => close(), "#dialog-cancel"), go]};
  }, {wide: true, id: "rollback-dialog"});
  if (!done) return;
  say(`Rolled back: version ${done.catalog_version} has the text of ${version}.`);
  view.show();
}
