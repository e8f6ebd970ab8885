#!/usr/bin/env python3
"""The admin port: who is let in, and what browsers may be made to do.

usage: admin_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import os
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from admin_client import Person  # noqa: E402
from admin_suite import AdminTestCase, Gateway  # noqa: E402

# Every endpoint, the least role of the contract, and a body that is refused for what it says, after the role is
# looked at; None: it takes no body.
NONSENSE = {"no such field": 1}
ENDPOINTS = [
    ("GET", "/admin/v1/session", "viewer", None), ("POST", "/admin/v1/password", "viewer", NONSENSE),
    ("GET", "/admin/v1/overview", "viewer", None), ("GET", "/admin/v1/status", "viewer", None),
    ("GET", "/admin/v1/providers", "viewer", None),
    ("POST", "/admin/v1/providers/sandbox/images", "operator", NONSENSE),
    ("POST", "/admin/v1/providers/sandbox/test", "operator", NONSENSE),
    ("POST", "/admin/v1/providers", "owner", NONSENSE), ("PUT", "/admin/v1/providers/sandbox", "operator", NONSENSE),
    ("DELETE", "/admin/v1/providers/nobody?based_on=x", "owner", None),
    ("GET", "/admin/v1/models", "viewer", None), ("POST", "/admin/v1/models", "owner", NONSENSE),
    ("PUT", "/admin/v1/models/imagen-4", "operator", NONSENSE),
    ("DELETE", "/admin/v1/models/nobody?based_on=x", "owner", None),
    ("PUT", "/admin/v1/models/imagen-4/price", "owner", NONSENSE),
    ("GET", "/admin/v1/catalog", "viewer", None), ("POST", "/admin/v1/catalog", "operator", NONSENSE),
    ("GET", "/admin/v1/catalog/versions", "viewer", None), ("GET", "/admin/v1/catalog/changes", "viewer", None),
    ("POST", "/admin/v1/catalog/rollback", "operator", NONSENSE),
    ("GET", "/admin/v1/accounts", "viewer", None), ("POST", "/admin/v1/accounts", "owner", NONSENSE),
    ("GET", "/admin/v1/accounts/demo", "viewer", None),
    ("PATCH", "/admin/v1/accounts/demo", "operator", NONSENSE),
    ("POST", "/admin/v1/accounts/demo/top-ups", "owner", NONSENSE),
    ("POST", "/admin/v1/accounts/demo/adjustments", "owner", NONSENSE),
    ("POST", "/admin/v1/accounts/demo/write-offs", "owner", NONSENSE),
    ("GET", "/admin/v1/accounts/demo/keys", "viewer", None),
    ("POST", "/admin/v1/accounts/demo/keys", "owner", NONSENSE), ("PATCH", "/admin/v1/keys/demo.1", "owner", NONSENSE),
    ("POST", "/admin/v1/keys/demo.999/revoke", "operator", None),
    ("GET", "/admin/v1/accounts/demo/ledger", "viewer", None),
    ("GET", "/admin/v1/accounts/demo/ledger.csv", "viewer", None),
    ("GET", "/admin/v1/accounts/demo/usage?first_day=2026-01-01&last_day=2026-01-02", "viewer", None),
    ("GET", "/admin/v1/accounts/demo/reservations", "viewer", None),
    ("POST", "/admin/v1/playground", "operator", NONSENSE), ("GET", "/admin/v1/audit", "viewer", None),
    ("GET", "/admin/v1/operators", "viewer", None), ("POST", "/admin/v1/operators", "owner", NONSENSE),
    ("PATCH", "/admin/v1/operators/nobody", "owner", NONSENSE),
    ("POST", "/admin/v1/operators/nobody/reset-password", "owner", None),
]
ROLES = ("viewer", "operator", "owner")


class AdminTest(AdminTestCase):
    # --- signing in ---
    def test_a_person_signs_in_and_out(self):
        person, _ = self.new_person("comes-and-goes", "viewer")
        session = person.call("GET", "/admin/v1/session")
        self.assertEqual((session.json["actor"], session.json["role"]), ("comes-and-goes", "viewer"))
        self.assertEqual(session.json["csrf_token"], person.csrf)
        self.assertEqual(session.json["operator"]["name"], "comes-and-goes")
        self.assertTrue(session.json["operator"]["password_is_initial"])
        self.assertEqual(session.headers["cache-control"], "no-store")
        out = person.call("DELETE", "/admin/v1/session")
        self.assertEqual((out.status, out.body), (204, b""))
        self.assertIn("Max-Age=0", out.headers["set-cookie"])
        self.assert_refused(person.call("GET", "/admin/v1/session"), 401, "INVALID_API_KEY")

    def test_the_cookie_is_for_this_host_and_not_for_scripts(self):
        made = self.owner("POST", "/admin/v1/operators", {"name": "cookie-eater", "role": "viewer"}, 201)
        person = Person(self.admin)
        answer = person.sign_in("cookie-eater", made["password"])
        self.assertRegex(answer.headers["set-cookie"], r"^__Host-prismatic_session=ps_[A-Za-z0-9_-]{43}; Path=/; "
                                                       r"HttpOnly; Secure; SameSite=Strict$")
        self.assertNotIn(person.token.encode(), answer.body)
        self.assertNotIn(person.token[3:20], person.csrf)

    def test_a_wrong_password_and_an_unknown_name_are_refused_alike(self):
        answers = [Person(self.admin).sign_in(name, password)
                   for name, password in (("owner", "wrong"), ("nobody-here", "wrong"), ("OWNER", self.password))]
        for answer in answers:
            self.assert_refused(answer, 401, "LOGIN_REFUSED")
            self.assertNotIn("set-cookie", answer.headers)
        self.assertEqual(len({answer.error["message"] for answer in answers}), 1)

    def test_failed_logins_are_limited(self):
        answers = [Person(self.admin).sign_in("guessed-name", f"guess {i}") for i in range(11)]
        self.assertEqual([answer.status for answer in answers], [401] * 10 + [429])
        self.assert_refused(answers[-1], 429, "LOGIN_RATE_LIMITED")
        self.assertGreater(int(answers[-1].headers["retry-after"]), 0)

    def test_a_login_from_another_page_is_refused(self):
        body = {"name": "owner", "password": self.password}
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}):
            answer = self.admin.send("POST", "/admin/v1/session", body, headers)
            self.assert_refused(answer, 403, "CSRF_REFUSED")
            self.assertNotIn("set-cookie", answer.headers)

    def test_a_new_password_ends_the_other_sessions(self):
        person, password = self.new_person("changes-password", "viewer")
        other = Person(self.admin)
        self.assertEqual(other.sign_in("changes-password", password).status, 200)
        new = "a long enough password"
        self.assert_refused(person.call("POST", "/admin/v1/password", {"old_password": "x", "new_password": new}), 401,
                            "LOGIN_REFUSED")
        self.assert_refused(person.call("POST", "/admin/v1/password", {"old_password": password, "new_password": "x"}),
                            400, "INVALID_VALUE")
        changed = person.call("POST", "/admin/v1/password", {"old_password": password, "new_password": new})
        self.assertEqual(changed.status, 204, changed.body)
        self.assertEqual(person.call("GET", "/admin/v1/session").status, 200)
        self.assertEqual(other.call("GET", "/admin/v1/session").status, 401)
        self.assertEqual(Person(self.admin).sign_in("changes-password", new).status, 200)

    def test_who_is_disabled_or_loses_a_role_loses_it_at_once(self):
        person, _ = self.new_person("loses-all", "owner")
        self.owner("PATCH", "/admin/v1/operators/loses-all", {"role": "viewer"})
        self.assertIn(person.call("POST", "/admin/v1/operators", {"name": "x", "role": "owner"}).status, (401, 403))
        self.owner("PATCH", "/admin/v1/operators/loses-all", {"disabled": True})
        self.assertEqual(person.call("GET", "/admin/v1/session").status, 401)

    def test_the_last_owner_stays(self):
        for other in self.owner("GET", "/admin/v1/operators")["operators"]:
            if other["name"] != "owner":
                self.owner("PATCH", f"/admin/v1/operators/{other['name']}", {"disabled": True})
        try:
            for change in ({"role": "viewer"}, {"disabled": True}):
                answer = self.people["owner"].call("PATCH", "/admin/v1/operators/owner", change)
                self.assert_refused(answer, 409, "LAST_OWNER")
        finally:
            for role in ("viewer", "operator"):
                self.owner("PATCH", f"/admin/v1/operators/{role}-1", {"disabled": False})
                password = self.owner("POST", f"/admin/v1/operators/{role}-1/reset-password")["password"]
                self.assertEqual(self.people[role].sign_in(f"{role}-1", password).status, 200)

    def test_a_session_is_good_at_every_gateway(self):
        with Gateway(self.suite) as second:
            person, _ = self.new_person("two-gateways", "operator")
            here, there = person.call("GET", "/admin/v1/session"), person.call("GET", "/admin/v1/session", at=second)
            self.assertEqual(there.status, 200, there.body)
            self.assertEqual(here.json["csrf_token"], there.json["csrf_token"])
            flipped = person.call("POST", "/admin/v1/providers/sandbox-chat/images", {"enabled": True}, at=second)
            self.assertEqual(flipped.status, 200, flipped.body)
            self.assertEqual(person.call("DELETE", "/admin/v1/session").status, 204)
            self.assert_refused(person.call("GET", "/admin/v1/session", at=second), 401, "INVALID_API_KEY")

    # --- who may what ---
    def send_as(self, who, method, path, body):
        if who == "none":
            return self.admin.send(method, path, body)
        if who == "bad token":
            return self.admin.machine(method, path, body, token="ps_" + "A" * 43)
        if who == "admin token":
            return self.admin.machine(method, path, body)
        if who.startswith("bearer "):
            return self.admin.machine(method, path, body, token=self.people[who[7:]].token)
        return self.people[who].call(method, path, body)

    def test_every_endpoint_lets_in_whom_it_should(self):
        callers = ["none", "bad token", "admin token", *ROLES, *("bearer " + role for role in ROLES)]
        for method, path, least, body in ENDPOINTS:
            for who in callers:
                with self.subTest(f"{method} {path} as {who}"):
                    answer = self.send_as(who, method, path, body)
                    if who in ("none", "bad token"):
                        self.assert_refused(answer, 401, "INVALID_API_KEY")
                        continue
                    role = {"admin token": "owner"}.get(who, who.removeprefix("bearer "))
                    if ROLES.index(role) < ROLES.index(least):
                        self.assert_refused(answer, 403, "ROLE_NOT_ALLOWED")
                    elif method == "GET":
                        self.assertEqual(answer.status, 200, answer.body)
                    else:
                        self.assertIn(answer.status, (400, 404), answer.body)
                        self.assertNotIn(answer.error["code"], ("UNKNOWN_URL", "INTERNAL_ERROR"))

    def test_an_operator_may_not_change_what_is_an_owners_in_a_whole_catalog(self):
        catalog = self.owner("GET", "/admin/v1/catalog")
        changed = catalog["yaml"].replace('retail_generation_usd: "0.04"', 'retail_generation_usd: "9"', 1)
        self.assertNotEqual(changed, catalog["yaml"])
        body = {"yaml": changed, "based_on": catalog["content_version"]}
        self.assert_refused(self.people["operator"].call("POST", "/admin/v1/catalog", body), 403, "ROLE_NOT_ALLOWED")
        self.assertEqual(self.owner("GET", "/admin/v1/catalog"), catalog)
        tried = self.owner("POST", "/admin/v1/catalog", {**body, "validate_only": True})
        self.assertEqual([change["after"] for change in tried["changes"]], ['"9"'])

    def entry(self, kind, name):
        listed = self.owner("GET", f"/admin/v1/{kind}")
        return next(each["yaml"] for each in listed[kind] if each["name"] == name), listed["content_version"]

    def test_an_operator_may_change_of_one_entry_what_he_may_change_of_all(self):
        operator = self.people["operator"]
        for kind, name, own, owners in (
                ("providers", "sandbox-sdapi", "max_concurrent: 1500\n", "egress_proxy: http://127.0.0.1:1\n"),
                ("models", "imagen-4", "owned_by: somebody\n", "quota_units_per_image: 7\n")):
            with self.subTest(kind):
                yaml, version = self.entry(kind, name)
                keys = {line.split(":")[0] for line in (own, owners)}
                yaml = "".join(line for line in yaml.splitlines(True) if line.split(":")[0] not in keys)
                refused = operator.call("PUT", f"/admin/v1/{kind}/{name}", {"yaml": yaml + owners, "based_on": version})
                self.assert_refused(refused, 403, "ROLE_NOT_ALLOWED")
                self.assertIn(f"{kind}[{name}].{owners.split(':')[0]}", refused.error["message"])
                self.assertEqual(self.entry(kind, name)[1], version)
                before = self.entry(kind, name)
                made = operator.call("PUT", f"/admin/v1/{kind}/{name}", {"yaml": yaml + own, "based_on": version})
                self.assertEqual(made.status, 200, made.body)
                self.assertIn(f"{kind}[{name}].{own.split(':')[0]}", [each["path"] for each in made.json["changes"]])
                self.owner("PUT", f"/admin/v1/{kind}/{name}",
                           {"yaml": before[0], "based_on": made.json["catalog_version"]})

    def test_an_admin_token_is_no_session_and_has_no_password(self):
        token = self.suite.env["PRISMATIC_ADMIN_TOKEN"]
        by_cookie = self.admin.send("GET", "/admin/v1/session", None, {"Cookie": f"__Host-prismatic_session={token}"})
        self.assert_refused(by_cookie, 401, "INVALID_API_KEY")
        session = self.admin.machine("GET", "/admin/v1/session").json
        self.assertEqual((session["role"], session["csrf_token"], session["operator"]), ("owner", None, None))
        change = self.admin.machine("POST", "/admin/v1/password", {"old_password": "a", "new_password": "b" * 20})
        self.assert_refused(change, 403, "ROLE_NOT_ALLOWED")

    # --- what a browser may be made to do ---
    def test_a_change_by_cookie_needs_the_proof_of_the_page(self):
        person, path, body = self.people["owner"], "/admin/v1/providers/sandbox/images", {"enabled": True}
        origin, cookie = {"Origin": self.admin.url}, {"Cookie": person.cookie}
        token = {"X-CSRF-Token": person.csrf}
        port = urllib.parse.urlsplit(self.admin.url).port
        other, _ = self.new_person("other-session", "owner")
        refused = [
            {}, origin, {"X-CSRF-Token": ""}, {"X-CSRF-Token": person.csrf[:-1]}, {"X-CSRF-Token": other.csrf},
            {"X-CSRF-Token": person.token}, {**token, "Origin": "null"}, {**token, "Origin": "https://evil.example"},
            {**token, "Origin": f"http://127.0.0.1:{port + 1}"}, {**token, "Origin": f"http://localhost:{port}"},
            {**token, "Origin": f"http://127.0.0.1:{port}.evil.example"}, {**token, "Sec-Fetch-Site": "cross-site"},
            {**token, "Sec-Fetch-Site": "same-site"}, {**token, **origin, "Sec-Fetch-Site": "cross-site"},
        ]
        for headers in refused:
            with self.subTest(str(headers)):
                answer = self.admin.send("POST", path, body, {**cookie, **headers})
                self.assert_refused(answer, 403, "CSRF_REFUSED")
        for headers in (token, {**token, **origin}, {**token, "Sec-Fetch-Site": "none"},
                        {**token, **origin, "Sec-Fetch-Site": "same-origin"}):
            answer = self.admin.send("POST", path, body, {**cookie, **headers})
            self.assertEqual(answer.status, 200, answer.body)

    def test_every_change_by_cookie_needs_it(self):
        for method, path, _, body in ENDPOINTS + [("DELETE", "/admin/v1/session", "viewer", None)]:
            if method == "GET":
                continue
            with self.subTest(f"{method} {path}"):
                answer = self.admin.send(method, path, body, {"Cookie": self.people["owner"].cookie})
                self.assert_refused(answer, 403, "CSRF_REFUSED")

    def test_cookies_are_read_with_care(self):
        name, token = "__Host-prismatic_session", self.people["viewer"].token
        for cookie, status in ((f"a=b; {name}={token}; c=d", 200), (f"{name}={token}; {name}={token}", 401),
                               (f"{name}={token}x", 401), (f"{name}=", 401), (f'{name}="{token}"', 401),
                               (f"x{name}={token}", 401), (name, 401), (";;;=", 401), (f"{name.lower()}={token}", 401),
                               ("a" * 7000, 401), (f"{'a=b; ' * 1000}{name}={token}", 200)):
            with self.subTest(cookie[:80]):
                answer = self.admin.send("GET", "/admin/v1/session", None, {"Cookie": cookie})
                self.assertEqual(answer.status, status, answer.body)


if __name__ == "__main__":
    unittest.main()
