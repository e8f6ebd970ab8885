// The one door to the admin API. Failures become errors with words for a person; where the session has ended, a new sign-in
// is asked for, after which the same request goes on.

export class ApiError extends Error {
  constructor(message, facts) {
    super(message);
    Object.assign(this, {status: 0, code: "", param: null, requestId: null, errors: [], retryAfter: null}, facts);
  }
}

// Set by session.js, which knows who is signed in, and by app.js: `signal` ends with the view that is shown.
export const hooks = {csrfToken: () => null, refreshSession: null, signInAgain: null, signal: undefined};

export const isAbort = error => error?.name === "AbortError";

async function errorOf(response) {
  const facts = {status: response.status, requestId: response.headers.get("x-request-id"),
    retryAfter: Number(response.headers.get("retry-after")) || null};
  const body = await response.json().catch(() => null);
  const error = body?.error ?? {};
  return new ApiError(error.message || `The server answered ${response.status} without an explanation.`, {
    ...facts, code: error.code ?? "", param: error.param, requestId: error.request_id ?? facts.requestId,
    errors: error.errors ?? body?.errors ?? [],
  });
}

async function send(method, path, body, signal) {
  const headers = {accept: "application/json"};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && hooks.csrfToken()) headers["x-csrf-token"] = hooks.csrfToken();
  try {
    return await fetch(`/admin/v1${path}`, {method, headers, signal, body: body && JSON.stringify(body)});
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(`The server cannot be reached${method === "GET" ? "" : ", and what it did is not known"}.`, {code: "UNREACHABLE"});
  }
}

async function request(method, path, body, {signal = method === "GET" ? hooks.signal : undefined, quiet = false} = {}) {
  for (let refreshed = false; ;) {
    const response = await send(method, path, body, signal);
    if (response.ok) return response.status === 204 ? null : response.json();
    const error = await errorOf(response);
    if (error.status === 401 && !quiet && error.code !== "LOGIN_REFUSED") {
      await hooks.signInAgain();
    } else if (error.code === "CSRF_REFUSED" && !refreshed && !quiet) {
      // Signed in anew in another tab: the cookie is shared, the token is not.
      refreshed = true;
      await hooks.refreshSession();
    } else {
      throw error;
    }
    signal?.throwIfAborted();
  }
}

export const api = {
  get: (path, options) => request("GET", path, undefined, options),
  post: (path, body = {}, options) => request("POST", path, body, options),
  put: (path, body) => request("PUT", path, body),
  patch: (path, body) => request("PATCH", path, body),
  delete: (path, options) => request("DELETE", path, undefined, options),
};

// A path whose names are encoded: path`/accounts/${name}/keys`.
export const path = (strings, ...names) => String.raw({raw: strings}, ...names.map(encodeURIComponent));

// "?a=1&b=2" of what is given.
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

// What went wrong, as a sentence.
export function explain(error) {
  if (!(error instanceof ApiError)) return `This page met an error of its own: ${error?.message ?? error}`;
  const said = error.message[0].toUpperCase() + error.message.slice(1).replace(/\.$/, "");
  return `${said}.${error.retryAfter ? ` Try again in ${error.retryAfter} s.` : ""}`;
}
