// What views are built with, from one place.

export * from "./api.js";
export * from "./changes.js";
export * from "./dialogs.js";
export * from "./dom.js";
export * from "./editor.js";
export * from "./format.js";
export * from "./forms.js";
export * from "./icons.js";
export * from "./lists.js";
export * from "./money.js";
export * from "./parts.js";
export * from "./session.js";
