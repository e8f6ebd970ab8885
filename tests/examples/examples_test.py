#!/usr/bin/env python3
"""The example clients of billing, in Python and C++, as another service would run them against the real suite.

usage: examples_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from suite import ROOT, Suite, wait_until  # noqa: E402

PROTOS = ("prismatic/billing/v1/billing.proto", "prismatic/common/v1/errors.proto")


def make_python_messages(folder):
    """As docs/how-to/meter-another-service.md says, with Debian's protoc."""
    subprocess.run(["protoc", "-I", "protos", f"--python_out={folder}", f"--grpc_out={folder}",
                    "--plugin=protoc-gen-grpc=" + shutil.which("grpc_python_plugin"), *PROTOS], cwd=ROOT, check=True)


def make_certificates(folder):
    """An authority, billing's certificate, and one client certificate for each name."""
    def issue(name, *flags):
        subprocess.run(["openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out",
                        f"{name}.pem", *flags], cwd=folder, check=True, capture_output=True)

    issue("authority")
    for name, host in (("billing", "IP:127.0.0.1"), ("video", "DNS:video"), ("stranger", "DNS:stranger")):
        issue(name, "-CA", "authority.pem", "-CAkey", "authority.key", "-addext", f"subjectAltName={host}", "-addext",
              "basicConstraints=critical,CA:FALSE")
    issue("forger", "-addext", "subjectAltName=DNS:video")  # signed by itself


class Shared:
    suite = messages = meters = None

    @classmethod
    def start(cls):
        if cls.suite is None:
            cls.messages = tempfile.mkdtemp(prefix="prismatic-messages-")
            make_python_messages(cls.messages)
            cls.suite = Suite()
            make_certificates(cls.suite.state)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                cls.meters = "127.0.0.1:%d" % probe.getsockname()[1]
            files = {"cert": "billing.pem", "key": "billing.key", "client-ca": "authority.pem"}
            cls.suite.restart("billing" if cls.suite.separate else "all-in-one", "--meters-listen", cls.meters,
                              "--trusted-meters", "video",
                              *(f"--meters-{what}-file={cls.suite.state}/{name}" for what, name in files.items()))

    @classmethod
    def stop(cls):
        if cls.suite is not None:
            cls.suite.stop()
            shutil.rmtree(cls.messages)


def tearDownModule():
    Shared.stop()


class Client:
    """What both clients must do; `program` is how to start one."""

    name = None

    @classmethod
    def setUpClass(cls):
        Shared.start()
        cls.suite = Shared.suite

    def program(self):
        raise NotImplementedError

    def open(self, account, wallet="1"):
        """The client's environment with a key of a new account."""
        account = f"{account}-{self.name}"
        return account, {**os.environ, "PRISMATIC_API_KEY": self.suite.new_key(account, wallet=wallet),
                         "PRISMATIC_ADMIN_TOKEN": self.suite.env["PRISMATIC_ADMIN_TOKEN"],
                         "PYTHONPATH": Shared.messages}

    def start(self, environment, work, *flags):
        command = [*self.program(), "--billing", self.suite.env["PRISMATIC_BILLING_ADDR"], "--model", "imagen-4",
                   "--images", "3", "--work", work, *flags]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def meter(self, environment, work, *flags):
        with self.start(environment, work, *flags) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def assert_nothing_charged(self, account):
        state = self.suite.account(account)
        self.assertEqual((state["held_nano_usd"], state["concurrent"], state["ledger_sequence"]), (0, 0, 1))

    def test_what_was_delivered_is_charged(self):
        account, environment = self.open("paid")
        code, out, err = self.meter(environment, "echo 2", "--admin", self.suite.env["PRISMATIC_BILLING_ADMIN_ADDR"])
        self.assertEqual(code, 0, err)
        self.assertRegex(out, rf"^estimate: 0\.12 USD for {account}\nreserved: {account}\.\S+\n"
                              rf"charged: 0\.08 USD, ledger entry 2\n"
                              rf"usage: \d{{8}} {account}\.1 imagen-4 2 images 0\.08 USD\n$")
        charge = self.suite.ledger(account)[1]
        self.assertEqual((charge["type"], charge["delivered_count"], charge["image_count"], charge["amount_usd"]),
                         ("charge", 2, 3, "-0.08"))
        self.assertEqual(charge["reservation_id"], re.search(r"reserved: (\S+)", out).group(1))
        self.assertEqual(self.suite.account(account)["held_nano_usd"], 0)

    def test_work_that_fails_or_claims_too_much_is_not_charged(self):
        account, environment = self.open("failed")
        for work in ("exit 3", "echo 4", "echo nothing", "echo 2; exit 1"):
            code, out, err = self.meter(environment, work)
            self.assertEqual(code, 1, out)
            self.assertIn("nothing is charged", err)
            self.assertIn("reserved: ", out)
            self.assert_nothing_charged(account)

    def test_without_funds_the_work_is_not_begun(self):
        account, environment = self.open("poor", wallet="0.11")
        begun = os.path.join(self.suite.state, f"begun-{self.name}")
        code, _, err = self.meter(environment, f"touch {begun}; echo 3")
        self.assertEqual((code, err.split(": ")[:2]), (1, ["refused", "CREDIT_BALANCE_EXHAUSTED"]))
        self.assertFalse(os.path.exists(begun))
        self.assert_nothing_charged(account)

    def test_a_stranger_may_not_name_an_account(self):
        account, environment = self.open("named")
        code, _, err = self.meter(environment, "echo 1", "--account", account)
        self.assertEqual((code, err.split(": ")[:2]), (1, ["refused", "CALLER_NOT_ALLOWED"]))
        self.assert_nothing_charged(account)

    def by_account(self, account, certificate, *flags):
        """As the holder of a certificate, without any API key."""
        environment = {name: value for name, value in self.open(account)[1].items() if name != "PRISMATIC_API_KEY"}
        folder = self.suite.state
        return self.meter(environment, "echo 2", "--billing", Shared.meters, "--account", f"{account}-{self.name}",
                          "--ca-file", f"{folder}/authority.pem", "--cert-file", f"{folder}/{certificate}.pem",
                          "--key-file", f"{folder}/{certificate}.key", *flags)

    def test_a_trusted_meter_reserves_by_the_accounts_name(self):
        code, out, err = self.by_account("metered", "video", "--admin", self.suite.env["PRISMATIC_BILLING_ADMIN_ADDR"])
        self.assertEqual(code, 0, err)
        self.assertIn("charged: 0.08 USD, ledger entry 2\n", out)
        self.assertRegex(out, r"usage: \d{8} - imagen-4 2 images 0\.08 USD\n$")
        self.assertEqual(self.suite.ledger(f"metered-{self.name}")[1]["key_id"], None)

    def test_other_certificates_make_no_trusted_meter(self):
        code, _, err = self.by_account("unlisted", "stranger")
        self.assertEqual((code, err.split(": ")[:2]), (1, ["refused", "CALLER_NOT_ALLOWED"]))
        self.assert_nothing_charged(f"unlisted-{self.name}")

    def test_a_settlement_whose_answer_is_lost_is_made_once(self):
        account, environment = self.open("stormy")
        pipe = os.path.join(self.suite.state, f"work-{self.name}")
        os.mkfifo(pipe)
        with self.start(environment, f"cat {pipe}") as process:
            self.assertTrue(process.stdout.readline().startswith("estimate: "))
            self.assertTrue(process.stdout.readline().startswith("reserved: "))
            before = self.suite.metric("prismatic_redis_errors_total", "billing")
            with self.suite.stopped("redis"):
                with open(pipe, "w", encoding="ascii") as work:
                    work.write("3\n")
                wait_until(lambda: self.suite.metric("prismatic_redis_errors_total", "billing") > before, 20,
                           "a settlement that was not answered")
            out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(out, "charged: 0.12 USD, ledger entry 2\n")
        self.assertEqual([entry["type"] for entry in self.suite.ledger(account)], ["top_up", "charge"])


class PythonClientTest(Client, unittest.TestCase):
    name = "python"

    def program(self):
        return [sys.executable, os.path.join(ROOT, "examples/python/meter.py")]


class CppClientTest(Client, unittest.TestCase):
    name = "cpp"

    def program(self):
        return [os.path.join(os.path.dirname(os.path.dirname(self.suite.cli_path)), "examples/meter")]


class MetersPortTest(unittest.TestCase):
    def test_nobody_is_let_in_without_a_certificate_of_the_authority(self):
        Shared.start()
        folder, (host, _, port) = Shared.suite.state, Shared.meters.rpartition(":")
        for certificate, welcome in (("video", True), ("forger", False), (None, False)):
            context = ssl.create_default_context(cafile=f"{folder}/authority.pem")
            context.set_alpn_protocols(["h2"])
            if certificate:
                context.load_cert_chain(f"{folder}/{certificate}.pem", f"{folder}/{certificate}.key")
            with socket.create_connection((host, int(port)), timeout=10) as plain:
                try:
                    with context.wrap_socket(plain, server_hostname=host) as connection:
                        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                        answered = bool(connection.recv(1))
                except (ssl.SSLError, ConnectionError):
                    answered = False
            self.assertEqual(answered, welcome, certificate)


if __name__ == "__main__":
    unittest.main()
