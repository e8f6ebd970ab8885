// The page's few drawings, 20 by 20, in the colour of the text around them.

import {h, svg} from "./dom.js";

const kPaths = {
  overview: ["M3 16.5V9.5", "M7.7 16.5V4", "M12.3 16.5V11", "M17 16.5V6.5"],
  providers: ["M10 2.5 16.5 6v8L10 17.5 3.5 14V6Z", "M3.5 6 10 9.7 16.5 6", "M10 9.7v7.8"],
  models: ["M3 4.5h14v11H3Z", "m3.5 14 4-4 3 3 2.5-2.5 3.5 3.5", "M12.7 7.7h.1"],
  accounts: ["M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z", "M4 17c.4-3.3 2.8-5 6-5s5.6 1.7 6 5"],
  playground: ["m6 3.5 10 6.5-10 6.5Z"],
  catalog: ["M5 2.5h7l3.5 3.5v11.5H5Z", "M12 2.5V6h3.5", "M7.5 10h5.5", "M7.5 13.3h5.5"],
  audit: ["M10 17.5a7.5 7.5 0 1 0-7.5-7.5", "M10 5.5V10l3 2", "M2.5 13v4h4"],
  operators: ["M4.5 9.5h11v8h-11Z", "M7 9.5V6a3 3 0 0 1 6 0v3.5", "M10 12.5v2"],
  menu: ["M3 5.5h14", "M3 10h14", "M3 14.5h14"],
  close: ["m5 5 10 10", "M15 5 5 15"],
  copy: ["M7 7h9.5v9.5H7Z", "M13 7V3.5H3.5V13H7"],
  check: ["m4 10.5 4 4 8-9"],
  warn: ["M10 3 18 17H2Z", "M10 8v4", "M10 14.3v.1"],
  info: ["M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Z", "M10 9v4.5", "M10 6.3v.1"],
  retry: ["M16.5 10a6.5 6.5 0 1 1-2-4.7", "M16.5 2.5v4h-4"],
  plus: ["M10 4v12", "M4 10h12"],
  theme: ["M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Z", "M10 2.5v15", "M13 4v12", "M15.7 6.5v7"],
  leave: ["M12 3.5H4v13h8", "M8.5 10h9", "m14.5 6.5 3.5 3.5-3.5 3.5"],
  key: ["M6.5 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z", "M10 10h7.5v3", "M14 10v2.5"],
  download: ["M10 3v9.5", "m6 9 4 4 4-4", "M3.5 17h13"],
};

export function icon(which) {
  return svg("svg", {
    viewBox: "0 0 20 20", fill: "none", stroke: "currentColor", "stroke-width": "1.6", "stroke-linecap": "round",
    "stroke-linejoin": "round", "aria-hidden": "true", focusable: "false",
 }, kPaths[which].map((d) => svg("path", {d})));
}

// A prism that takes a ray apart.
export const logo = () => h("img", {src: "icon.svg", alt: "", width: 30, height: 30});
