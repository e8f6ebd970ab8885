// What stands around every view: the places to go, who is signed in, the theme, the way out.

import {busy, button, h, icon, logo, name, put, relabel, sayError, session, signOut, words} from "./kit.js";
import {changePassword} from "./password.js";

const kThemes = ["system", "light", "dark"];

function themeButton() {
  const root = document.documentElement;
  let theme = root.dataset.theme ?? "system";
  const element = button(`Theme: ${theme}`, () => {
    theme = kThemes[(kThemes.indexOf(theme) + 1) % 3];
    root.dataset.theme = theme;
    localStorage.setItem("prismatic-theme", theme);
    relabel(element, `Theme: ${theme}`);
  }, "quiet small +theme #theme");
  return element;
}

function signOutButton() {
  const element = button("Sign out", () => busy(element, async () => {
    try {
      await signOut();
      location.hash = "";
      location.reload();
    } catch (error) {
      sayError("You are still signed in.", error);
    }
  }), "quiet small +leave #sign-out");
  return element;
}

function whoIsIn() {
  const {actor, role, operator} = session();
  return h("div.side__foot",
    operator?.password_is_initial && h("p.note.note--warn.tiny#initial-password", h("span", "Your password is the one that was given to you. ",
      h("button.link", {type: "button", onclick: changePassword}, "Choose your own"))),
    h("p.who", h("strong#who", name(operator?.name ?? actor)), h("span.soft", ` ${words(role)}`)),
    themeButton(), operator && button("Password", changePassword, "quiet small +key"), signOutButton());
}

// Answers {main, mark(place)}. views: {place: [title]}.
export function buildFrame(host, views) {
  const links = Object.entries(views).map(([place, [title]]) => h(`a.nav__link#nav-${place}`, {href: `#/${place}`}, icon(place), title));
  const menu = button("", () => open(!side.classList.contains("side--open")), "quiet +menu #menu", {"aria-label": "Menu", "aria-controls": "side"});
  const side = h("header.side",
    h("div.side__top", h("a.brand", {href: "#/overview"}, logo(), "Prismatic"), menu),
    h("div.side__body", {id: "side"}, h("nav", {"aria-label": "Places"}, links), whoIsIn()));
  const open = yes => {
    side.classList.toggle("side--open", yes);
    menu.setAttribute("aria-expanded", yes);
  };
  side.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    open(false);
    menu.focus();
  });
  const main = h("main.main", {id: "main", tabindex: "-1"});
  put(host, h("div.frame", side, main));
  const mark = place => {
    open(false);
    for (const link of links) {
      if (link.hash === `#/${place}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  return {main, mark};
}
