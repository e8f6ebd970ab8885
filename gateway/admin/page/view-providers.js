// The providers: how they stand, their Images switch, a test, and their entry in the catalog.

import {ago, api, button, can, chip, code, empty, every, fill, h, lines, name, pageHead, path, put, query, roleNote, rowButton, say, sayError, table, toggle,
  words} from "./kit.js";
import {healthChip, loadLine, recentLine, troubles} from "./provider-state.js";
import {editEntry, editWord} from "./catalog-edit.js";
import {testDialog} from "./provider-test.js";

const kRefreshMilliseconds = 10_000;
// Valid only when it has a name and an address.
const draft = (format, address, more = "") => `name:              # a-z, 0-9 and -
wire_format: ${format}
base_url:          # for example ${address}
credential: env:PROVIDER_KEY_NAME
${more}images_enabled: false  # switch it on when its test is green
max_concurrent: 64
`;
const kDrafts = {
  "OpenAI Images": draft("openai_images", "https://api.openai.com/v1"),
  "Chat completions": draft("chat_completions", "https://openrouter.ai/api/v1"),
  Gemini: draft("gemini", "https://generativelanguage.googleapis.com/v1beta"),
  "Async jobs (Black Forest Labs, fal, Replicate)": draft("async_job", "https://queue.fal.run", "job_mapping: fal  # or black_forest_labs, replicate\n"),
  "SD API (AUTOMATIC1111, Forge)": draft("sdapi", "http://10.0.0.7:7860", "egress_proxy: direct\n"),
};

export function showProviders(root) {
  const host = h("section.card");
  const view = {flips: 0};
  const get = () => api.get("/providers");
  view.reload = keep => fill(host, get, list => build(list, view), {keep});
  put(root, pageHead("Providers", "Where pictures come from. With Images off no new request goes there; those under way are finished.",
    can("owner") && button("Add a provider", () => edit(view), "primary +plus #add-provider")),
    !can("operator") && roleNote("operator", "Switching and testing"), host);
  view.reload(false);
  every(kRefreshMilliseconds, async () => {
    // Not under somebody's hands: a new table would take the focus away.
    const quiet = () => view.flips === 0 && !host.contains(document.activeElement) && !document.querySelector("dialog");
    if (!quiet()) return;
    const list = await get();
    if (quiet()) put(host, build(list, view));
  });
}

function build(list, view) {
  view.basedOn = list.content_version;
  if (list.providers.length === 0) {
    return empty("providers", "No providers yet", "A provider is a service that makes pictures: its address, its credential, how it is spoken to.",
      can("owner") && button("Add the first one", () => edit(view), "primary +plus"));
  }
  return table("Providers", [
    ["Provider", nameCell],
    ["Health", ({state}) => lines(h("div", healthChip(state)), h("span.soft.tiny", recentLine(state)), troubles(state))],
    ["Under way", ({state}) => loadLine(state), "num"],
    ["Images switch", provider => imagesCell(provider, view)],
    ["Actions", provider => h("div.actions",
      can("operator") && rowButton("Test", provider.name, () => testDialog(provider.name), "#test-provider"),
      rowButton(editWord(), provider.name, () => edit(view, provider), "#edit-provider")), "actions"],
  ], list.providers, "provider");
}

function nameCell(provider) {
  return lines(h("strong", name(provider.name)),
    h("span.soft.tiny", words(provider.wire_format), provider.job_mapping && ` (${provider.job_mapping})`),
    code(provider.base_url, ".soft.tiny"), provider.credentials.map(each => code(each, ".soft.tiny")));
}

function imagesCell(provider, view) {
  const since = h("div.tiny.soft");
  const tell = flipped => put(since, flipped && ["by ", name(flipped.actor), ", ", ago(flipped.time),
    flipped.enabled !== flipped.file_enabled && h("div", `the catalog says ${flipped.file_enabled ? "on" : "off"}`)]);
  tell(provider.images_override);
  if (!can("operator")) return lines(h("div", chip(provider.images_enabled ? "On" : "Off", provider.images_enabled ? "good" : "")), since);
  const flip = async (wanted, draw) => {
    draw(wanted);
    view.flips += 1;
    try {
      const {provider: now} = await api.post(path`/providers/${provider.name}/images`, {enabled: wanted});
      draw(now.images_enabled);
      tell(now.images_override);
      say("Images of ", name(now.name), now.images_enabled ? " are on." : " are off: no new request goes there.");
    } catch (error) {
      draw(!wanted);
      sayError(`Images of ${provider.name} are still ${wanted ? "off" : "on"}.`, error);
    }
    view.flips -= 1;
  };
  return lines(h("div", toggle(`Images of ${provider.name}`, provider.images_enabled, flip, "images-switch")), since);
}

function edit(view, provider) {
  return editEntry("provider", provider, {
    templates: kDrafts,
    intro: "A credential is named, never written here: env:PROVIDER_KEY_NAME or file:NAME, where provider-proxy finds it.",
    send: body => provider ? api.put(path`/providers/${provider.name}`, body) : api.post("/providers", body),
    remove: () => api.delete(path`/providers/${provider.name}` + query({based_on: view.basedOn})),
  }, view);
}
