// The test of a provider: what was checked, step by step, and what to do about what failed.

import {api, busy, button, checkField, chip, duration, errorNote, h, lines, note, openDialog, path, put, relabel, textField, words} from "./kit.js";

const kKinds = {ok: "good", failed: "bad"};

function checkLine(check) {
  return h("li.line#check", {"data-result": check.result}, lines(h("strong", words(check.name)), h("span.small", check.words.replaceAll("--generate", "“Also make one real picture”"))),
    h("div.line__side", chip(words(check.result), kKinds[check.result]), h("span.soft.tiny.num", duration(check.duration_ms))));
}

export function testDialog(provider) {
  return openDialog(`Test ${provider}`, close => {
    const generate = checkField("generate", "Also make one real picture", "The provider may bill it. No account here is charged.");
    const model = textField("model", "With the model", {hint: "Its canonical name. Empty: the first with a route to this provider."});
    model.element.hidden = true;
    generate.control.addEventListener("change", () => { model.element.hidden = !generate.read(); });
    const outcome = h("div", {"aria-live": "polite"});
    const start = button("Start the test", null, "primary #start-test", {type: "submit"});
    const onsubmit = () => busy(start, async () => {
      put(outcome, h("div.progress"), h("p.soft.small", generate.read() ? "Asking for a picture; this can take minutes." : "Asking the provider…"));
      try {
        const {ok, checks} = await api.post(path`/providers/${provider}/test`, {generate: generate.read(), model: generate.read() && model.read() || null});
        put(outcome, h("div.stack#test-result", {"data-ok": String(ok)}, ok ? note("good", h("strong", "Nothing failed.")) : note("bad", h("strong", "Something failed.")),
          h("ul.boxed", checks.map(checkLine))));
        relabel(start, "Test again");
      } catch (error) {
        put(outcome, errorNote(error));
      }
    });
    return {onsubmit, body: [generate.element, model.element, outcome], foot: [button("Close", () => close()), start]};
  }, {});
}
