// The start: who is signed in, which view the address names, and the change from one view to the next.

import {clearMessages, closeDialogs, empty, h, hooks, loadSession, mayLeave, put, session, unsaved} from "./kit.js";
import {showSignIn, showUnreachable} from "./sign-in.js";
import {buildFrame} from "./frame.js";
import {showOverview} from "./view-overview.js";
import {showProviders} from "./view-providers.js";
import {showModels} from "./view-models.js";
import {showAccounts} from "./view-accounts.js";
import {showAccount} from "./view-account.js";
import {showPlayground} from "./view-playground.js";
import {showCatalog} from "./view-catalog.js";
import {showAudit} from "./view-audit.js";
import {showOperators} from "./view-operators.js";

const kViews = {
  overview: ["Overview", showOverview],
  providers: ["Providers", showProviders],
  models: ["Models", showModels],
  accounts: ["Accounts", (root, path, query) => (path[0] ? showAccount : showAccounts)(root, path, query)],
  playground: ["Playground", showPlayground],
  catalog: ["Catalog", showCatalog],
  audit: ["Audit log", showAudit],
  operators: ["Operators", showOperators],
};

const host = document.getElementById("app");
let frame = null;
let present = new AbortController();
let shown = "";

function notFound(root) {
  put(root, h("h1", {tabindex: "-1"}, "Not found"), h("section.card", empty("info", "Nothing is here", "No view has this address.", h("a.button", {href: "#/overview"}, "To the overview"))));
}

// "#/accounts/acme/ledger?type=charge": the view accounts with ["acme", "ledger"] and the query.
async function show() {
  const wanted = location.hash;
  if (unsaved(document)) {
    // The address stays that of what is seen until it is left.
    history.replaceState(null, "", shown);
    if (!await mayLeave(document)) return;
    history.replaceState(null, "", wanted);
  }
  shown = wanted || "#";
  closeDialogs();
  clearMessages();
  const [names, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [place, ...path] = (names || "overview").split("/").map(decodeURIComponent);
  const [title, build] = kViews[place] ?? ["Not found", notFound];
  present.abort();
  present = new AbortController();
  hooks.signal = present.signal;
  document.title = `${path[0] ?? title} · Prismatic`;
  frame.mark(place);
  const root = h(`div.view#view-${place}`);
  const before = document.activeElement;
  const focusGoes = before === document.body || frame.main.contains(before);
  const tab = before.closest?.(".tabs, .segments") && before.textContent;
  if (frame.main.firstElementChild?.dataset.testid !== root.dataset.testid) scrollTo(0, 0);
  put(frame.main, root);
  build(root, path, new URLSearchParams(search));
  const sameTab = [...root.querySelectorAll(".tabs a, .segments a")].find(link => link.textContent === tab);
  if (focusGoes || sameTab) (sameTab ?? root.querySelector("h1"))?.focus({preventScroll: true});
}

function enter() {
  frame = buildFrame(host, kViews);
  addEventListener("hashchange", show);
  addEventListener("beforeunload", event => {
    if (unsaved(document)) event.preventDefault();
  });
  show();
}

async function start() {
  try {
    await loadSession();
    if (session()) enter();
    else showSignIn(host, enter);
  } catch (error) {
    showUnreachable(host, error, start);
  }
}

document.querySelector(".skip-link").addEventListener("click", event => {
  event.preventDefault();
  document.getElementById("main")?.focus();
});
start();
