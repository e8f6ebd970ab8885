// A request as a client would write it. The key is never in it: it is read from the environment, as the address is.

import {copyButton, h, showDialog} from "./kit.js";

// What the official SDKs know by name; the rest goes besides.
const kOpenAi = ["model", "prompt", "n", "size", "quality", "style", "response_format"];

const asCurl = request => `curl "$PRISMATIC_BASE_URL/images/generations" \\
  -H "Authorization: Bearer $PRISMATIC_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${JSON.stringify(request, null, 2).replaceAll("'", "'\\''")}'
`;

const asNode = request => `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.PRISMATIC_BASE_URL,
  apiKey: process.env.PRISMATIC_API_KEY,
});
const result = await client.images.generate(${JSON.stringify(request, null, 2)});
console.log(result.data);
`;

// JSON's texts, lists and numbers are Python's, too.
function asPython(request) {
  const besides = Object.fromEntries(Object.entries(request).filter(([key]) => !kOpenAi.includes(key)));
  const lines = kOpenAi.filter(key => key in request).map(key => `    ${key}=${JSON.stringify(request[key])},\n`);
  if (Object.keys(besides).length > 0) lines.push(`    extra_body=${JSON.stringify(besides)},\n`);
  return `import os
from openai import OpenAI

client = OpenAI(
    base_url=os.environ["PRISMATIC_BASE_URL"],
    api_key=os.environ["PRISMATIC_API_KEY"],
)
result = client.images.generate(
${lines.join("")})
print(result.data)
`;
}

const kForms = {curl: asCurl, Node: asNode, Python: asPython};

export function codeDialog(request) {
  const shown = h("pre.code#code", {tabindex: "0", role: "group", "aria-label": "Code"});
  const choose = form => {
    shown.textContent = kForms[form](request);
    for (const each of choices) each.setAttribute("aria-pressed", each.textContent === form);
  };
  const choices = Object.keys(kForms).map(form => h(`button#code-${form.toLowerCase()}`, {type: "button", onclick: () => choose(form)}, form));
  choose("curl");
  return showDialog("The same request as code", [
    h("div.row.row--between", h("div.segments", {role: "group", "aria-label": "Language"}, choices), copyButton(() => shown.textContent, "copy-code")), shown,
    h("p.soft.small", h("code", "PRISMATIC_BASE_URL"), " is the public address, which ends in ", h("code", "/v1"), "; ", h("code", "PRISMATIC_API_KEY"), " is the key."),
  ], "code-dialog");
}
