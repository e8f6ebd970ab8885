// Changes of the catalog and of the audit log: what, from what, to what.

import {code, h} from "./dom.js";

const side = (kind, sign, label, text) => typeof text === "string" && h(`div.change__${kind}`,
  h("span.mono", {"aria-hidden": "true"}, sign), h("span.visually-hidden", label), code(text || "(empty)"));

const changeLine = ({path, before, after}) => h("li.change", path && code(path, ".change__path"),
  side("before", "−", "before: ", before), side("after", "+", "after: ", after));

export function changeList(changes) {
  return changes.length === 0 ? h("p.soft", "Nothing is different.") : h("ul.changes", changes.map(changeLine));
}
