#!/usr/bin/env python3
"""Processes that die, stop or end in the middle of a request: what the client is told, and what it costs.

usage: faults_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import OPTIONS, Suite, png_size, wait_until  # noqa: E402

CENT4 = 40_000_000
SLOW = "a lighthouse [[sandbox delay_ms=1500]]"


def ended(process):
    """Whether a process has ended, buried or not."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.suite = Suite()
        self.addCleanup(self.suite.stop)
        self.key = self.suite.new_key("acme", wallet="1")
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)

    def begin(self, count=3):
        """Slow generations, all of them at the sandbox."""
        before = self.suite.upstream_total()
        answers = [self.pool.submit(self.suite.generate, key=self.key, prompt=SLOW) for _ in range(count)]
        wait_until(lambda: self.suite.upstream_total() == before + count, 10, "the requests at the sandbox")
        return answers

    def assert_account(self, balance, held=0, concurrent_now=0):
        account = self.suite.account("acme")
        self.assertEqual((account["balance_nano_usd"], account["held_nano_usd"], account["concurrent"]),
                         (balance, held, concurrent_now))

    def test_sigterm_loses_no_picture(self):
        name = "gateway" if self.suite.separate else "all-in-one"
        answers = self.begin()
        process = self.suite.pid(name)
        os.kill(process, signal.SIGTERM)
        for answer in answers:
            self.assertEqual(answer.result().status, 200)
            png_size(answer.result().images()[0])
        wait_until(lambda: ended(process), 10, "the end of the process")
        log = self.suite.logs()
        self.assertIn("gateway finishes what it began", log)
        self.assertNotIn("settlement_pending", log)

    def test_redis_away_is_a_refusal_and_settles_when_it_is_back(self):
        answers = self.begin()
        redis = self.suite.pid("redis")
        os.kill(redis, signal.SIGSTOP)
        try:
            refused = self.suite.generate(key=self.key)
            self.assertEqual((refused.status, refused.error["code"]), (503, "billing_unavailable"))
            self.assertEqual(refused.headers["x-should-retry"], "true")
            concurrent.futures.wait(answers, timeout=3)
        finally:
            os.kill(redis, signal.SIGCONT)
        for answer in answers:
            self.assertEqual(answer.result().status, 200)
        # The refused one may have been held by an answer that never came; its release gives it back.
        wait_until(lambda: self.suite.account("acme")["held_nano_usd"] == 0, 15, "the release")
        self.assert_account(1_000_000_000 - 3 * CENT4)
        self.assertEqual([entry["type"] for entry in self.suite.ledger("acme")].count("charge"), 3)

    def test_provider_proxy_killed_is_never_offered_for_a_retry(self):
        answers = self.begin()
        before = self.suite.upstream_total()
        os.kill(self.suite.pid("provider-proxy"), signal.SIGKILL)
        for answer in answers:
            self.assertEqual((answer.result().status, answer.result().error["code"]), (502, "upstream_error"))
            self.assertEqual(answer.result().headers["x-should-retry"], "false")
        wait_until(lambda: self.suite.account("acme")["held_nano_usd"] == 0, 10, "the release")
        self.assert_account(1_000_000_000)
        later = self.suite.generate(key=self.key)
        self.assertEqual((later.status, later.headers["x-should-retry"]), (503, "true"))
        self.assertEqual(self.suite.upstream_total(), before)

    def test_a_client_that_hangs_up_is_charged_for_what_was_made(self):
        url = self.suite.env["PRISMATIC_BASE_URL"] + "/images/generations"
        with self.assertRaises(TimeoutError):
            self.suite.http("POST", url, '{"model":"imagen-4","size":"256x256","prompt":"%s"}' % SLOW,
                            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}, timeout=0.5)
        wait_until(lambda: self.suite.account("acme")["balance_nano_usd"] == 1_000_000_000 - CENT4, 10, "the charge")
        self.assert_account(1_000_000_000 - CENT4)


if "--separate" not in OPTIONS:  # provider-proxy lives in the gateway's process there
    del FaultsTest.test_provider_proxy_killed_is_never_offered_for_a_retry

if __name__ == "__main__":
    unittest.main()
