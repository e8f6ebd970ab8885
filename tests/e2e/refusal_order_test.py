#!/usr/bin/env python3
"""When several things are wrong with a request, which one is told: design, section 4, "Order of refusals".

usage: refusal_order_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import contextlib
import itertools
import os
import sys
import typing
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faulty_models import add_faulty_models, model_without  # noqa: E402
from oracle import Oracle  # noqa: E402
from suite import Suite, wait_until  # noqa: E402

REFERENCE = "https://example.com/reference.png"
ORDER_1 = {"Idempotency-Key": "order-1"}


class Wrong(typing.NamedTuple):
    """Something that is wrong with a request, and what alone makes it so."""
    name: str
    status: int
    code: str
    param: typing.Optional[str] = None
    fields: dict = {}
    headers: dict = {}
    key_flags: tuple = ()
    lacks: str = ""       # what its model lacks
    wallet: str = "1"     # before the one generation that every key makes first
    key: typing.Callable = lambda key: key
    revoked: bool = False


# In the order in which they are told.
WRONGS = (
    Wrong("malformed", 400, "invalid_value", "quality", fields={"quality": 5}),
    Wrong("no_key", 401, "invalid_api_key", key=lambda key: ""),
    Wrong("damaged_key", 401, "invalid_api_key", key=lambda key: key[:-1] + ("0" if key[-1] != "0" else "1")),
    Wrong("revoked_key", 401, "invalid_api_key", revoked=True),
    Wrong("idempotency_key_reused", 400, "idempotency_key_reused", headers=ORDER_1),
    Wrong("too_many_images", 400, "image_count_too_large", "n", fields={"n": 3},
          key_flags=("--images-per-minute", "2")),
    Wrong("over_the_limit", 429, "rate_limit_exceeded", key_flags=("--requests-per-minute", "1")),
    Wrong("unknown_model", 404, "model_not_found", "model", fields={"model": "no-such-model"}),
    Wrong("model_not_allowed", 403, "model_not_allowed", key_flags=("--models", "imagen-4"),
          fields={"model": "sandbox-chat"}),
    Wrong("model_without_images", 400, "model_does_not_support_images", "model", lacks="images"),
    Wrong("model_without_references", 400, "unsupported_parameter", "image_url", fields={"image_url": REFERENCE},
          lacks="references"),
    Wrong("model_without_route", 503, "no_image_route", lacks="route"),
    Wrong("model_without_price", 503, "generation_price_missing", lacks="price"),
    Wrong("no_funds", 429, "credit_balance_exhausted", wallet="0.05"),
)
# Which of these a key is cannot be wrong twice.
ONE_OF = {"no_key", "damaged_key", "revoked_key"}


def pairs():
    for first, second in itertools.combinations(WRONGS, 2):
        names = {first.name, second.name}
        if names <= ONE_OF:
            continue
        if "unknown_model" in names and (first.lacks or second.lacks):
            continue  # it has no properties
        yield first, second


class RefusalOrderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        add_faulty_models(cls.suite)
        cls.accounts = 0

    def new_key(self, *flags, wallet="1"):
        """A key that has made one generation, under the Idempotency-Key of the test."""
        type(self).accounts += 1
        key = self.suite.new_key(f"acme-{self.accounts}", *flags, wallet=wallet)
        self.assertEqual(self.suite.generate(key=key, headers=ORDER_1).status, 200)
        return key

    def assert_refusal(self, answer, status, code, param=None):
        self.assertEqual((answer.status, answer.error["code"], answer.error["param"]), (status, code, param),
                         answer.body)

    def check(self, *wrongs):
        flags = [flag for wrong in wrongs for flag in wrong.key_flags]
        key = self.new_key(*flags, wallet=min(wrong.wallet for wrong in wrongs))
        if any(wrong.revoked for wrong in wrongs):
            self.suite.cli("key", "revoke", key.split("_")[1])
        fields, headers, lacks = {"prompt": "another"}, {}, [wrong.lacks for wrong in wrongs if wrong.lacks]
        for wrong in reversed(wrongs):  # where both name a model, the first one's stands
            fields.update(wrong.fields)
            headers.update(wrong.headers)
            key = wrong.key(key)
        if lacks:
            fields["model"] = model_without(*lacks)
        oracle = Oracle(self.suite)
        answer = self.suite.generate(key=key, headers=headers, **fields)
        self.assert_refusal(answer, wrongs[0].status, wrongs[0].code, wrongs[0].param)
        oracle.assert_untouched(self)

    def test_each_alone(self):
        for wrong in WRONGS:
            with self.subTest(wrong.name):
                self.check(wrong)

    def test_what_is_wrong_with_the_request_itself_needs_no_key(self):
        for key in ("", "no-key-of-ours"):
            for method, path, body, headers, status in (
                    ("POST", "/images/generations", "[", {}, 400), ("POST", "/nowhere", "{}", {}, 404),
                    ("GET", "/images/generations", None, {}, 405),
                    ("POST", "/images/generations", "{}", {"Content-Type": "text/plain"}, 415)):
                with self.subTest((key, method, path, status)):
                    self.assertEqual(self.suite.api(method, path, body, key, headers).status, status)

    # --- the other two answers to an idempotency key, which want the same body ---

    @contextlib.contextmanager
    def switched_off(self):
        self.suite.cli("provider", "images", "sandbox", "off")
        try:
            wait_until(lambda: self.suite.generate().status == 503, 2, "the switch off")
            yield
        finally:
            self.suite.cli("provider", "images", "sandbox", "on")
            wait_until(lambda: self.suite.generate().status == 200, 2, "the switch on")

    def check_answer_to(self, key, code):
        oracle = Oracle(self.suite)
        self.assert_refusal(self.suite.generate(key=key, headers=ORDER_1), 409, code)
        oracle.assert_untouched(self)

    def test_completed_is_told_before_the_limits(self):
        self.check_answer_to(self.new_key("--requests-per-minute", "1"), "idempotency_key_completed")

    def test_completed_is_told_before_the_funds(self):
        self.check_answer_to(self.new_key(wallet="0.05"), "idempotency_key_completed")

    def test_completed_is_told_when_no_route_is_left(self):
        key = self.new_key()
        with self.switched_off():
            self.check_answer_to(key, "idempotency_key_completed")

    @contextlib.contextmanager
    def in_flight(self, *flags, wallet="1"):
        type(self).accounts += 1
        key = self.suite.new_key(f"acme-{self.accounts}", *flags, wallet=wallet)
        before = self.suite.upstream_total()
        self.suite.fault_next("delay_ms=1500")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(self.suite.generate, key=key, headers=ORDER_1)
            wait_until(lambda: self.suite.upstream_total() == before + 1, 10, "the slow one at the upstream")
            yield key
            self.assertEqual(slow.result().status, 200)

    def test_in_use_is_told_before_limits_and_funds(self):
        with self.in_flight("--requests-per-minute", "1", "--max-concurrent", "1", wallet="0.05") as key:
            self.check_answer_to(key, "idempotency_key_in_use")

    def test_in_use_is_told_when_no_route_is_left(self):
        with self.in_flight() as key:
            self.suite.cli("provider", "images", "sandbox", "off")
            try:
                wait_until(lambda: self.suite.generate().status == 503, 2, "the switch off")
                self.check_answer_to(key, "idempotency_key_in_use")
            finally:
                self.suite.cli("provider", "images", "sandbox", "on")


def add_pairs():
    for first, second in pairs():
        def test(self, first=first, second=second):
            self.check(first, second)
        test.__name__ = f"test_{first.name}_before_{second.name}"
        setattr(RefusalOrderTest, test.__name__, test)


add_pairs()

if __name__ == "__main__":
    unittest.main()
