"""What the tests of `prismatic`, the command line, share: commands as an operator types them."""
import json
import os
import subprocess
import unittest

from grpc_client import uuid7
from suite import Suite


class OperatorTest(unittest.TestCase):
    """One suite for all tests of a class; each test has accounts of its own."""

    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def environment(self):
        mine = {name: value for name, value in os.environ.items() if not name.startswith("PRISMATIC_")}
        return {**mine, **self.suite.env}

    def run_cli(self, *words, stdin=None, environment=None):
        """The finished process."""
        return subprocess.run([self.suite.cli_path, *words], input=stdin, capture_output=True, text=True, timeout=60,
                              check=False, env={**self.environment(), **(environment or {})})

    def text(self, *words, **options):
        done = self.run_cli(*words, **options)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *words, **options):
        return json.loads(self.text(*words, "--output", "json", **options))

    def assert_refused(self, reason, *words, code=1, **options):
        done = self.run_cli(*words, **options)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        self.assertTrue(done.stderr.splitlines()[-1].startswith(f"error: {reason}: "), done.stderr)
        return done

    def verify(self, account, *flags):
        """What `ledger verify` says is wrong: (where, what, expected, found) each."""
        done = self.run_cli("ledger", "verify", "--account", account, "--output", "json", *flags)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        assert done.stdout, done.stderr
        result = json.loads(done.stdout)
        self.assertEqual(result["agrees"], not result["differences"])
        self.assertEqual(done.returncode, 1 if result["differences"] else 0)
        return [(d["where"], d["what"], d["expected"], d["found"]) for d in result["differences"]]

    def charge(self, billing, api_key, asked=1, delivered=1, model="imagen-4"):
        """A whole reservation with its settlement, as the gateway makes them; the reservation's ID."""
        held = billing.CreateReservation(api_key=api_key, attempt_id=uuid7(), model=model, image_count=asked)
        billing.SettleReservation(reservation_id=held.reservation.id, delivered_count=delivered)
        return held.reservation.id
