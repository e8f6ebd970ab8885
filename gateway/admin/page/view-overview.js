// The overview: what was spent and made, how providers and services stand, and what needs attention.

import {api, card, chip, count, dollars, empty, every, fill, h, lines, name, note, number, pageHead, put, session, sum, tabs, words} from "./kit.js";
import {dayCharts, ranking} from "./charts.js";
import {healthChip, loadLine, recentLine, troubles} from "./provider-state.js";

const kPeriods = {7: "7 days", 30: "30 days", 90: "90 days"};
const kRefreshMilliseconds = 10_000;
const kModelsShown = 6;
const kNamesShown = 4;

export function showOverview(root, path, query) {
  const days = query.get("days") in kPeriods ? query.get("days") : "30";
  const choice = tabs("Period", kPeriods, days, value => `#/overview?days=${value}`, "segments");
  const [host, services, notices, providers] = [h("div.stack"), h("div"), h("div.stack.stack--tight"), h("div")];
  put(root, pageHead("Overview", "Money and pictures by day (UTC), and how the suite stands now.", choice), host, services);
  // Without the registry nothing is left out.
  const get = async () => {
    const [overview, known] = await Promise.all([api.get(`/overview?days=${days}`), api.get("/providers").catch(() => null)]);
    const off = new Set(known?.providers.filter(each => !each.images_enabled).map(each => each.name));
    return {...overview, notices: noticesOf(overview, off)};
  };
  const live = overview => {
    put(notices, overview.notices);
    put(providers, providersCard(overview.providers));
  };
  fill(host, get, overview => {
    live(overview);
    const used = overview.days?.some(each => each.requests > 0);
    return [notices, overview.days && (used ? [tiles(overview.days), dayCharts(overview.days)] : firstSteps()),
      h("div.grid", providers, overview.models && modelsCard(overview.models, days))];
  });
  fill(services, () => api.get("/status"), status => servicesCard(status.services));
  every(kRefreshMilliseconds, async () => live(await get()));
}

const kNoCredential = "provider-proxy cannot find a credential";
const kPlaces = {Models: "models", Providers: "providers", "The first": "operators", "The catalog": "catalog/history"};

// What needs attention: a line for each kind, with the way there. What is switched off needs none.
function noticesOf({notices, providers}, off) {
  const lacking = (providers ?? []).filter(each => each.missing_credentials.length > 0 && !off.has(each.name)).map(each => each.name);
  return [lacking.length > 0 && `Providers with Images on that lack a credential: ${lacking.join(", ")}.`,
    ...notices.filter(text => !text.startsWith(kNoCredential) && !(text.startsWith("The first") && session().operator?.password_is_initial))].filter(Boolean).map(notice);
}

function notice(text) {
  const place = Object.keys(kPlaces).find(start => text.startsWith(start));
  const [, what, told] = /^([MP][^:]*): (.*)\.$/.exec(place ? text : "") ?? [];
  const names = told?.split(", ") ?? [];
  return note("warn", h("span#notice", what ? [`${what} (${names.length}): `, names.slice(0, kNamesShown).join(", "), names.length > kNamesShown ? ", … " : ". "] : `${text} `,
    place && h("a", {href: `#/${kPlaces[place]}`}, "Look there")));
}

function tiles(days) {
  const total = key => days.reduce((all, each) => all + each[key], 0);
  const today = days.at(-1);
  const tile = (label, value, more, id) => h(`div.tile#tile-${id}`, h("p.soft.small", label), h("p.tile__value.num", value), h("p.soft.tiny", more));
  return h("div.tiles",
    tile("Charged", dollars(sum(days.map(each => each.charged_usd))), `to wallets in ${days.length} days`, "charged"),
    tile("Pictures", number(total("images")), `in ${count(total("requests"), "request")}`, "images"),
    tile("Quota used", number(total("units")), "units of subscriptions", "units"),
    tile("Today", dollars(today.charged_usd), count(today.images, "picture"), "today"));
}

function providersCard(providers) {
  if (providers?.length === 0) {
    return card("Providers now", empty("providers", "No providers yet", "A provider is where pictures come from.", h("a.button", {href: "#/providers"}, "Add one")));
  }
  return card("Providers now", h("ul", providers === null ? h("li.line", "Not known at the moment.") : providers.map(state => h("li.line",
    lines(h("span.row", h("a", {href: "#/providers"}, name(state.name)), h("span.soft.tiny", recentLine(state))), troubles(state)),
    h("div.line__side", h("span.soft.tiny.num", loadLine(state)), healthChip(state))))), {flush: true, id: "overview-providers"});
}

function modelsCard(models, days) {
  const rows = models.slice(0, kModelsShown).map(row =>
    ({label: name(row.model), images: row.images, text: `${number(row.images)} · ${dollars(row.charged_usd)}`}));
  return card("Models", rows.length ? ranking(rows) : h("p.soft", "No pictures in these days."), {text: `Pictures, and what was charged for them in ${days} days`});
}

const kSteps = [
  ["providers", "Switch on a provider", "Its Images switch decides whether requests go there."],
  ["models", "Give a model a price", "Without one, nobody can pay for it from a wallet."],
  ["accounts", "Create an account and a key", "The account holds the money, the key opens the door."],
  ["playground", "Make a picture", "In the playground, with the new key."],
];

function firstSteps() {
  return card("No pictures in these days", h("ol.steps", kSteps.map(([place, title, text]) =>
    h("li", h("div", h("a", {href: `#/${place}`}, title), h("p.soft.small", text))))), {text: "Four steps to the first one", id: "first-steps"});
}

function servicesCard(services) {
  return card("Services", h("ul.services", services.map(service => h(`li.lines#service-${service.name}`,
    h("div.row.row--between", h("h3", words(service.name.replace("-", " "))), service.ok ? chip("Ready", "good") : chip("Trouble", "bad")),
    (service.error || service.redis?.error) && h("p.trouble", service.error || service.redis.error),
    h("p.soft.tiny.num", service.catalog_version ? `catalog ${service.catalog_version}` : "no catalog yet"),
    Math.abs(service.clock_skew_ms) > 1000 && h("p.trouble", `its clock is ${number(service.clock_skew_ms)} ms off`)))), {text: "Each with the catalog version that it holds"});
}
