#!/usr/bin/env python3
"""Idempotency-Key: whatever a client repeats, it is generated and charged once.

usage: idempotency_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import collections
import concurrent.futures
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import Suite, png_size, wait_until  # noqa: E402

CENT4 = 40_000_000
AT_ONCE = 30
ORDER_1 = {"Idempotency-Key": "order-1"}
SLOW = "a lighthouse [[sandbox delay_ms=700]]"


class IdempotencyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.accounts = 0

    def setUp(self):
        self.account, self.key = self.new_account()

    def new_account(self):
        type(self).accounts += 1
        name = f"acme-{self.accounts}"
        return name, self.suite.new_key(name, wallet="1")

    def generate(self, headers=None, key=None, **fields):
        return self.suite.generate(key=key or self.key, headers=headers or ORDER_1, **fields)

    def charges(self, account=None):
        return [entry for entry in self.suite.ledger(account or self.account) if entry["type"] == "charge"]

    def assert_charged_once(self, account=None):
        shown = self.suite.account(account or self.account)
        self.assertEqual((shown["balance_nano_usd"], shown["held_nano_usd"], shown["concurrent"]),
                         (1_000_000_000 - CENT4, 0, 0))
        self.assertEqual([entry["amount_nano_usd"] for entry in self.charges(account)], [-CENT4])

    def assert_in_use(self, answer):
        self.assertEqual((answer.status, answer.error["code"]), (409, "idempotency_key_in_use"))
        self.assertEqual((answer.headers["x-should-retry"], answer.headers["retry-after"]), ("true", "2"))

    def assert_completed(self, answer, reservation):
        """Names what was charged, so that a client whose answer was lost can account for it."""
        self.assertEqual((answer.status, answer.error["code"]), (409, "idempotency_key_completed"))
        self.assertEqual(answer.headers["x-should-retry"], "false")
        self.assertNotIn("retry-after", answer.headers)
        self.assertIn(reservation, answer.error["message"])
        self.assertIn("0.04 USD", answer.error["message"])

    def check_at_once(self, **fields):
        before = self.suite.upstream_total()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            answers = [answer.result() for answer in
                       [pool.submit(self.generate, **fields) for _ in range(AT_ONCE)]]
        charges = self.charges()
        self.assertEqual(len(charges), 1)
        kinds = collections.Counter(answer.status if answer.status == 200 else answer.error["code"]
                                    for answer in answers)
        self.assertEqual(kinds[200], 1, kinds)
        for answer in answers:
            if answer.status == 200:
                png_size(answer.images()[0])
                self.assertTrue(charges[0]["reservation_id"].endswith(answer.headers["x-request-id"]))
            elif answer.error["code"] == "idempotency_key_in_use":
                self.assert_in_use(answer)
            else:
                self.assert_completed(answer, charges[0]["reservation_id"])
        self.assert_charged_once()
        self.assertEqual(self.suite.upstream_total(), before + 1)
        return kinds

    def test_thirty_at_once_are_one_charge(self):
        self.check_at_once()

    def test_thirty_at_once_while_it_is_slow_are_told_to_wait(self):
        kinds = self.check_at_once(prompt=SLOW)
        self.assertEqual(kinds, {200: 1, "idempotency_key_in_use": AT_ONCE - 1})

    def test_a_repeat_names_reservation_and_charge_and_generates_nothing(self):
        self.assertEqual(self.generate().status, 200)
        before = self.suite.upstream_total()
        for _ in range(3):
            self.assert_completed(self.generate(), self.charges()[0]["reservation_id"])
        self.assertEqual(self.suite.upstream_total(), before)
        self.assert_charged_once()

    def test_another_body_is_refused_and_changes_nothing(self):
        self.assertEqual(self.generate().status, 200)
        before = self.suite.upstream_total()
        for fields in ({"prompt": "another"}, {"n": 2}, {"unknown": 1}):
            answer = self.generate(**fields)
            self.assertEqual((answer.status, answer.error["code"]), (400, "idempotency_key_reused"))
            self.assertEqual(answer.headers["x-should-retry"], "false")
        self.assertEqual(self.suite.upstream_total(), before)
        self.assert_charged_once()

    def test_another_body_is_refused_while_the_first_is_in_flight(self):
        before = self.suite.upstream_total()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.generate, prompt=SLOW)
            wait_until(lambda: self.suite.upstream_total() == before + 1, 10, "the first at the upstream")
            self.assertEqual(self.generate().error["code"], "idempotency_key_reused")
            self.assert_in_use(self.generate(prompt=SLOW))
            self.assertEqual(first.result().status, 200)
        self.assert_charged_once()

    def test_after_a_failure_the_same_key_generates(self):
        for _ in range(2):
            self.suite.fault_next("status=500")
            failed = self.generate()
            self.assertEqual((failed.status, failed.headers["x-should-retry"]), (502, "false"))
        self.assertEqual(self.generate().status, 200)
        self.assert_completed(self.generate(), self.charges()[0]["reservation_id"])
        self.assert_charged_once()

    def test_after_a_refusal_the_same_key_generates(self):
        poor = "acme-poor"
        key = self.suite.new_key(poor, wallet="0.01")
        self.assertEqual(self.generate(key=key).error["code"], "credit_balance_exhausted")
        self.suite.cli("account", "top-up", poor, "--usd", "0.03", "--request-id", "top-up-1")
        self.assertEqual(self.generate(key=key).status, 200)
        self.assertEqual(len(self.charges(poor)), 1)

    def test_accounts_do_not_meet_in_one_key(self):
        other, other_key = self.new_account()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda key: self.generate(key=key), (self.key, other_key)))
        self.assertEqual([answer.status for answer in answers], [200, 200])
        self.assertEqual(self.generate(key=other_key, prompt="another").error["code"], "idempotency_key_reused")
        self.assert_charged_once()
        self.assert_charged_once(other)

    def test_different_keys_are_different_requests(self):
        for name in ("a", "b", "a" * 255):
            self.assertEqual(self.generate({"Idempotency-Key": name}).status, 200)
        self.assertEqual(len(self.charges()), 3)


if __name__ == "__main__":
    unittest.main()
