// A provider's live state in words and colours.

import {ago, chip, code, count, h, listed, number, words} from "./kit.js";

const kHealth = {
  good: ["good", "Takes its full share"],
  returning: ["warn", "Let in again, slowly, after failures"],
  left_out: ["bad", "Failed too often; a probe goes there now and then"],
  no_credential: ["bad", "provider-proxy finds none of its credentials: nothing can be sent"],
  resting: ["warn", "Asked for a pause (Retry-After)"],
};

// Good has all of its credentials and did not fail lately.
export function healthChip(state) {
  const health = state?.health ?? "unknown";
  const [kind, title] = kHealth[health] ?? ["", "Nothing is known about it yet"];
  const told = health !== "good" ? words(health) : state.missing_credentials.length > 0 ? "Lacks a credential" : state.recent_failures > 0 ? "Some calls fail" : "Good";
  return chip(told, told === "Good" || health !== "good" ? kind : "warn", {title, "data-testid": "health", "data-health": health});
}

export function loadLine(state) {
  return state ? `${number(state.in_flight)} of ${number(state.in_flight_max)}${state.waiting ? `, ${number(state.waiting)} waiting` : ""}` : "–";
}

export function recentLine(state) {
  if (!state?.recent_calls) return "no calls lately";
  const calls = count(state.recent_calls, "call");
  return state.recent_failures ? `${number(state.recent_failures)} of ${calls} failed` : `${calls}, none failed`;
}

export function troubles(state) {
  if (!state) return [];
  const told = (what, names) => names.length > 0 && h("p.trouble", what, listed(names.map(each => code(each))));
  return [told("Credential not found: ", state.missing_credentials), told("Left out here: ", state.models_left_out),
    kHealth[state.health] && state.health !== "good" && state.since && h("p.soft.tiny", "since ", ago(state.since))];
}
