// Small charts as SVG, drawn at the width that there is. The same figures stand in a table below.

import {count, day, decimalOf, dollars, h, nanosOf, newId, number, put, sum, svg} from "./kit.js";

const kHeight = 190;
const kTop = 10;
const kBottom = 24;
const kLeft = 54;
const kInner = kHeight - kTop - kBottom;

// Lines of the grid at 1, 2 or 5 times a power of ten, at most five. BigInt: the marks of money are exact, too.
function marksFor(most) {
  for (let power = 1n; ; power *= 10n) {
    const step = [1n, 2n, 5n].map(digit => digit * power).find(each => each * 4n >= most);
    if (step) return Array.from({length: Number((most + step - 1n) / step) + 1}, (_, i) => BigInt(i) * step);
  }
}

// For places on the screen only.
const share = (value, top) => Number(value * 10_000n / top) / 10_000;

function drawGrid(width, marks, label) {
  return marks.map(mark => {
    const y = Math.round(kTop + kInner * (1 - share(mark, marks.at(-1)))) + 0.5;
    return [svg("line.chart__line", {x1: kLeft, x2: width, y1: y, y2: y}),
      svg("text.chart__label", {x: kLeft - 8, y: y + 4, "text-anchor": "end"}, label(mark))];
  });
}

function drawBars(width, points, top, kind) {
  const slot = (width - kLeft) / points.length;
  const thick = Math.min(30, slot * 0.72);
  const every = Math.ceil(points.length / Math.floor(width / 90));
  return points.map((point, i) => {
    const tall = point.value > 0n ? Math.max(2, kInner * share(point.value, top)) : 0;
    const x = kLeft + slot * i;
    const back = points.length - 1 - i;
    return [
      svg(`rect.chart__bar.chart__bar--${kind}`, {x: x + (slot - thick) / 2, width: thick, y: kTop + kInner - tall, height: tall, rx: Math.min(3, thick / 2)}),
      back % every === 0 && svg("text.chart__label", {x: back ? x + slot / 2 : width, y: kHeight - 6, "text-anchor": back ? "middle" : "end"}, day(point.day))];
  });
}

// points: [{day, value (BigInt), text}], oldest first; label(value) names a line of the grid, which goes up to `least` at least.
function barChart(title, points, kind, label, total, least) {
  const marks = marksFor(points.reduce((most, {value}) => value > most ? value : most, least));
  const heading = newId();
  const readout = h("p.chart__readout.num", {"aria-hidden": "true"});
  const tell = (text, when) => put(readout, h("strong", text), h("span.soft.small", when));
  const rest = `in ${points.length} days`;
  const canvas = svg("svg", {height: kHeight, role: "img", "aria-label": `${title}: ${total} ${rest}`});
  const light = at => {
    const bars = canvas.querySelectorAll("rect");
    bars.forEach((bar, i) => bar.classList.toggle("is-lit", i === at));
    if (points[at]) tell(points[at].text, day(points[at].day));
    else tell(total, rest);
  };
  canvas.addEventListener("pointermove", ({offsetX}) => light(Math.floor((offsetX - kLeft) / (canvas.clientWidth - kLeft) * points.length)));
  canvas.addEventListener("pointerleave", () => light(-1));
  light(-1);
  const host = h("div.chart__host", canvas);
  let painted = 0;
  new ResizeObserver(([{contentRect: {width}}]) => {
    if (width < 100 || Math.floor(width) === painted) return;
    painted = Math.floor(width);
    canvas.setAttribute("width", painted);
    put(canvas, drawGrid(painted, marks, label), drawBars(painted, points, marks.at(-1), kind));
  }).observe(host);
  return h(`section.card#chart-${kind}`, {"aria-labelledby": heading},
    h("div.card__head", h("h2", {id: heading}, title), readout), h("div.card__body", host, figures(title, points)));
}

function figures(title, points) {
  return h("details", h("summary", "Figures"), h("div.chart__table", {tabindex: "0", role: "group", "aria-label": `${title}, figures`},
    h("table", h("thead", h("tr", h("th", {scope: "col"}, "Day (UTC)"), h("th", {scope: "col"}, title))),
      h("tbody", points.toReversed().map(point => h("tr", h("th", {scope: "row"}, day(point.day)), h("td.num", point.text)))))));
}

// days: [{day, charged_usd, images}], oldest first.
export function dayCharts(days) {
  const spend = days.map(each => ({day: each.day, value: nanosOf(each.charged_usd) ?? 0n, text: dollars(each.charged_usd)}));
  const images = days.map(each => ({day: each.day, value: BigInt(each.images), text: count(each.images, "picture")}));
  const made = days.reduce((all, each) => all + each.images, 0);
  return h("div.grid",
    barChart("Charged a day", spend, "spend", value => dollars(decimalOf(value)).replace(/\.00$/, ""), dollars(sum(days.map(each => each.charged_usd))), 40_000_000n),
    barChart("Pictures a day", images, "images", number, number(made), 4n));
}

// How much of a whole is used, and held on top of that.
export function quotaBar(used, held, whole) {
  const part = units => Math.min(100, units / whole * 100);
  return svg("svg.meter", {viewBox: "0 0 100 8", preserveAspectRatio: "none", role: "img", "aria-label": `${number(used)} of ${number(whole)} units used`},
    svg(`rect.chart__bar--${used < whole ? "spend" : "full"}`, {width: part(used), height: 8}),
    svg("rect.chart__bar--spend.is-held", {x: part(used), width: Math.min(100 - part(used), part(held)), height: 8}));
}

// Horizontal bars. rows: [{label, images, text}], most first.
export function ranking(rows) {
  return h("ul.ranking", rows.map(row => h("li", h("div.row.row--between", h("span.wrap", row.label), h("span.num", row.text)),
    svg("svg.meter", {viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true"},
      svg("rect.chart__bar--images", {width: rows[0].images ? row.images / rows[0].images * 100 : 0, height: 8})))));
}
