// What is shown while something loads or has failed; tables, also those that grow page by page.

import {h, put} from "./dom.js";
import {isAbort} from "./api.js";
import {busy, button, errorNote} from "./parts.js";

function skeleton() {
  return h("div.skeleton#loading", {role: "status"}, h("span.visually-hidden", "Loading…"), Array.from({length: 6}, () => h("i")));
}

// Shows a skeleton in `host` (unless it keeps what it has), then what `build` makes of what `get` brings, or what went
// wrong and a button to try again.
export async function fill(host, get, build, {keep = false} = {}) {
  if (!keep) put(host, skeleton());
  host.setAttribute("aria-busy", "true");
  try {
    put(host, await build(await get()));
  } catch (error) {
    if (!isAbort(error)) put(host, errorNote(error, error.status === 404 ? null : () => fill(host, get, build)));
  }
  host.removeAttribute("aria-busy");
  return host;
}

// columns: [label, cell(row), kind]; kinds: num, actions. The first cell is the row's heading. A phone's layout
// (display: block) would take the roles away, so they are written.
export function table(caption, columns, rows, id = "") {
  return h("div.table-scroll", {tabindex: "0", role: "group", "aria-label": caption},
    h(`table.table#${id}`, {role: "table"}, h("caption.visually-hidden", caption),
      h("thead", {role: "rowgroup"}, h("tr", {role: "row"}, columns.map(([label, , kind = "text"]) =>
        h(`th.is-${kind}`, {scope: "col", role: "columnheader"}, kind === "actions" ? h("span.visually-hidden", label) : label)))),
      h("tbody", {role: "rowgroup"}, rows.map(row => tableRow(columns, row, id)))));
}

function tableRow(columns, row, id) {
  return h(`tr#${id && `${id}-row`}`, {role: "row"}, columns.map(([label, cell, kind = "text"], i) => {
    const content = cell(row);
    if (i === 0) return h("th", {scope: "row", role: "rowheader"}, content);
    return h(`td.is-${kind}${content ? "" : ".is-blank"}`, {role: "cell", "data-label": kind === "actions" ? null : label}, content);
  }));
}

// A list that grows: `get(cursor)` answers {rows, next}, next null at the end. `none()` is shown when there is nothing.
export function pagedTable(caption, columns, id, get, none) {
  const host = h("div");
  let body = null;
  const add = page => {
    if (body === null) {
      if (page.rows.length === 0 && page.next === null) return [none()];
      const grid = table(caption, columns, page.rows, id);
      body = grid.querySelector("tbody");
      return [grid, foot(page)];
    }
    body.append(...page.rows.map(row => tableRow(columns, row, id)));
    host.append(...[foot(page)].filter(Boolean));
    return [];
  };
  const foot = page => {
    if (page.next === null) return null;
    const more = button("Show more", () => busy(more, async () => {
      try {
        const next = await get(page.next);
        element.remove();
        add(next);
      } catch (error) {
        if (!isAbort(error)) put(element, errorNote(error), more);
      }
    }), "small");
    const element = h("div.table__foot", page.foot, more);
    return element;
  };
  fill(host, () => get(null), add);
  return host;
}
