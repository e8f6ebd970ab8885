#!/usr/bin/env python3
"""The admin port: requests of the hostile kind, and the files of the page.

usage: admin_requests_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from admin_client import Person  # noqa: E402
from admin_suite import AdminTestCase, Gateway  # noqa: E402
from grpc_client import billing_admin  # noqa: E402
from suite import wait_until  # noqa: E402

HOSTILE_NAMES = ("<script>alert(1)</script>", "\"'`;--", "\u202eevil\u202c", "../../etc/passwd", "a" * 1000, "\u0000",
                 "${jndi:ldap://x}", "%00", "\r\nSet-Cookie: a=b", "💥")


class AdminRequestsTest(AdminTestCase):
    # --- bodies, paths, names ---
    def test_bodies_that_are_no_request_are_refused(self):
        token = {"Authorization": "Bearer " + self.suite.env["PRISMATIC_ADMIN_TOKEN"]}
        json_type = {**token, "Content-Type": "application/json"}
        deep = b"[" * 100_000 + b"]" * 100_000
        cases = [(b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400), (b"{}", 400), (deep, 400),
                 (b'{"yaml": ' + deep + b"}", 400), (b'{"yaml": 1}', 400), (b'{"yaml": "x", "yaml": "x"}', 400),
                 (b'{"yaml": "x", "force": "yes"}', 400), (b'{"yaml": "x", "based_on": 1.5}', 400),
                 (b'{"yaml": "x", "based_on": 99999999999999999999}', 400), (b'{"yaml": "x", "extra": null}', 400),
                 (b'{"yaml": "\xff"}', 400), (b'{"yaml": "\\ud800"}', 400), (b'{"yaml": "x"} {}', 400),
                 (b"{" + b'"a":0,' * 300_000 + b'"b":0}', 400), (b"{" + b" " * (10 << 20) + b"}", 413)]
        for body, status in cases:
            with self.subTest(str(body[:60])):
                try:
                    answer = self.admin.raw("POST", "/admin/v1/catalog", body, json_type)
                except (BrokenPipeError, ConnectionResetError):  # refused by its announced length, while it is sent
                    self.assertEqual(status, 413)
                    continue
                self.assertEqual(answer.status, status, answer.body[:300])
                self.assertNotEqual(answer.error["code"], "INTERNAL_ERROR")
                self.assert_safe(answer)
        for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"},
                        {"Content-Type": "application/json; charset=utf-16"},
                        {"Content-Type": "application/json", "Content-Encoding": "gzip"}):
            answer = self.admin.raw("POST", "/admin/v1/catalog", b'{"yaml": "x"}', {**token, **headers})
            self.assert_refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        self.assert_refused(self.admin.machine("DELETE", "/admin/v1/session", {"x": 1}), 400, "INVALID_VALUE")

    def test_a_catalog_with_errors_names_every_place(self):
        answer = self.people["owner"].call("POST", "/admin/v1/catalog",
                                           {"yaml": "providers:\n  - nmae: x\nmodels: 1\n", "force": True})
        self.assert_refused(answer, 400, "CATALOG_INVALID")
        self.assertGreater(len(answer.error["errors"]), 1)
        for error in answer.error["errors"]:
            self.assertEqual(set(error), {"line", "column", "path", "message"})
        self.assertIn(2, [error["line"] for error in answer.error["errors"]])

    def test_another_spelling_of_a_path_is_another_path(self):
        for path in ("/admin/v1/session/", "//admin/v1/session", "/admin/v1/./session", "/admin/v1/x/../session",
                     "/admin/v1/%73ession", "/Admin/v1/session", "/admin/v1/accounts//keys", "/admin/v1/accounts/",
                     "/admin", "/admin/v1", "/index.html/", "/..%2f..%2fetc/passwd", "/page/index.html", "/readyz",
                     "/v1/images/generations", "/metrics"):
            with self.subTest(path):
                self.assert_refused(self.admin.machine("GET", path), 404, "UNKNOWN_URL")
        wrong = self.admin.machine("PUT", "/admin/v1/session")
        self.assert_refused(wrong, 405, "METHOD_NOT_ALLOWED")
        self.assertEqual(set(wrong.headers["allow"].split(", ")), {"POST", "GET", "HEAD", "DELETE"})
        self.assert_refused(self.admin.send("POST", "/", {}), 405, "METHOD_NOT_ALLOWED")

    def test_names_of_the_hostile_kind_are_only_names(self):
        for name in HOSTILE_NAMES:
            quoted = urllib.parse.quote(name, safe="")
            for method, path, body in (("GET", f"/admin/v1/accounts/{quoted}", None),
                                       ("POST", f"/admin/v1/providers/{quoted}/images", {"enabled": False}),
                                       ("PUT", f"/admin/v1/models/{quoted}/price", {"retail_generation_usd": "1"}),
                                       ("POST", "/admin/v1/operators", {"name": name, "role": "viewer"}),
                                       ("POST", "/admin/v1/accounts", {"name": name}),
                                       ("GET", f"/admin/v1/accounts?prefix={quoted}", None),
                                       ("GET", f"/admin/v1/audit?account={quoted}", None)):
                with self.subTest(f"{method} {path[:80]} {name[:40]!r}"):
                    answer = self.admin.machine(method, path, body)
                    self.assertIn(answer.status, (200, 400, 404), answer.body)
                    self.assertEqual(answer.headers["content-type"], "application/json")
                    self.assert_safe(answer)
                    if answer.status == 200:
                        self.assertEqual(next(iter(answer.json.values())), [])

    def test_only_known_parameters_within_their_bounds_are_taken(self):
        for path in ("/admin/v1/overview?days=0", "/admin/v1/overview?days=367", "/admin/v1/overview?days=x",
                     "/admin/v1/overview?dys=1", "/admin/v1/overview?days=1&days=2", "/admin/v1/audit?page_size=201",
                     "/admin/v1/audit?before_time=yesterday", "/admin/v1/catalog?version=-1", "/admin/v1/status?x=1",
                     "/admin/v1/catalog/versions?page_size=101", "/admin/v1/providers?%ff=1"):
            with self.subTest(path):
                self.assert_refused(self.admin.machine("GET", path), 400, "INVALID_VALUE")
        self.assert_refused(self.admin.machine("GET", "/admin/v1/catalog?version=1"), 404, "CATALOG_VERSION_NOT_FOUND")

    def test_what_is_not_there_is_told_by_its_code(self):
        for path, code in (("accounts/nobody", "ACCOUNT_NOT_FOUND"), ("accounts/NO.BODY", "ACCOUNT_NOT_FOUND"),
                           ("accounts/nobody/keys", "ACCOUNT_NOT_FOUND"), ("accounts/A%2F/ledger", "ACCOUNT_NOT_FOUND"),
                           ("accounts/nobody/ledger", "ACCOUNT_NOT_FOUND"),
                           ("accounts/%F0%9F%92%A5", "ACCOUNT_NOT_FOUND"),
                           ("accounts/nobody/ledger.csv", "ACCOUNT_NOT_FOUND"), ("accounts/nobody/x", "UNKNOWN_URL")):
            with self.subTest(path):
                self.assert_refused(self.admin.machine("GET", f"/admin/v1/{path}"), 404, code)
        version = self.owner("GET", "/admin/v1/catalog")["content_version"]
        for method, path, body, code in (
                ("POST", "keys/demo.999/revoke", None, "KEY_NOT_FOUND"),
                ("POST", "keys/x/revoke", None, "KEY_NOT_FOUND"),
                ("PATCH", "keys/%20", {"models": None}, "KEY_NOT_FOUND"),
                ("PATCH", "operators/NO.BODY", {"disabled": True}, "OPERATOR_NOT_FOUND"),
                ("POST", "providers/NO.BODY/test", {}, "PROVIDER_NOT_FOUND"),
                ("POST", "providers/NO.BODY/images", {"enabled": True}, "PROVIDER_NOT_FOUND"),
                ("PUT", "models/%2F/price", {"retail_generation_usd": "1", "based_on": version}, "MODEL_NOT_FOUND"),
                ("DELETE", f"providers/NO.BODY?based_on={version}", None, "PROVIDER_NOT_FOUND")):
            with self.subTest(path):
                self.assert_refused(self.admin.machine(method, f"/admin/v1/{path}", body), 404, code)
        self.assert_refused(self.admin.machine("POST", "/admin/v1/accounts", {"name": "NO.BODY"}), 400, "INVALID_VALUE")

    # --- too much at once ---
    def stall(self, stack, path, length, sent, *headers):
        """A connection that has sent so much of its body, and no more; or less, when it was refused."""
        host, port = self.admin.host.split(":")
        wire = stack.enter_context(socket.create_connection((host, int(port)), 10))
        head = [f"POST {path} HTTP/1.1", f"Host: {self.admin.host}", "Content-Type: application/json",
                f"Content-Length: {length}", *headers]
        with contextlib.suppress(ConnectionError):
            wire.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + b" " * sent)
        return wire

    def switch(self):
        answer = self.admin.machine("POST", "/admin/v1/providers/sandbox/images", {"enabled": True})
        self.assertEqual(answer.status, 200, answer.body)

    def test_large_bodies_of_strangers_are_refused_before_they_are_read(self):
        bearer = "Authorization: Bearer made-up"
        for path, header in (("/admin/v1/session", "X-Y: z"), ("/admin/v1/session", bearer),
                             ("/admin/v1/catalog", "X-Y: z"),
                             ("/admin/v1/providers/sandbox/images", bearer), ("/admin/v1/models/x/price", bearer),
                             ("/admin/v1/nothing", bearer), ("/", bearer)):
            with self.subTest(f"{path} {header}"), contextlib.ExitStack() as stack:
                wire = self.stall(stack, path, 9 << 20, 0, header)
                self.assertIn(b" 413 ", wire.recv(4096).split(b"\r\n")[0])
                wire = self.stall(stack, path, (16 << 10) + 1, 0, header)
                self.assertIn(b" 413 ", wire.recv(4096).split(b"\r\n")[0])
        with contextlib.ExitStack() as stack:
            wires = [self.stall(stack, "/admin/v1/session", 9 << 20, (9 << 20) - 4096) for _ in range(18)]
            self.switch()
            self.assertEqual(Person(self.admin).sign_in("owner", self.password).status, 200)
            del wires

    def test_large_bodies_with_credentials_that_are_made_up_keep_no_operator_out(self):
        with contextlib.ExitStack() as stack:
            for _ in range(18):
                self.stall(stack, "/admin/v1/catalog", 9 << 20, (9 << 20) - 4096, "Authorization: Bearer made-up")
            wait_until(lambda: self.admin.machine("POST", "/admin/v1/catalog", {"yaml": "x"}).status == 503, 20,
                       "a full memory")
            for _ in range(20):
                self.switch()

    def test_exports_are_few_at_a_time(self):
        self.owner("POST", "/admin/v1/accounts", {"name": "exported"}, 201)
        with billing_admin(self.suite) as client:
            for number in range(400):
                client.TopUpWallet(account="exported", amount_nano_usd=1, request_id=f"r-{number}")
        answers = []

        def export():
            answers.append(self.admin.machine("GET", "/admin/v1/accounts/exported/ledger.csv"))

        def refused():
            crowd = [threading.Thread(target=export) for _ in range(20)]
            for each in crowd:
                each.start()
            for each in crowd:
                each.join()
            return any(answer.status == 503 for answer in answers)
        wait_until(refused, 60, "more exports at once than there may be")
        for answer in answers:
            if answer.status == 503:
                self.assert_refused(answer, 503, "SERVER_IS_OVERLOADED")
                self.assertIn("exports", answer.error["message"])
                self.assertGreater(int(answer.headers["retry-after"]), 0)
            else:
                self.assertEqual((answer.status, answer.body.count(b"\n")), (200, 401))
        self.assertIn(200, {answer.status for answer in answers})
        answers.clear()
        export()
        self.assertEqual(answers[0].status, 200)

    # --- behind a proxy ---
    def fail_to_sign_in(self, gateway, name, forwarded_for):
        return gateway.send("POST", "/admin/v1/session", {"name": name, "password": "wrong"},
                            {"Origin": gateway.url, "X-Forwarded-For": forwarded_for}).status

    def test_logins_are_counted_by_client_where_the_proxy_is_known(self):
        with Gateway(self.suite, "--admin-trusted-proxies", "127.0.0.0/8,fd00:12::/32") as gateway:
            statuses = [self.fail_to_sign_in(gateway, f"guess-{i}", f"198.51.100.{i}, 203.0.113.7") for i in range(31)]
            self.assertEqual(statuses, [401] * 30 + [429])
            self.assertEqual(self.fail_to_sign_in(gateway, "guess-31", "203.0.113.7, 127.0.0.9"), 429)
            self.assertEqual(self.fail_to_sign_in(gateway, "guess-32", "203.0.113.7, 203.0.113.8"), 401)
            # No address, or none that is not trusted: the proxy's own.
            self.assertEqual(self.fail_to_sign_in(gateway, "guess-33", "203.0.113.7, unknown"), 401)
        # Nobody's word is taken without the flag.
        self.assertEqual(self.fail_to_sign_in(self.admin, "guess-34", "203.0.113.7"), 401)

    def test_proxies_that_are_none_end_the_start(self):
        binary = os.path.join(os.path.dirname(self.suite.cli_path), "prismatic-gateway")
        token = os.path.join(self.suite.state, "secrets", "admin-token")
        done = subprocess.run([binary, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--metrics-listen",
                               "127.0.0.1:0", "--billing-admin-token-file", token, "--admin-trusted-proxies",
                               "10.1.0.0/8,proxy.example"], capture_output=True, check=False, timeout=60, env={})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"10.0.0.0/8 is the range", done.stderr)
        self.assertIn(b'"proxy.example" is neither an address nor a range', done.stderr)

    # --- what is deployed ---
    def test_every_program_tells_the_same_version(self):
        folder = os.path.dirname(self.suite.cli_path)
        version = self.admin.send("GET", "/openapi.json").json["info"]["version"]
        for program in ("gateway", "billing", "registry", "provider-proxy", "sandbox", "all-in-one"):
            done = subprocess.run([os.path.join(folder, f"prismatic-{program}"), "--version"], capture_output=True,
                                  check=True, timeout=60, env={})
            self.assertEqual(done.stdout.decode(), f"prismatic-{program} {version}\n")

    # --- the page ---
    def test_the_page_is_served_and_not_sent_twice(self):
        page = self.admin.send("GET", "/")
        self.assertEqual((page.status, page.headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assert_safe(page)
        again = self.admin.send("GET", "/index.html", None, {"If-None-Match": page.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        for file, content_type in re.findall(r'(?:src|href)="/?([\w./-]+\.(js|css|svg))"', page.body.decode()):
            answer = self.admin.send("GET", "/" + file)
            self.assertEqual(answer.status, 200, file)
            self.assertIn({"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[content_type],
                          answer.headers["content-type"])
            self.assert_safe(answer)
        self.assertEqual(self.admin.send("GET", "/healthz").body, b"ok\n")
        self.assertTrue(self.admin.send("GET", "/openapi.json").json["openapi"].startswith("3.1"))


if __name__ == "__main__":
    unittest.main()
