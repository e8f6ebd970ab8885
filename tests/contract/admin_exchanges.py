"""What the contract test of the admin API says to a running suite, once for all its tests: every operation, and every
refusal that can be had without breaking anything."""
import http.client
import json
import urllib.parse

from grpc_client import billing, uuid7
from oracle import redis_of
from suite import Answer, wait_until

COOKIE = "__Host-prismatic_session"
SMALL = {"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256"}
EXTRA_PROVIDER = "name: extra\nwire_format: openai_images\nbase_url: http://127.0.0.1:9/v1\nimages_enabled: false\n"
EXTRA_MODEL = ("name: extra/model\npublic_ids: [extra-model]\ncapabilities: [image_generation]\n"
               "retail_generation_usd: \"0.01\"\nroutes:\n  - {provider: extra, upstream_model: m}\n")


class AdminExchanges:
    """Keeps (path, method, answer) of everything that was said; `path` as the description has it."""

    def __init__(self, suite, origin):
        self.suite, self.origin = suite, origin
        self.token = suite.env["PRISMATIC_ADMIN_TOKEN"]
        self.all = []
        self.passwords = {}

    # --- one call ---
    def send(self, method, path, body=None, query=None, token=None, **headers):
        """`token` None: the admin token; empty: none."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token != "":
            headers["Authorization"] = f"Bearer {token or self.token}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        if query:
            path += "?" + urllib.parse.urlencode(query)
        return self.suite.http(method, self.origin + path, body, headers)

    def ask(self, method, path, status, body=None, words=(), **more):
        """`words` stand for the path's `{...}`, in order."""
        sent = path
        for word in words:
            sent = sent.replace(sent[sent.index("{"):sent.index("}") + 1], urllib.parse.quote(word, safe=""), 1)
        answer = self.send(method, sent, body, **more)
        if answer.status != status:
            raise AssertionError(f"{method} {sent} {more} {str(body)[:300]}: {answer.status}, not {status}: "
                                 f"{answer.body[:500]}")
        self.all.append((path, method.lower(), answer))
        return answer

    def refused(self, code, *words, **more):
        answer = self.ask(*words, **more)
        if answer.error["code"] != code:
            raise AssertionError(f"{words}: {answer.error}, not {code}")
        return answer

    # --- everything ---
    def run(self):
        self.people()
        self.service()
        self.providers()
        self.models()
        self.catalog()
        self.accounts()
        self.keys()
        self.playground()
        self.debts()
        self.books()
        self.refusals()

    def log_in(self, name):
        """(the answer, the session's token)"""
        answer = self.ask("POST", "/admin/v1/session", 200, {"name": name, "password": self.passwords[name]}, token="")
        return answer, answer.headers["set-cookie"].partition(";")[0].removeprefix(COOKIE + "=")

    def people(self):
        for role in ("viewer", "operator", "owner"):
            made = self.ask("POST", "/admin/v1/operators", 201, {"name": "a-" + role, "role": role})
            self.passwords["a-" + role] = made.json["password"]
        self.refused("OPERATOR_EXISTS", "POST", "/admin/v1/operators", 409, {"name": "a-viewer", "role": "viewer"})
        reset = self.ask("POST", "/admin/v1/operators/{name}/reset-password", 200, words=["a-viewer"])
        self.passwords["a-viewer"] = reset.json["password"]
        new = "a new password"
        _, token = self.log_in("a-viewer")
        self.refused("LOGIN_REFUSED", "POST", "/admin/v1/password", 401,
                     {"old_password": "not this one", "new_password": new}, token=token)
        self.ask("POST", "/admin/v1/password", 204, {"old_password": self.passwords["a-viewer"], "new_password": new},
                 token=token)
        self.passwords["a-viewer"] = new
        self.sessions = {role: self.log_in("a-" + role) for role in ("viewer", "operator", "owner")}
        self.ask("GET", "/admin/v1/session", 200)
        self.ask("GET", "/admin/v1/session", 200, token=self.sessions["viewer"][1])
        _, token = self.log_in("a-viewer")
        self.by_cookie("DELETE", "/admin/v1/session", 204, token)
        self.refused("INVALID_API_KEY", "GET", "/admin/v1/session", 401, token=token)
        self.ask("GET", "/admin/v1/operators", 200)
        self.ask("POST", "/admin/v1/operators", 201, {"name": "a-leaver", "role": "operator"})
        self.ask("PATCH", "/admin/v1/operators/{name}", 200, {"disabled": True}, words=["a-leaver"])
        self.refused("OPERATOR_NOT_FOUND", "PATCH", "/admin/v1/operators/{name}", 404, {"role": "viewer"},
                     words=["nobody"])
        self.refused("OPERATOR_NOT_FOUND", "POST", "/admin/v1/operators/{name}/reset-password", 404, words=["nobody"])
        self.refused("LOGIN_REFUSED", "POST", "/admin/v1/session", 401, {"name": "nobody", "password": "x"}, token="")
        self.refused("CSRF_REFUSED", "POST", "/admin/v1/session", 403, {"name": "nobody", "password": "x"}, token="",
                     Sec_Fetch_Site="cross-site")

    def by_cookie(self, method, path, status, token, csrf=None, **headers):
        if csrf is None:
            shown = self.send("GET", "/admin/v1/session", token="", Cookie=f"{COOKIE}={token}")
            csrf = shown.json["csrf_token"]
        return self.ask(method, path, status, token="", Cookie=f"{COOKIE}={token}", X_CSRF_Token=csrf, **headers)

    def service(self):
        self.ask("GET", "/openapi.json", 200, token="")
        self.ask("GET", "/healthz", 200, token="")
        self.ask("GET", "/admin/v1/status", 200)
        self.ask("GET", "/admin/v1/overview", 200, query={"days": 7})

    def based_on(self):
        return self.send("GET", "/admin/v1/catalog").json["content_version"]

    def edit(self, **more):
        return {"based_on": self.based_on(), "note": "contract test", **more}

    def providers(self):
        one = "/admin/v1/providers/{name}"
        self.ask("GET", "/admin/v1/providers", 200)
        self.ask("POST", "/admin/v1/providers", 200, self.edit(yaml=EXTRA_PROVIDER))
        self.ask("PUT", one, 200, self.edit(yaml=EXTRA_PROVIDER + "max_concurrent: 3\n"), words=["extra"])
        self.refused("CATALOG_INVALID", "PUT", one, 400, self.edit(yaml=EXTRA_PROVIDER + "max_concurent: 3\n"),
                     words=["extra"])
        self.refused("PROVIDER_NOT_FOUND", "PUT", one, 404, self.edit(yaml=EXTRA_PROVIDER), words=["absent"])
        self.refused("CATALOG_CONFLICT", "PUT", one, 409, self.edit(yaml=EXTRA_PROVIDER, based_on=1), words=["extra"])
        self.refused("CATALOG_CONFLICT", "POST", "/admin/v1/providers", 409,
                     {"yaml": "name: more\nwire_format: gemini\nbase_url: http://127.0.0.1:9\n", "based_on": 1})
        self.ask("POST", one + "/images", 200, {"enabled": True}, words=["extra"])
        self.ask("POST", one + "/images", 200, {"enabled": False}, words=["extra"])
        self.refused("PROVIDER_NOT_FOUND", "POST", one + "/images", 404, {"enabled": True}, words=["absent"])
        self.ask("POST", one + "/test", 200, {}, words=["sandbox"])
        self.refused("PROVIDER_NOT_FOUND", "POST", one + "/test", 404, {}, words=["absent"])

    def models(self):
        one = "/admin/v1/models/{name}"
        self.ask("GET", "/admin/v1/models", 200)
        self.ask("POST", "/admin/v1/models", 200, self.edit(yaml=EXTRA_MODEL))
        self.refused("CATALOG_CONFLICT", "POST", "/admin/v1/models", 409,
                     {"yaml": EXTRA_MODEL.replace("extra", "more").replace("provider: more", "provider: extra"),
                      "based_on": 1})
        self.ask("PUT", one, 200, self.edit(yaml=EXTRA_MODEL + "owned_by: nobody\n"), words=["extra/model"])
        self.refused("MODEL_NOT_FOUND", "PUT", one, 404, self.edit(yaml=EXTRA_MODEL), words=["absent"])
        self.refused("CATALOG_CONFLICT", "PUT", one, 409, {"yaml": EXTRA_MODEL, "based_on": 1}, words=["extra/model"])
        price = {"retail_generation_usd": "0.02", "quota_units_per_image": 3}
        self.ask("PUT", one + "/price", 200, self.edit(**price), words=["extra/model"])
        self.ask("PUT", one + "/price", 200, self.edit(retail_generation_usd=None), words=["extra/model"])
        self.ask("PUT", one + "/price", 200, self.edit(**price), words=["extra/model"])
        self.refused("MODEL_NOT_FOUND", "PUT", one + "/price", 404, self.edit(**price), words=["absent"])
        self.refused("CATALOG_CONFLICT", "PUT", one + "/price", 409, {"retail_generation_usd": "3", "based_on": 1},
                     words=["extra/model"])
        gone = {"based_on": self.based_on(), "note": "contract test"}
        self.refused("MODEL_NOT_FOUND", "DELETE", one, 404, query=gone, words=["absent"])
        self.refused("CATALOG_CONFLICT", "DELETE", one, 409, query={"based_on": 1}, words=["extra/model"])
        self.refused("CATALOG_INVALID", "DELETE", "/admin/v1/providers/{name}", 400, query=gone, words=["extra"])
        self.ask("DELETE", one, 200, query=gone, words=["extra/model"])
        gone, one = {"based_on": self.based_on()}, "/admin/v1/providers/{name}"
        self.refused("PROVIDER_NOT_FOUND", "DELETE", one, 404, query=gone, words=["absent"])
        self.refused("CATALOG_CONFLICT", "DELETE", one, 409, query={"based_on": 1}, words=["extra"])
        self.ask("DELETE", one, 200, query=gone, words=["extra"])

    def catalog(self):
        shown = self.ask("GET", "/admin/v1/catalog", 200).json
        self.ask("GET", "/admin/v1/catalog", 200, query={"version": shown["catalog_version"]})
        self.refused("CATALOG_VERSION_NOT_FOUND", "GET", "/admin/v1/catalog", 404, query={"version": 1})
        apply = {"yaml": shown["yaml"], "note": "contract test"}
        self.ask("POST", "/admin/v1/catalog", 200, apply)
        other = shown["yaml"].replace("max_concurrent: 2000", "max_concurrent: 1999", 1)
        self.refused("CATALOG_CONFLICT", "POST", "/admin/v1/catalog", 409, {"yaml": other, "based_on": 1})
        self.ask("POST", "/admin/v1/catalog", 200, {"yaml": other, "based_on": self.based_on()})
        self.refused("CATALOG_INVALID", "POST", "/admin/v1/catalog", 400,
                     {"yaml": "providers: 7\n", "based_on": self.based_on()})
        versions = self.ask("GET", "/admin/v1/catalog/versions", 200, query={"page_size": 100}).json["versions"]
        self.ask("GET", "/admin/v1/catalog/changes", 200,
                 query={"from": versions[-1]["version"], "to": versions[0]["version"]})
        self.ask("GET", "/admin/v1/catalog/changes", 200)
        self.refused("CATALOG_VERSION_NOT_FOUND", "GET", "/admin/v1/catalog/changes", 404, query={"from": 1})
        back = {"version": versions[-1]["version"]}
        self.ask("POST", "/admin/v1/catalog/rollback", 200, {**back, "validate_only": True})
        self.refused("CATALOG_CONFLICT", "POST", "/admin/v1/catalog/rollback", 409, {**back, "based_on": 1})
        self.ask("POST", "/admin/v1/catalog/rollback", 200, {**back, "note": "contract test"})
        self.refused("CATALOG_VERSION_NOT_FOUND", "POST", "/admin/v1/catalog/rollback", 404, {"version": 1})

    def accounts(self):
        one = "/admin/v1/accounts/{name}"
        new = {"name": "c-acme", "wallet_usd": "10", "requests_per_minute": 600, "funding_policy": "wallet_only",
               "quota": {"units": 5, "period": "month"}}
        self.ask("POST", "/admin/v1/accounts", 201, new)
        self.ask("POST", "/admin/v1/accounts", 201, {"name": "c-plain"})
        self.refused("ACCOUNT_EXISTS", "POST", "/admin/v1/accounts", 409, new)
        self.ask("GET", "/admin/v1/accounts", 200, query={"prefix": "c-", "page_size": 1})
        self.ask("GET", one, 200, words=["c-acme"])
        self.ask("PATCH", one, 200, {"max_concurrent": 5, "images_per_minute": None, "suspended": True},
                 words=["c-acme"])
        self.ask("PATCH", one, 200, {"suspended": False, "quota": None}, words=["c-acme"])
        top_up = {"amount_usd": "2.5", "request_id": "c-1"}
        self.ask("POST", one + "/top-ups", 200, top_up, words=["c-acme"])
        self.ask("POST", one + "/top-ups", 200, top_up, words=["c-acme"])
        self.refused("IDEMPOTENCY_KEY_REUSED", "POST", one + "/top-ups", 409, {**top_up, "amount_usd": "3"},
                     words=["c-acme"])
        adjust = {"amount_usd": "-0.5", "reason": "=1+1, \"quoted\"", "request_id": "c-2"}
        self.ask("POST", one + "/adjustments", 200, adjust, words=["c-acme"])
        self.refused("CREDIT_BALANCE_EXHAUSTED", "POST", one + "/adjustments", 409,
                     {**adjust, "amount_usd": "-1000", "request_id": "c-3"}, words=["c-acme"])
        write_off = {"amount_usd": "0.5", "reason": "never owed", "request_id": "c-4"}
        self.refused("INVALID_VALUE", "POST", one + "/write-offs", 400, write_off, words=["c-acme"])
        self.refused("IDEMPOTENCY_KEY_REUSED", "POST", one + "/write-offs", 409, {**write_off, "request_id": "c-1"},
                     words=["c-acme"])

    def keys(self):
        made = self.ask("POST", "/admin/v1/accounts/{name}/keys", 201,
                        {"images_per_minute": 60, "models": ["imagen-4"], "expires_in_seconds": 3600}, words=["c-acme"])
        self.api_key = made.json["api_key"]
        second = self.ask("POST", "/admin/v1/accounts/{name}/keys", 201, {}, words=["c-acme"]).json["key"]["id"]
        self.ask("PATCH", "/admin/v1/keys/{id}", 200, {"models": None, "expires_in_seconds": None, "max_concurrent": 4},
                 words=[second])
        self.ask("POST", "/admin/v1/keys/{id}/revoke", 200, words=[second])
        self.ask("GET", "/admin/v1/accounts/{name}/keys", 200, words=["c-acme"])
        for method, path, body in (("PATCH", "/admin/v1/keys/{id}", {"max_concurrent": 4}),
                                   ("POST", "/admin/v1/keys/{id}/revoke", None)):
            self.refused("KEY_NOT_FOUND", method, path, 404, body, words=["c-acme.99"])

    def playground(self):
        self.played = [self.ask("POST", "/admin/v1/playground", 200, {"api_key": key, "request": request}).json
                       for key, request in ((self.api_key, SMALL), (self.api_key, {"model": "imagen-4"}),
                                            ("pk_c-acme.1_no_such", SMALL))]

    def debts(self):
        one = "/admin/v1/accounts/{name}"
        self.ask("POST", "/admin/v1/accounts", 201, {"name": "c-debtor", "wallet_usd": "0.08"})
        api_key = self.ask("POST", one + "/keys", 201, {}, words=["c-debtor"]).json["api_key"]
        with billing(self.suite) as client, redis_of(self.suite) as redis:
            held = client.CreateReservation(api_key=api_key, attempt_id=uuid7(), model="imagen-4", image_count=2)
            open_ones = self.ask("GET", one + "/reservations", 200, words=["c-debtor"]).json["reservations"]
            assert [reservation["id"] for reservation in open_ones] == [held.reservation.id]
            redis.end_holds()
            shown = ("reservation", "show", held.reservation.id)
            wait_until(lambda: self.suite.cli(*shown)["state"] == "expired", 20, "the hold's end")
            paid_out = {"amount_usd": "-0.05", "reason": "paid out", "request_id": "c-out"}
            self.ask("POST", one + "/adjustments", 200, paid_out, words=["c-debtor"])
            client.SettleReservation(reservation_id=held.reservation.id, delivered_count=2)
        forgiven = {"amount_usd": "0.04", "reason": "our outage", "request_id": "c-forgiven"}
        owed = self.ask("POST", one + "/write-offs", 200, forgiven, words=["c-debtor"]).json["account"]["owed_usd"]
        assert owed == "0.01", owed
        self.ask("GET", one + "/ledger", 200, words=["c-debtor"])

    def books(self):
        one = "/admin/v1/accounts/{name}"
        self.ask("GET", one + "/ledger", 200, words=["c-acme"])
        self.ask("GET", one + "/ledger", 200, words=["c-acme"],
                 query={"type": "charge,top_up", "page_size": 2, "before": 4})
        self.ask("GET", one + "/ledger.csv", 200, words=["c-acme"])
        self.ask("GET", one + "/usage", 200, words=["c-acme"])
        self.ask("GET", one + "/reservations", 200, words=["c-acme"])
        self.ask("GET", "/admin/v1/audit", 200, query={"page_size": 200})
        self.ask("GET", "/admin/v1/audit", 200, query={"page_size": 3, "account": "c-acme"})

    # --- what is refused whatever it is about ---
    def refusals(self):
        top_up = {"amount_usd": "1", "request_id": "r"}
        change = {**top_up, "reason": "r"}
        for method, rest, body in (("GET", "", None), ("PATCH", "", {"suspended": True}), ("GET", "/keys", None),
                                   ("POST", "/keys", {}), ("GET", "/ledger", None), ("GET", "/ledger.csv", None),
                                   ("GET", "/usage", None), ("GET", "/reservations", None),
                                   ("POST", "/top-ups", top_up), ("POST", "/adjustments", change),
                                   ("POST", "/write-offs", change)):
            self.refused("ACCOUNT_NOT_FOUND", method, "/admin/v1/accounts/{name}" + rest, 404, body, words=["absent"])
        self.failed_logins()

    def failed_logins(self):
        wrong = {"name": "a-locked", "password": "wrong"}
        for _ in range(10):
            self.refused("LOGIN_REFUSED", "POST", "/admin/v1/session", 401, wrong, token="")
        self.refused("LOGIN_RATE_LIMITED", "POST", "/admin/v1/session", 429, wrong, token="")
        token = self.sessions["viewer"][1]  # another login would forget the failures
        change = {"old_password": "wrong", "new_password": "long enough, this one"}
        for _ in range(10):
            self.refused("LOGIN_REFUSED", "POST", "/admin/v1/password", 401, change, token=token)
        self.refused("LOGIN_RATE_LIMITED", "POST", "/admin/v1/password", 429, change, token=token)

    def announced(self, path, size, method="POST", credential=True):
        """The answer to a body of that length, of which nothing is sent."""
        connection = http.client.HTTPConnection(self.origin.removeprefix("http://"), timeout=20)
        connection.putrequest(method, path)
        if credential:
            connection.putheader("Authorization", f"Bearer {self.token}")
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(size))):
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer
