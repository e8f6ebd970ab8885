// Drives OpenAI's SDK for Node: a JSON object a line in, one a line out, in any order.
//
//   in   {"id", "method": "images.generate", "arguments": [...], "client": {baseURL, apiKey, ...}}
//   out  {"id", "attempts": [...], and "value", "requestId", "headers" or "error"}
import { createInterface } from "node:readline";
import OpenAI from "openai";

// Looks on while the SDK sends, and changes nothing.
function recordingFetch(attempts) {
  return (url, init) => {
    const retryCount = new Headers(init.headers).get("x-stainless-retry-count");
    attempts.push({ retryCount, at: performance.now() / 1000 });
    return fetch(url, init);
  };
}

function describeError(error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  const kind = error.constructor.name;
  if (!(error instanceof OpenAI[kind])) throw new Error(`${kind} is not a class of the SDK`);
  const { status, type, code, param, requestID, message } = error;
  return { kind, status, type, code, param, requestId: requestID, message };
}

async function items(page) {
  const all = [];
  for await (const item of page) all.push(item);
  return all;
}

async function run({ method, arguments: given, client: options }) {
  const attempts = [];
  const client = new OpenAI({ ...options, fetch: recordingFetch(attempts) });
  const path = method.split(".");
  const verb = path.pop();
  const resource = path.reduce((object, name) => object[name], client);
  try {
    const { data, response, request_id } = await resource[verb](...given).withResponse();
    const isPage = Symbol.asyncIterator in data; // which has no `_request_id` of its own
    const value = isPage ? { data: await items(data) } : data;
    const headers = Object.fromEntries(response.headers);
    return { attempts, value, requestId: isPage ? request_id : data._request_id, headers };
  } catch (error) {
    return { attempts, error: describeError(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  run(request)
    .catch((error) => ({ broken: error.stack }))
    .then((outcome) => process.stdout.write(JSON.stringify({ id: request.id, ...outcome }) + "\n"));
}
