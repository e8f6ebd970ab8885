// One account: its money and limits, its keys, its ledger, and what was changed.

import {api, fill, h, name, pageHead, path, put, tabs} from "./kit.js";
import {accountAddress, stateOf} from "./view-accounts.js";
import {accountActions, showSummary} from "./account-summary.js";
import {showKeys} from "./account-keys.js";
import {showLedger} from "./account-ledger.js";
import {auditTable} from "./view-audit.js";

const kTabs = {summary: "Summary", keys: "Keys", ledger: "Ledger", changes: "Changes"};
const kParts = {
  summary: showSummary,
  keys: showKeys,
  ledger: showLedger,
  changes: view => h("section.card", auditTable({account: view.account.name})),
};

export function showAccount(root, [who, part], query) {
  const tab = part in kTabs ? part : "summary";
  const [state, actions, host] = [h("span"), h("div.actions"), h("div.stack")];
  const address = accountAddress(who);
  put(root, pageHead(h("span.row", name(who), state), null, actions, h("a", {href: "#/accounts"}, "Accounts")), tabs("Parts of the account", kTabs, tab, key => `${address}/${key}`), host);
  const view = {query, address};
  // Shows the account as a call has answered it, or asks for it.
  view.show = account => fill(host, () => account ?? api.get(path`/accounts/${who}`), got => {
    view.account = got;
    put(state, stateOf(got));
    put(actions, accountActions(view));
    return kParts[tab](view);
  }, {keep: Boolean(account)});
  view.show();
}
