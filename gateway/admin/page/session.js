// Who is signed in, and what their role may do. Keeps the CSRF token.

import {api, hooks} from "./api.js";

const kRanks = {viewer: 1, operator: 2, owner: 3};
// Says that this browser has signed in, so that a first visit asks nothing that must be refused.
const kFlag = "prismatic-signed-in";

let current = null;
let renewal = null;
let askAgain = null;

export const session = () => current;
export const can = role => kRanks[current?.role] >= kRanks[role];
// `ask` shows the sign-in over the present view; it ends with a session.
export const onSessionEnded = ask => { askAgain = ask; };

// null: nobody is signed in.
export async function loadSession() {
  current = null;
  if (!localStorage.getItem(kFlag)) return null;
  try {
    current = await api.get("/session", {quiet: true});
  } catch (error) {
    if (error.status !== 401) throw error;
    localStorage.removeItem(kFlag);
  }
  return current;
}

export async function signIn(name, password) {
  current = await api.post("/session", {name, password}, {quiet: true});
  localStorage.setItem(kFlag, "1");
}

export async function signOut() {
  try {
    await api.delete("/session", {quiet: true});
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  localStorage.removeItem(kFlag);
}

// Another person's session must not go on with this one's half-typed work.
function sameActor(before) {
  if (before?.actor === current?.actor && before?.role === current?.role) return;
  document.body.replaceChildren();
  location.reload();
  throw new DOMException("loaded anew", "AbortError");
}

hooks.csrfToken = () => current?.csrf_token;
hooks.refreshSession = async () => {
  const before = current;
  await loadSession();
  if (current === null) current = before;
  sameActor(before);
};
// One form, however many requests wait for it.
hooks.signInAgain = async () => {
  const before = current;
  renewal ??= askAgain().finally(() => { renewal = null; });
  await renewal;
  sameActor(before);
};
