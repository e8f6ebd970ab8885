#!/usr/bin/env python3
"""The chart as `helm template` renders it, run without a cluster: each pod's own command, arguments, environment, volumes and
probes, as its user, on a read-only root, in a network namespace of its own, with just the connections that the rendered network
policies allow and the addresses of the rendered Services.

Needs root, the packages iproute2 and nftables, and helm 3 (HELM3, else .cache/chart-tools/helm3); skipped where one of them
cannot be had, with the reason.

usage: rendered_test.py [--bin DIR] [unittest arguments]
"""
import json
import os
import shutil
import signal
import unittest

from arguments import BINARIES
from checks import Checks
from connections import ROOT
from namespaces import why_not
from pods import RenderedStack
from stack import SERVICES, wait_until

BUILT = os.path.join(ROOT, ".cache/chart-tools/helm3")
HELM = os.environ.get("HELM3") or (BUILT if os.path.exists(BUILT) else shutil.which("helm3"))
WHY_NOT = why_not() or (None if HELM else "helm 3 is missing: scripts/check-chart builds it")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
READY_SECONDS = 30


@unittest.skipIf(WHY_NOT, f"SKIPPED, the chart's pods cannot run here: {WHY_NOT}")
class RenderedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = RenderedStack(BINARIES, HELM)
        cls.addClassCleanup(cls.stack.close)
        cls.checks = Checks(cls.stack)
        made = cls.stack.execute("tools", "sh", "-c", "prismatic account create demo --wallet-usd 10 >&2 && "
                                 "prismatic key create --account demo --output json")
        assert made.returncode == 0, made.stderr
        cls.stack.api_key = json.loads(made.stdout)["api_key"]

    @classmethod
    def tearDownClass(cls):
        """All of it with what the policies allow, and nothing else was asked for."""
        assert cls.stack.network.refused() == {}, cls.stack.network.refused()

    def await_pictures(self):
        wait_until(lambda: self.checks.picture() == "", READY_SECONDS, "a picture")

    def test_clients_operators_and_prometheus_are_served(self):
        self.await_pictures()
        for check in (self.checks.admin_page, self.checks.admin_catalog, self.checks.admin_accounts, self.checks.meter,
                      self.checks.billing_client):
            self.assertEqual(check(), "", check.__name__)
        for role in SERVICES:
            self.assertEqual(self.checks.metrics(role), "", role)

    def test_without_one_of_the_policies_there_is_no_picture(self):
        """So the policies are what lets the requests above through."""
        everything = self.stack.objects
        for role in ("gateway", "billing", "provider-proxy", "sandbox"):
            self.stack.open_all()
            self.await_pictures()
            self.stack.objects = [item for item in everything
                                  if (item["kind"], item["metadata"]["name"]) != ("NetworkPolicy", f"prismatic-{role}")]
            try:
                self.assertLess(len(self.stack.objects), len(everything))
                self.stack.open_all()
                wait_until(lambda: self.checks.picture() != "" and self.stack.network.refused(), READY_SECONDS,
                           f"no picture without the policy of {role}")
            finally:
                self.stack.objects = everything
                self.stack.open_all()
        self.await_pictures()

    def test_every_probe_is_well(self):
        self.await_pictures()
        for role in (*SERVICES, "redis", "sandbox"):
            for name in PROBES:
                self.assertEqual(self.stack.probe(role, name), "", f"{role} {name}")

    def test_helm_test_passes(self):
        self.await_pictures()
        done = self.stack.run_pod("test")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("helm test: ok: a picture of ", done.stdout)

    def test_the_export_holds_what_was_paid(self):
        self.await_pictures()
        done = self.stack.run_pod("ledger-export")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(self.stack.file("volumes/ledger-export/ledger/demo.jsonl"), encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        self.assertGreaterEqual(len(entries), 2)
        for name in ("audit.json", "catalog.yaml"):
            self.assertGreater(os.path.getsize(self.stack.file(f"volumes/ledger-export/ledger/{name}")), 50)
        self.assertEqual(sum(entry["amount_nano_usd"] for entry in entries), entries[-1]["balance_nano_usd"])

    def test_the_owners_first_password_is_where_the_notes_say(self):
        made = self.stack.file("volumes/registry/owner/owner-password")
        self.assertTrue(os.path.exists(made), os.listdir(os.path.dirname(made)))
        self.assertEqual(os.stat(made).st_mode & 0o077, 0)

    def test_liveness_does_not_look_at_redis_and_readiness_does(self):
        self.await_pictures()
        self.stack.network.kill("redis")
        try:
            for role in ("billing", "registry"):
                self.assertEqual(self.stack.probe(role, "livenessProbe"), "", role)
            wait_until(lambda: self.stack.probe("billing", "readinessProbe") != "", READY_SECONDS, "a billing that is not ready")
            self.assertEqual(self.stack.probe("gateway", "readinessProbe"), "")
        finally:
            self.stack.start("redis")
        wait_until(lambda: self.stack.probe("billing", "readinessProbe") == "", READY_SECONDS, "billing")
        self.await_pictures()

    def test_a_gateway_that_ends_serves_on_while_it_is_not_ready(self):
        self.await_pictures()
        gateway = self.stack.network.processes["gateway"]
        gateway.send_signal(signal.SIGTERM)
        wait_until(lambda: self.checks.ready().startswith("503"), 5, "no readiness")
        self.assertEqual(self.checks.picture(), "")
        self.assertEqual(gateway.wait(self.stack.pod("gateway")["terminationGracePeriodSeconds"]), 0)
        self.stack.network.kill("gateway")
        self.stack.start("gateway")
        self.await_pictures()


if __name__ == "__main__":
    unittest.main(verbosity=2)
