// The sign-in, as a page, and as a dialog over the present view when a session has ended: what was typed stays.

import {busy, button, errorNote, form, h, logo, onSessionEnded, passwordField, put, session, showProblems, signIn, textField} from "./kit.js";

function signInForm(done, known = "") {
  const who = textField("name", "Name", {value: known, autocomplete: "username", maxlength: 40, "data-testid": "sign-in-name"});
  const password = passwordField("password", "Password", {autocomplete: "current-password", "data-testid": "sign-in-password"});
  const problems = h("div", {"aria-live": "assertive"});
  const go = button("Sign in", null, "primary #sign-in-submit", {type: "submit"});
  const submit = async () => {
    put(problems);
    if (showProblems([who, password], {name: !who.read() && "Who are you?", password: !password.read() && "It is missing."})) return;
    try {
      await signIn(who.read(), password.read());
      password.control.value = "";
      done();
    } catch (error) {
      if (error.code === "LOGIN_REFUSED") Object.assign(error, {message: "Name or password is wrong, or the operator is disabled.", requestId: null});
      put(problems, errorNote(error));
      password.control.select();
    }
  };
  const asking = form("form.fields", () => busy(go, submit), who.element, password.element, problems, go);
  return {asking, focus: () => (known ? password : who).control.focus()};
}

function box(host, title, ...children) {
  document.title = `${title} · Prismatic`;
  put(host, h("main.sign-in#sign-in", {id: "main", tabindex: "-1"}, h("div.sign-in__box",
    h("div.brand", logo(), "Prismatic"), h("h1", {tabindex: "-1"}, title), children)));
}

export function showSignIn(host, done) {
  const {asking, focus} = signInForm(done);
  box(host, "Sign in", asking, h("p.soft.small", "The first operator is called ", h("code", "owner"),
    ". Its password was printed once, when the suite first started."));
  focus();
}

export const showUnreachable = (host, error, retry) => box(host, "Not reachable", errorNote(error, retry));

// Only signing in, or leaving the page, ends it.
onSessionEnded(() => new Promise(resolve => {
  const opener = document.activeElement;
  const {asking, focus} = signInForm(() => {
    element.close();
    element.remove();
    opener?.focus();
    resolve();
  }, session()?.operator?.name);
  const stay = event => { if (event.type === "cancel" || event.key === "Escape") event.preventDefault(); };
  const element = h("dialog.dialog.dialog--narrow#sign-in-again", {"aria-labelledby": "again", "data-locked": true, oncancel: stay, onkeydown: stay},
    h("div.dialog__head", h("h2", {id: "again"}, "Your session has ended")),
    h("div.dialog__body", h("p.soft", "Sign in to go on. Nothing that you typed is lost."), asking));
  document.body.append(element);
  element.showModal();
  focus();
}));
