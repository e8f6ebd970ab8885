#!/usr/bin/env python3
"""Billing away for longer than a client waits for the settlement: it gets its picture, and is charged later, once.

usage: late_settlement_test.py [--separate] [--bin DIR] [unittest arguments]

Takes about 40 s: the gateway's patience has no setting.
"""
import concurrent.futures
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import Suite, png_size, wait_until  # noqa: E402

DOLLAR, CENT4 = 1_000_000_000, 40_000_000
PATIENCE_SECONDS = 30
COUNT = 3


class LateSettlementTest(unittest.TestCase):
    def test_the_picture_is_delivered_and_charged_when_billing_is_back(self):
        suite = Suite()
        self.addCleanup(suite.stop)
        key = suite.new_key("acme", wallet="1")
        away = "billing" if suite.separate else "redis"
        with concurrent.futures.ThreadPoolExecutor(COUNT) as pool:
            before = suite.upstream_total()
            slow = [pool.submit(suite.generate, key=key, prompt="a lighthouse [[sandbox delay_ms=1000]]")
                    for _ in range(COUNT)]
            wait_until(lambda: suite.upstream_total() == before + COUNT, 10, "the requests at the sandbox")
            suite.kill(away)
            began = time.monotonic()
            answers = [answer.result() for answer in slow]
            self.assertGreater(time.monotonic() - began, PATIENCE_SECONDS)
        log = suite.log(suite.front)
        for answer in answers:
            self.assertEqual(answer.status, 200, answer.body)
            png_size(answer.images()[0])
            # Nobody knows yet what it will have cost.
            self.assertNotIn("x-prismatic-cost-usd", answer.headers)
            pending = [line for line in log.splitlines() if "settlement_pending" in line]
            self.assertEqual(len([line for line in pending if f"acme.{answer.headers['x-request-id']}" in line
                                  and '"delivered":1' in line]), 1, pending)
        self.assertEqual(suite.generate(key=key).error["code"], "billing_unavailable")

        suite.start_again(away)
        suite.wait_ready()
        wait_until(lambda: suite.account("acme")["balance_nano_usd"] == DOLLAR - COUNT * CENT4, 20, "the charges")
        account = suite.account("acme")
        self.assertEqual((account["held_nano_usd"], account["concurrent"]), (0, 0))
        charged = [entry["reservation_id"] for entry in suite.ledger("acme") if entry["type"] == "charge"]
        self.assertEqual(sorted(charged), sorted(f"acme.{answer.headers['x-request-id']}" for answer in answers))


if __name__ == "__main__":
    unittest.main()
