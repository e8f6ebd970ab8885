#!/usr/bin/env python3
"""What the headers of an answer tell: limits, cost, what was ignored, how long to wait.

usage: headers_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import os
import re
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import SEED_REQUEST, Suite  # noqa: E402


def reset_seconds(text):
    """"120ms", "1.5s", "6m0s" in seconds."""
    parts = re.fullmatch(r"(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?|(\d+)ms", text)
    assert parts and text, text
    minutes, seconds, milliseconds = (float(part or 0) for part in parts.groups())
    return minutes * 60 + seconds + milliseconds / 1000


class HeadersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.accounts = 0

    def new_key(self, *flags, account_flags=(), wallet="1"):
        type(self).accounts += 1
        return self.suite.new_key(f"acme-{self.accounts}", *flags, wallet=wallet, account_flags=account_flags)

    def generate(self, key, **fields):
        answer = self.suite.generate(key=key, **fields)
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    def assert_limit(self, answer, metric, limit, remaining, reset_max):
        headers = answer.headers
        self.assertEqual((headers[f"x-ratelimit-limit-{metric}"], headers[f"x-ratelimit-remaining-{metric}"]),
                         (str(limit), str(remaining)))
        reset = reset_seconds(headers[f"x-ratelimit-reset-{metric}"])
        # From now until the whole burst is there again; a little has passed since the answer.
        self.assertTrue(reset_max - 10 < reset <= reset_max, reset)

    def test_both_metrics_count_down(self):
        key = self.new_key("--requests-per-minute", "6", "--images-per-minute", "12")
        for used, n in ((1, 2), (2, 2), (3, 2)):
            answer = self.generate(key, n=n)
            self.assert_limit(answer, "requests", 6, 6 - used, 10 * used)
            self.assert_limit(answer, "images", 12, 12 - 2 * used, 10 * used)

    def test_of_key_and_account_the_tighter_is_told_for_each_metric(self):
        key = self.new_key("--requests-per-minute", "3", "--images-per-minute", "12",
                           account_flags=("--requests-per-minute", "6", "--images-per-minute", "6"))
        answer = self.generate(key)
        self.assert_limit(answer, "requests", 3, 2, 20)
        self.assert_limit(answer, "images", 6, 5, 10)

    def test_the_tighter_is_the_one_with_less_left(self):
        key = self.new_key("--requests-per-minute", "4", account_flags=("--requests-per-minute", "5"))
        account = f"acme-{self.accounts}"
        other = self.suite.cli("key", "create", "--account", account)["api_key"]
        for remaining in (4, 3, 2):
            self.assert_limit(self.generate(other), "requests", 5, remaining, 12 * (5 - remaining))
        self.assert_limit(self.generate(key), "requests", 5, 1, 48)

    def test_without_limits_nothing_is_said_of_them(self):
        answer = self.generate(self.new_key())
        self.assertEqual([name for name in answer.headers if name.startswith("x-ratelimit-")], [])

    def test_a_limit_of_one_metric_says_nothing_of_the_other(self):
        answer = self.generate(self.new_key("--images-per-minute", "6"))
        self.assertEqual(sorted(name for name in answer.headers if name.startswith("x-ratelimit-")),
                         [f"x-ratelimit-{word}-images" for word in ("limit", "remaining", "reset")])

    def test_a_refusal_tells_the_wait_until_it_would_be_admitted(self):
        key = self.new_key("--requests-per-minute", "3")
        for remaining in (2, 1, 0):
            self.assert_limit(self.generate(key), "requests", 3, remaining, 20 * (3 - remaining))
        before = self.suite.upstream_total()
        answer = self.suite.generate(key=key)
        self.assertEqual((answer.status, answer.error["type"]), (429, "requests"))
        milliseconds = int(answer.headers["retry-after-ms"])
        self.assertTrue(10_000 < milliseconds <= 20_000, milliseconds)
        self.assertEqual(int(answer.headers["retry-after"]), -(-milliseconds // 1000))
        self.assertEqual(self.suite.upstream_total(), before)

    def test_of_several_refusing_limits_the_longest_wait_is_told(self):
        key = self.new_key("--requests-per-minute", "6", "--images-per-minute", "3")
        self.generate(key, n=3)
        answer = self.suite.generate(key=key, n=3)  # all three images are wanted at once: a whole minute
        self.assertEqual(answer.error["type"], "images")
        self.assertTrue(50_000 < int(answer.headers["retry-after-ms"]) <= 60_000)

    def test_cost_is_what_the_wallet_was_charged(self):
        key = self.new_key()
        self.assertEqual(self.generate(key).headers["x-prismatic-cost-usd"], "0.04")
        self.assertEqual(self.generate(key, n=5).headers["x-prismatic-cost-usd"], "0.2")
        fewer = self.generate(key, n=3, prompt="a lighthouse [[sandbox images=1]]")
        self.assertEqual((len(fewer.images()), fewer.headers["x-prismatic-cost-usd"]), (1, "0.04"))
        self.assertEqual(self.suite.account(f"acme-{self.accounts}")["balance_nano_usd"], 1_000_000_000 - 280_000_000)
        failed = self.suite.generate(key=key, prompt="a lighthouse [[sandbox status=500]]")
        self.assertNotIn("x-prismatic-cost-usd", failed.headers)

    def test_what_was_ignored_is_named(self):
        answer = self.generate(self.new_key(), seed=7, user="u", unheard_of=1)
        self.assertEqual(set(answer.headers["x-prismatic-ignored-parameters"].split(",")),
                         {"user", "unheard_of"})
        chat = self.suite.generate(SEED_REQUEST, key=self.new_key(), model="sandbox-chat")
        self.assertEqual(set(chat.headers["x-prismatic-ignored-parameters"].split(",")),
                         {"negative_prompt", "quality", "style", "seed"})

    def test_nothing_ignored_is_nothing_said(self):
        answer = self.suite.generate(SEED_REQUEST, key=self.new_key())
        self.assertEqual(answer.status, 200)
        self.assertNotIn("x-prismatic-ignored-parameters", answer.headers)

    def test_a_header_cannot_be_forged_by_an_unknown_name(self):
        names = {"x\r\nSet-Cookie: a=b", "ok", "a,b", "\u00fc"}
        answer = self.generate(self.new_key(), **{name: 1 for name in names})
        self.assertNotIn("set-cookie", answer.headers)
        ignored = answer.headers["x-prismatic-ignored-parameters"].split(",")
        self.assertEqual({urllib.parse.unquote(name) for name in ignored}, names)

    def test_each_answer_has_its_own_request_id_and_its_time(self):
        key = self.new_key()
        answers = [self.generate(key), self.generate(key), self.suite.api("GET", "/models"),
                   self.suite.api("GET", "/nowhere"), self.suite.generate(key="")]
        ids = [answer.headers["x-request-id"] for answer in answers]
        self.assertEqual(len(set(ids)), len(ids))
        slow = self.generate(key, prompt="a lighthouse [[sandbox delay_ms=300]]")
        self.assertTrue(300 <= int(slow.headers["openai-processing-ms"]) < 20_000)

    def test_the_request_id_names_the_reservation(self):
        answer = self.generate(self.new_key())
        name = f"acme-{self.accounts}.{answer.headers['x-request-id']}"
        self.assertEqual(self.suite.cli("reservation", "show", name)["charge_nano_usd"], 40_000_000)


if __name__ == "__main__":
    unittest.main()
