#!/usr/bin/env python3
"""Two replicas of billing behind one name, and what the gateway does when one of them is gone: silently, by a cut cable, or
loudly, by its end. Each in a network namespace of its own, under load by clients that never repeat a request.

Needs root, and the packages iproute2 and nftables; skipped where it cannot be had, with the reason.

usage: cut_test.py [--bin DIR] [unittest arguments]
"""
import re
import threading
import time
import unittest

from arguments import BINARIES
from checks import Checks
from namespaces import why_not
from stack import Stack, wait_until

SILENT_SECONDS_MAX = 30  # until a replica that says nothing any more is left: keepalive
DEAD_SECONDS_MAX = 2  # until one whose machine refuses connections is left
SLOW_SECONDS = 3  # what takes longer was waiting for somebody who is not there, or a machine is very busy
CLIENTS = 4
# So many good answers in a row, each with two calls of billing that go round, prove that only one replica is asked.
GOOD_IN_A_ROW = 60
WHY_NOT = why_not()


class Load:
    """Clients that ask for one picture after the other, until stop()."""

    def __init__(self, checks):
        self.checks, self.answers, self.stopping = checks, [], False
        self.threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        while not self.stopping:
            began = time.monotonic()
            said = self.checks.picture()
            self.answers.append((began, time.monotonic(), said))

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def bad(self, since):
        """(seconds after `since`, words) of each answer that was none, or late, among what ended after it."""
        return [(ended - since, said or f"took {ended - began:.1f} s") for began, ended, said in list(self.answers)
                if ended > since and (said or ended - began > SLOW_SECONDS)]

    def good_in_a_row(self, since):
        count = 0
        for began, ended, said in reversed(list(self.answers)):
            if began < since or said or ended - began > SLOW_SECONDS:
                break
            count += 1
        return count


@unittest.skipIf(WHY_NOT, f"SKIPPED, no network namespaces here: {WHY_NOT}")
class CutTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(BINARIES, twice=("billing",))
        cls.addClassCleanup(cls.stack.close)
        cls.checks = Checks(cls.stack)
        cls.stack.open_account()

    def setUp(self):
        self.stack.open_all()
        self.load = Load(self.checks)
        self.addCleanup(self.load.stop)
        wait_until(lambda: self.load.good_in_a_row(0) > GOOD_IN_A_ROW, 60, "pictures")
        for replica in ("billing", "billing-2"):
            self.await_traffic(replica)

    def reservations(self, replica):
        _, body = self.checks.http("prometheus", replica, "metrics", "GET", "/metrics")
        return sum(float(value) for value in re.findall(
            r'^grpc_server_handled_total\{[^}]*grpc_method="CreateReservation"[^}]*\} (\S+)$', body.decode(), re.M))

    def await_traffic(self, replica):
        before = self.reservations(replica)
        wait_until(lambda: self.reservations(replica) > before, 30, f"a request at {replica}")

    def seconds_until_left(self, since, seconds_max):
        """How long after `since` a request suffered for the last time; (all, refused)."""
        wait_until(lambda: self.load.good_in_a_row(since) > GOOD_IN_A_ROW, seconds_max + 30,
                   "a gateway that asks the other one alone")
        bad = self.load.bad(since)
        took = max((seconds for seconds, _ in bad), default=0)
        refused = max((seconds for seconds, said in bad if not said.startswith("took ")), default=0)
        print(f"\n{len(bad)} of {len(self.load.answers)} requests suffered, for {took:.1f} s: "
              f"{sorted({said for _, said in bad})[:5]}")
        return took, refused

    def test_a_replica_that_falls_silent_is_left_and_found_again(self):
        cut = time.monotonic()
        self.stack.open_all(cut=[("gateway", "billing-2")])
        took, _ = self.seconds_until_left(cut, SILENT_SECONDS_MAX)
        self.assertLess(took, SILENT_SECONDS_MAX)
        self.stack.open_all()
        self.await_traffic("billing-2")

    def test_a_replica_that_is_dead_is_left_at_once_and_found_again(self):
        killed = time.monotonic()
        self.stack.network.kill("billing-2")
        _, refused = self.seconds_until_left(killed, DEAD_SECONDS_MAX)
        self.assertLess(refused, DEAD_SECONDS_MAX)
        self.stack.start("billing-2")
        self.await_traffic("billing-2")

    def tearDown(self):
        self.load.stop()
        verified = self.stack.cli("tools", "ledger", "verify", "--account", "demo")
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
