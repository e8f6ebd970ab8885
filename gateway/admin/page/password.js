// Changing one's own password.

import {api, formDialog, passwordField, say, session} from "./kit.js";

function check({old_password: old, new_password: next, again}) {
  const bytes = new TextEncoder().encode(next).length;
  return {old_password: !old && "It is missing.", new_password: (bytes < 12 || bytes > 256) && "12 to 256 characters.",
    again: again !== next && "This is not the same."};
}

async function change({old_password, new_password}) {
  try {
    await api.post("/password", {old_password, new_password});
  } catch (error) {
    if (error.code === "LOGIN_REFUSED") Object.assign(error, {param: "old_password", message: "The present password is wrong."});
    throw error;
  }
}

export async function changePassword() {
  const done = await formDialog("Change your password", {
    intro: "Your other sessions end.",
    fields: [passwordField("old_password", "Present password", {autocomplete: "current-password"}),
      passwordField("new_password", "New password", {autocomplete: "new-password", hint: "At least 12 characters. A sentence is good."}),
      passwordField("again", "New password, once more", {autocomplete: "new-password"})],
    submit: "Change password", check, work: change,
  });
  if (!done) return;
  session().operator.password_is_initial = false;
  document.querySelector('[data-testid="initial-password"]')?.remove();
  say("Your password is changed.");
}
