"""What the tests of the admin port share."""
import http.client
import os
import re
import subprocess
import unittest

from admin_client import Admin, Person, owner_password
from suite import Suite, wait_until

SAFETY = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
          "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
          "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
                                     "img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; "
                                     "base-uri 'none'; form-action 'self'"}


class AdminTestCase(unittest.TestCase):
    """One suite for all tests of a class, and somebody of each role who is signed in."""

    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        try:
            cls.admin = Admin(cls.suite)
            cls.password = owner_password(cls.suite)
            cls.people = {"owner": Person(cls.admin)}
            signed_in = cls.people["owner"].sign_in("owner", cls.password)
            assert signed_in.status == 200, signed_in.body
            for role in ("viewer", "operator"):
                cls.people[role] = cls.new_person(role + "-1", role)[0]
        except BaseException:
            cls.suite.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    @classmethod
    def new_person(cls, name, role):
        made = cls.people["owner"].call("POST", "/admin/v1/operators", {"name": name, "role": role})
        assert made.status == 201, made.body
        person = Person(cls.admin)
        signed_in = person.sign_in(name, made.json["password"])
        assert signed_in.status == 200, signed_in.body
        return person, made.json["password"]

    def owner(self, method, path, body=None, status=200):
        answer = self.people["owner"].call(method, path, body)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json if answer.body else None

    def assert_refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.error["code"]), (status, code), answer.body)
        self.assertEqual(set(answer.error) - {"errors"}, {"code", "message", "param", "request_id"})
        self.assertEqual(answer.error["request_id"], answer.headers["x-request-id"])
        self.assert_safe(answer)

    def assert_safe(self, answer):
        for name, value in SAFETY.items():
            self.assertEqual(answer.headers.get(name), value, name)


class Gateway(Admin):
    """A second gateway of the same suite, on ports of its own."""

    def __init__(self, suite, *flags):
        env = suite.env
        binary = os.path.join(os.path.dirname(suite.cli_path), "prismatic-gateway")
        self.log_path = os.path.join(suite.state, "second.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [binary, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
                 "--registry", env["PRISMATIC_REGISTRY_ADDR"], "--billing", env["PRISMATIC_BILLING_ADDR"],
                 "--provider-proxy", env["PRISMATIC_PROVIDER_ADDR"],
                 "--registry-admin", env["PRISMATIC_REGISTRY_ADMIN_ADDR"],
                 "--billing-admin", env["PRISMATIC_BILLING_ADMIN_ADDR"],
                 "--billing-admin-token-file", os.path.join(suite.state, "secrets", "admin-token"), *flags],
                stderr=log, stdin=subprocess.DEVNULL, env={})
        super().__init__(suite, "http://127.0.0.1:0")

    def __enter__(self):
        def port():
            with open(self.log_path, encoding="utf-8") as log:
                return re.search(r'"admin_port":(\d+)', log.read())
        wait_until(port, 20, "the second gateway's port")
        self.url = f"http://127.0.0.1:{port().group(1)}"

        def healthy():
            try:
                return self.send("GET", "/healthz").status == 200
            except (OSError, http.client.HTTPException):
                return False
        wait_until(healthy, 10, "the second gateway")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)
