#!/usr/bin/env python3
"""Services behind the gateway that die or hang in the middle of a request: what the client is told, and what it
costs. (Clients that hang up and gateways that die: hangup_test.py. Gateways that end: drain_test.py.)

usage: faults_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import OPTIONS, Suite, png_size, wait_until  # noqa: E402

CENT4 = 40_000_000
SLOW = "a lighthouse [[sandbox delay_ms=1500]]"


class FaultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.accounts = 0

    def setUp(self):
        type(self).accounts += 1
        self.name = f"acme-{self.accounts}"
        self.key = self.suite.new_key(self.name, wallet="1")
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)

    def begin(self, count=3):
        """Slow generations, all of them at the sandbox."""
        before = self.suite.upstream_total()
        answers = [self.pool.submit(self.suite.generate, key=self.key, prompt=SLOW) for _ in range(count)]
        wait_until(lambda: self.suite.upstream_total() == before + count, 10, "the requests at the sandbox")
        return answers

    def assert_account(self, balance, held=0, concurrent_now=0):
        account = self.suite.account(self.name)
        self.assertEqual((account["balance_nano_usd"], account["held_nano_usd"], account["concurrent"]),
                         (balance, held, concurrent_now))

    def test_redis_away_is_a_refusal_and_settles_when_it_is_back(self):
        answers = self.begin()
        with self.suite.stopped("redis"):
            refused = self.suite.generate(key=self.key)
            self.assertEqual((refused.status, refused.error["code"]), (503, "billing_unavailable"))
            self.assertEqual(refused.headers["x-should-retry"], "true")
            concurrent.futures.wait(answers, timeout=3)
        for answer in answers:
            self.assertEqual(answer.result().status, 200)
        # The refused one may have been held by an answer that never came; its release gives it back.
        wait_until(lambda: self.suite.account(self.name)["held_nano_usd"] == 0, 15, "the release")
        self.assert_account(1_000_000_000 - 3 * CENT4)
        self.assertEqual([entry["type"] for entry in self.suite.ledger(self.name)].count("charge"), 3)

    def test_provider_proxy_killed_is_never_offered_for_a_retry(self):
        answers = self.begin()
        before = self.suite.upstream_total()
        self.suite.kill("provider-proxy")
        for answer in answers:
            self.assertEqual((answer.result().status, answer.result().error["code"]), (502, "upstream_error"))
            self.assertEqual(answer.result().headers["x-should-retry"], "false")
        wait_until(lambda: self.suite.account(self.name)["held_nano_usd"] == 0, 10, "the release")
        self.assert_account(1_000_000_000)
        later = self.suite.generate(key=self.key)
        self.assertEqual((later.status, later.headers["x-should-retry"]), (503, "true"))
        self.assertEqual(self.suite.upstream_total(), before)
        self.suite.start_again("provider-proxy")
        wait_until(lambda: self.suite.generate(key=self.key).status == 200, 15, "provider-proxy")

    def assert_three_pictures(self, answers):
        for answer in answers:
            self.assertEqual(answer.result().status, 200)
            png_size(answer.result().images()[0])
            self.assertEqual(answer.result().headers["x-prismatic-cost-usd"], "0.04")
        self.assert_account(1_000_000_000 - 3 * CENT4)
        self.assertEqual([entry["type"] for entry in self.suite.ledger(self.name)].count("charge"), 3)
        self.assertNotIn("settlement_pending", self.suite.log(self.suite.front))

    def drawn(self):
        return sum(request["status"] == 200 for request in self.suite.upstream_requests(3))

    def test_billing_killed_during_generation_settles_when_it_is_back(self):
        """Or, where billing lives in the gateway's process, the store that it works with."""
        name = "billing" if self.suite.separate else "redis"
        answers = self.begin()
        self.suite.kill(name)
        wait_until(lambda: self.drawn() == 3, 10, "the pictures")
        refused = self.suite.generate(key=self.key)
        self.assertEqual((refused.status, refused.error["code"]), (503, "billing_unavailable"))
        self.assertFalse(any(answer.done() for answer in answers), "an answer did not wait for its settlement")
        self.suite.start_again(name)
        self.suite.wait_ready()
        self.assert_three_pictures(answers)

    def test_billing_hanging_during_settlement_charges_once(self):
        answers = self.begin()
        with self.suite.stopped("billing"):
            wait_until(lambda: self.drawn() == 3, 10, "the pictures")
            # Longer than one try of a settlement: each is made again, and billing gets them all.
            concurrent.futures.wait(answers, timeout=4)
            self.assertFalse(any(answer.done() for answer in answers), "an answer did not wait for its settlement")
        self.assert_three_pictures(answers)


if "--separate" not in OPTIONS:  # these live in the gateway's process there
    del FaultsTest.test_provider_proxy_killed_is_never_offered_for_a_retry
    del FaultsTest.test_billing_hanging_during_settlement_charges_once

if __name__ == "__main__":
    unittest.main()
