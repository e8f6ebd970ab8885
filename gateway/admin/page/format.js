// How times (always UTC, and they say so), numbers and the API's words are shown.

import {h} from "./dom.js";

const kTime = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short", hourCycle: "h23", timeZone: "UTC"});
const kExact = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium", hourCycle: "h23", timeZone: "UTC"});
const kDay = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric", timeZone: "UTC"});
const kNumber = new Intl.NumberFormat();
const kAgo = new Intl.RelativeTimeFormat(undefined, {numeric: "auto"});
const kUnits = [[60, "second"], [60, "minute"], [24, "hour"], [Infinity, "day"]];

function timeElement(text, shown) {
  return h("time", {datetime: text, title: `${text.replace("T", " ").replace("Z", " UTC")}`}, shown);
}

export function time(text, {none = "never", exact = false} = {}) {
  return text ? timeElement(text, `${(exact ? kExact : kTime).format(new Date(text))} UTC`) : none;
}

// "3 minutes ago", "in 6 minutes".
export function ago(text) {
  if (!text) return "never";
  let distance = (new Date(text) - Date.now()) / 1000;
  for (const [size, unit] of kUnits) {
    if (Math.abs(distance) < size) return timeElement(text, kAgo.format(Math.round(distance), unit));
    distance /= size;
  }
  return text;
}

// Days are UTC, wherever the reader is.
export const day = text => kDay.format(new Date(`${text}T00:00:00Z`));
export const utcDay = back => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);

export const number = value => kNumber.format(value);
export const count = (value, what) => `${number(value)} ${what}${value === 1 ? "" : "s"}`;
export const limit = (value, unit = "") => value === null ? "unlimited" : number(value) + unit;
export const duration = ms => ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

const kWords = {
  subscription_first: "Subscription, then wallet", openai_images: "OpenAI Images", sdapi: "SD API", tls: "TLS", ok: "OK",
  top_up: "Top-up", write_off: "Write-off", subscription_rolled_over: "New period",
};

// "late_charge" -> "Late charge".
export function words(text) {
  const known = kWords[text] ?? (text ?? "–").replaceAll("_", " ");
  return known[0].toUpperCase() + known.slice(1);
}
