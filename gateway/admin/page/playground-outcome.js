// What came of a request of the playground: the pictures and what is known about them, or the error in words.

import {code, copyButton, dollars, duration, facts, h, icon, name, note, number} from "./kit.js";

let addresses = [];

// Pictures are large; their memory is given back when they are no longer shown.
export function forgetPictures() {
  addresses.forEach(address => URL.revokeObjectURL(address));
  addresses = [];
}

const typeOf = bytes => bytes[0] === 0x89 ? "png" : bytes[0] === 0xff ? "jpeg" : "webp";

// {address, type, size}; null where the answer is an address: the page's policy loads nothing from elsewhere.
function pictureOf(data) {
  const base64 = data.b64_json ?? /^data:image\/[a-z]+;base64,(.+)$/.exec(data.url ?? "")?.[1];
  if (!base64) return null;
  const bytes = Uint8Array.from(atob(base64), each => each.charCodeAt(0));
  const type = typeOf(bytes);
  const address = URL.createObjectURL(new Blob([bytes], {type: `image/${type}`}));
  addresses.push(address);
  return {address, type, size: bytes.length};
}

function elsewhere(url = "") {
  return note("info", "The provider answered with an address. This page loads nothing from elsewhere.",
    /^https?:\/\//.test(url) ? h("a.wrap", {href: url, target: "_blank", rel: "noopener noreferrer"}, url) : code(url));
}

function figure(data, i, request) {
  const picture = pictureOf(data);
  if (picture === null) return elsewhere(data.url);
  const size = h("span.num", "…");
  const image = h("img#picture", {src: picture.address, alt: `Picture ${i + 1}: ${request.prompt.slice(0, 200)}`,
    onload: () => { size.textContent = `${image.naturalWidth} × ${image.naturalHeight}`; }, onerror: () => { size.textContent = "cannot be shown"; }});
  return h("figure.card.picture", image, h("figcaption.row.row--between",
    h("span.small", size, h("span.soft", `, ${picture.type.toUpperCase()}, ${number(Math.ceil(picture.size / 1000))} kB`)),
    h("a.button.button--small", {href: picture.address, download: `prismatic-${i + 1}.${picture.type}`}, icon("download"), "Save"),
    data.revised_prompt && h("p.soft.tiny.grow", "Revised prompt: ", name(data.revised_prompt))));
}

const named = (label, text) => text && [label, h("span.row", text.split(",").map(each => code(each.trim(), ".chip")))];

function aboutIt({headers, duration_ms: took, provider, upstream_model: upstream}) {
  const cost = headers["x-prismatic-cost-usd"];
  const id = headers["x-request-id"];
  return h("section.card#about", h("div.card__body", facts([
    ["Cost", cost ? h("strong.num#cost", dollars(cost)) : "nothing"],
    ["Took", h("span.num", duration(took))],
    provider && ["Provider", h("span#provider", name(provider), upstream && h("span.soft", " as ", code(upstream)))],
    id && ["Request", h("span.row", code(id, "#request-id"), copyButton(id))],
    named("Ignored", headers["x-prismatic-ignored-parameters"]),
    named("Changed", headers["x-prismatic-changed-parameters"]),
  ])));
}

function refusal({status, body}) {
  const {message, code: word, param} = body?.error ?? {};
  return h("div.note.note--bad#play-error", {role: "alert"}, icon("warn"), h("div.note__body",
    h("strong", {dir: "auto"}, message ?? "The gateway gave no explanation."), h("span.small", `${status} `, word && code(word), param && [", parameter ", code(param)])));
}

export function showOutcome(answer, request) {
  forgetPictures();
  const pictures = answer.status === 200 ? answer.body.data : [];
  return [answer.status !== 200 && refusal(answer), aboutIt({...answer, headers: answer.headers ?? {}}),
    h("div.pictures", pictures.map((data, i) => figure(data, i, request)))];
}
