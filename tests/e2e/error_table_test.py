#!/usr/bin/env python3
"""The error table of the design, section 5, row by row, made by a running suite.

usage: error_table_test.py [--separate] [--bin DIR] [unittest arguments]

Not here: the refusals of a gateway that drains, which drain_test.py has.
"""
import concurrent.futures
import contextlib
import json
import math
import os
import sys
import typing
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faulty_models import add_faulty_models, model_without  # noqa: E402
from oracle import Oracle, redis_of  # noqa: E402
from suite import OPTIONS, Suite, wait_until  # noqa: E402
from wire import Wire, post_head  # noqa: E402

IN_FLIGHT_MAX = 2
BODY_BYTES_MAX = 64 << 10
FLAGS = [f"--in-flight-max={IN_FLIGHT_MAX}", f"--body-bytes-max={BODY_BYTES_MAX}"]
IMPATIENT = ["--head-time=500ms", "--body-time=500ms"]
INVALID, SERVER, FUNDS = "invalid_request_error", "server_error", "insufficient_quota"
REFERENCE = "https://example.com/reference.png"
SLOW = "a lighthouse [[sandbox delay_ms=1500]]"


class Row(typing.NamedTuple):
    situation: str
    status: int
    type: str
    code: str
    param: typing.Optional[str]
    should_retry: bool
    retry_after: typing.Optional[bool]  # whether Retry-After and retry-after-ms are there
    ask: typing.Callable  # (test) -> Answer
    given: typing.Callable = lambda test: contextlib.nullcontext()  # (test) -> context in which it is asked
    upstream_calls: typing.Optional[int] = None  # None: refused before the upstream; else calls that failed


# --- how to ask ---

def fields(**values):
    return lambda test: test.suite.generate(key=test.key, **values)


def body(text, **headers):
    send = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda test: test.suite.api("POST", "/images/generations", text, test.key, send)


def without(field):
    text = {name: value for name, value in {"model": "imagen-4", "prompt": "x"}.items() if name != field}
    return body(json.dumps(text))


def with_key(key):
    """`key` is a text, or makes one of the test's own."""
    return lambda test: test.suite.generate(key=key if isinstance(key, str) else key(test.key))


def call(method, path, key=""):
    return lambda test: test.suite.api(method, path, {} if method == "POST" else None, key)


def authorization(value):
    return lambda test: test.suite.api("POST", "/images/generations", {"model": "imagen-4", "prompt": "x"}, "",
                                       {"Authorization": value})


def upstream(directive, **values):
    return fields(prompt=f"a lighthouse [[sandbox {directive}]]", **values)


def damaged(key):
    return key[:-1] + ("0" if key[-1] != "0" else "1")


def slow_wire(*pieces):
    """Sends what there is and waits; the answer must be the last on its connection."""
    def ask(test):
        with Wire(test.suite) as wire:
            wire.send(b"".join(pieces))
            answer = wire.answer()
            test.assertTrue(wire.is_closed(), "the connection stayed open")
            return answer
    return ask


def too_large_body(test):
    with Wire(test.suite) as wire:
        wire.send(post_head("", BODY_BYTES_MAX + 1))
        return wire.answer()


def too_large_chunks(test):
    with Wire(test.suite) as wire:
        head = post_head("", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        chunk = b"%x\r\n%s\r\n" % (BODY_BYTES_MAX // 2, b" " * (BODY_BYTES_MAX // 2))
        wire.send(head + 2 * chunk + b"1\r\n \r\n")
        return wire.answer()


def idempotent(**values):
    return lambda test: test.suite.generate(key=test.key, headers={"Idempotency-Key": "order-1"}, **values)


# --- what must be the case before ---

def key_with(*flags, wallet="1", uses=0, account_flags=(), **values):
    """A key of a new account, used a number of times with these fields."""
    @contextlib.contextmanager
    def given(test):
        test.key = test.new_key(*flags, wallet=wallet, account_flags=account_flags)
        for _ in range(uses):
            test.assertEqual(test.suite.generate(key=test.key, **values).status, 200)
        yield
    return given


@contextlib.contextmanager
def revoked(test):
    test.suite.cli("key", "revoke", test.key.split("_")[1])
    yield


@contextlib.contextmanager
def expired(test):
    test.key = test.new_key("--expires-in", "1s")
    wait_until(lambda: test.suite.api("GET", "/models", key=test.key).status == 401, 5, "the end of the key")
    yield


@contextlib.contextmanager
def suspended(test):
    test.suite.cli("account", "suspend", test.account)
    yield


@contextlib.contextmanager
def in_debt(test):
    """Its hold ended while it was made, the money went to another one, and then it was settled after all."""
    test.key = test.new_key(wallet="0.05")
    before = test.suite.upstream_total()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(test.suite.generate, key=test.key, prompt=SLOW)
        wait_until(lambda: test.suite.upstream_total() == before + 1, 10, "the slow one at the upstream")
        with redis_of(test.suite) as redis:
            redis.end_holds()
        wait_until(lambda: test.suite.account(test.account)["held_nano_usd"] == 0, 10, "the end of the hold")
        test.assertEqual(test.suite.generate(key=test.key).status, 200)
        test.assertEqual(slow.result().status, 200)
    test.assertEqual(test.suite.account(test.account)["owed_nano_usd"], 30_000_000)
    yield


def under_way(count=1, flags=(), key="own", headers=None):
    """Slow generations at the upstream, of the row's own key or of another's."""
    @contextlib.contextmanager
    def given(test):
        test.key = test.new_key(*flags)
        busy = test.key if key == "own" else test.suite.key
        before = test.suite.upstream_total()
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            slow = [pool.submit(test.suite.generate, key=busy, headers=headers, prompt=SLOW) for _ in range(count)]
            wait_until(lambda: test.suite.upstream_total() == before + count, 10, "the slow ones at the upstream")
            yield
            test.assertEqual({answer.result().status for answer in slow}, {200})
    return given


@contextlib.contextmanager
def completed(test):
    test.assertEqual(idempotent()(test).status, 200)
    yield


@contextlib.contextmanager
def switched_off(test):
    test.suite.cli("provider", "images", "sandbox", "off")
    try:
        wait_until(lambda: fields()(test).status == 503, 2, "the switch off")
        yield
    finally:
        test.suite.cli("provider", "images", "sandbox", "on")
        wait_until(lambda: fields(n=10, model="imagen-4")(test).status == 200, 2, "the switch on")


def process_gone(name):
    """Killed while the request is made. Redis forgets nothing: it writes each change to disk."""
    @contextlib.contextmanager
    def given(test):
        test.suite.kill(name)
        try:
            yield
        finally:
            test.suite.start_again(name)
            test.suite.wait_ready()
    return given


ROWS = (
    #   situation                        status type   code                  param  retry Retry-After
    Row("no_json",                          400, INVALID, "invalid_value", None, False, False, body("{")),
    Row("no_json_object",                   400, INVALID, "invalid_value", None, False, False, body("[]")),
    Row("wrong_type",                       400, INVALID, "invalid_value", "prompt", False, False, fields(prompt=1)),
    Row("out_of_range",                     400, INVALID, "invalid_value", "n", False, False, fields(n=11)),
    Row("missing_model",                    400, INVALID, "missing_required_parameter", "model", False, False,
        without("model")),
    Row("missing_prompt",                   400, INVALID, "missing_required_parameter", "prompt", False, False,
        without("prompt")),
    Row("streaming",                        400, INVALID, "unsupported_parameter", "stream", False, False,
        fields(stream=True)),
    Row("partial_images",                   400, INVALID, "unsupported_parameter", "partial_images", False, False,
        fields(partial_images=1)),

    Row("no_authorization",                 401, INVALID, "invalid_api_key", None, False, False, with_key("")),
    Row("malformed_authorization",          401, INVALID, "invalid_api_key", None, False, False,
        authorization("Basic dXNlcjpwYXNz")),
    Row("no_key_of_ours",                   401, INVALID, "invalid_api_key", None, False, False, with_key("sk-abc")),
    Row("damaged_key",                      401, INVALID, "invalid_api_key", None, False, False, with_key(damaged)),
    Row("revoked_key",                      401, INVALID, "invalid_api_key", None, False, False, fields(), revoked),
    Row("expired_key",                      401, INVALID, "invalid_api_key", None, False, False, fields(), expired),
    Row("models_without_a_key",             401, INVALID, "invalid_api_key", None, False, False,
        call("GET", "/models")),

    Row("account_suspended",                403, INVALID, "account_suspended", None, False, False, fields(), suspended),
    Row("models_of_a_suspended_account",    403, INVALID, "account_suspended", None, False, False,
        lambda test: test.suite.api("GET", "/models", key=test.key), suspended),
    Row("model_not_allowed_for_the_key",    403, INVALID, "model_not_allowed", None, False, False,
        fields(model="sandbox-chat"), key_with("--models", "imagen-4")),
    Row("unknown_public_model_id",          404, INVALID, "model_not_found", "model", False, False,
        fields(model="no-such-model")),
    Row("unknown_path",                     404, INVALID, "unknown_url", None, False, False,
        call("POST", "/images/edits")),
    Row("method",                           405, INVALID, "method_not_allowed", None, False, False,
        call("GET", "/images/generations")),
    Row("body_too_large",                   413, INVALID, "request_too_large", None, False, False, too_large_body),
    Row("body_too_large_in_chunks",         413, INVALID, "request_too_large", None, False, False, too_large_chunks),
    Row("not_json_by_its_type",             415, INVALID, "unsupported_media_type", None, False, False,
        body("{}", Content_Type="text/plain")),
    Row("encoded",                          415, INVALID, "unsupported_media_type", None, False, False,
        body("{}", Content_Encoding="gzip")),

    Row("model_generates_no_images",        400, INVALID, "model_does_not_support_images", "model", False, False,
        fields(model=model_without("images"))),
    Row("model_takes_no_references",        400, INVALID, "unsupported_parameter", "image_url", False, False,
        fields(model=model_without("references"), image_url=REFERENCE)),
    Row("n_above_an_images_limit",          400, INVALID, "image_count_too_large", "n", False, False,
        fields(n=3), key_with("--images-per-minute", "2")),

    Row("idempotency_key_in_flight",        409, INVALID, "idempotency_key_in_use", None, True, True,
        idempotent(prompt=SLOW), under_way(headers={"Idempotency-Key": "order-1"})),
    Row("idempotency_key_done",             409, INVALID, "idempotency_key_completed", None, False, False,
        idempotent(), completed),
    Row("idempotency_key_with_other_body",  400, INVALID, "idempotency_key_reused", None, False, False,
        idempotent(prompt="another"), completed),

    Row("images_switch_off",                503, SERVER, "no_image_route", None, False, False, fields(), switched_off),
    Row("upstream_overloaded",              503, SERVER, "model_overloaded", None, True, True,
        upstream("status=429 retry_after=7"), upstream_calls=1),
    Row("requests_per_minute",              429, "requests", "rate_limit_exceeded", None, True, True,
        fields(), key_with("--requests-per-minute", "1", uses=1)),
    Row("images_per_minute",                429, "images", "rate_limit_exceeded", None, True, True,
        fields(n=2), key_with("--images-per-minute", "2", uses=1)),
    Row("concurrency",                      429, "requests", "rate_limit_exceeded", None, True, True,
        fields(), under_way(flags=["--max-concurrent", "1"])),
    # No wait helps, so no client is told to try again.
    Row("no_request_allowed_at_all",        429, "requests", "rate_limit_exceeded", None, False, False,
        fields(), key_with("--requests-per-minute", "0")),
    Row("wallet_cannot_cover",              429, FUNDS, "credit_balance_exhausted", None, False, False,
        fields(), key_with(wallet="0.039999999")),
    Row("subscription_quota_exhausted",     429, FUNDS, "subscription_quota_exhausted", None, False, False,
        fields(n=2), key_with(account_flags=("--funding", "subscription_only", "--quota", "2", "--quota-period", "month"),
                              uses=1)),
    Row("account_in_debt",                  429, FUNDS, "account_in_debt", None, False, False, fields(), in_debt),
    Row("generation_price_missing",         503, SERVER, "generation_price_missing", None, False, False,
        fields(model=model_without("price"))),

    Row("content_refused_upstream",         400, "image_generation_user_error", "moderation_blocked", None, False,
        False, upstream("refuse"), upstream_calls=1),
    Row("upstream_failed",                  502, SERVER, "upstream_error", None, False, False,
        upstream("status=500"), upstream_calls=1),
    Row("upstream_answer_cut",              502, SERVER, "upstream_error", None, False, False,
        upstream("cut=100"), upstream_calls=1),
    Row("upstream_gave_a_page",             502, SERVER, "upstream_error", None, False, False,
        upstream("body=html"), upstream_calls=1),
    Row("upstream_gave_something_else",     502, SERVER, "upstream_error", None, False, False,
        upstream("body=not_image"), upstream_calls=1),
    Row("upstream_gave_no_image",           502, SERVER, "upstream_error", None, False, False,
        upstream("images=0"), upstream_calls=1),
    Row("upstream_timed_out",               504, SERVER, "upstream_timeout", None, False, False,
        upstream("status=504"), upstream_calls=1),
    Row("redis_unreachable",                503, SERVER, "billing_unavailable", None, True, True,
        fields(), process_gone("redis")),
    Row("gateway_full",                     503, SERVER, "server_is_overloaded", None, True, True,
        fields(), under_way(IN_FLIGHT_MAX, key="another")),
)
SEPARATE_ROWS = (
    Row("billing_unreachable",              503, SERVER, "billing_unavailable", None, True, True,
        fields(), process_gone("billing")),
)
IMPATIENT_ROWS = (
    Row("head_too_slow",                    408, INVALID, "request_timeout", None, True, False,
        slow_wire(b"POST /v1/images/generations HTTP/1.1\r\nHost:")),
    Row("body_too_slow",                    408, INVALID, "request_timeout", None, True, False,
        slow_wire(post_head("", 100), b'{"model":')),
)


class TableTest(unittest.TestCase):
    flags = FLAGS

    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        add_faulty_models(cls.suite)
        cls.suite.restart(cls.suite.front, *cls.flags)
        cls.accounts = 0

    def setUp(self):
        # Wide limits: what they count is seen, and they refuse nothing.
        self.key = self.new_key("--requests-per-minute", "60000", "--images-per-minute", "60000")

    def new_key(self, *flags, wallet="1", account_flags=()):
        type(self).accounts += 1
        self.account = f"acme-{self.accounts}"
        return self.suite.new_key(self.account, *flags, wallet=wallet, account_flags=(
            "--requests-per-minute", "60000", "--images-per-minute", "60000", *account_flags))

    def assert_row(self, row, answer):
        self.assertEqual(answer.status, row.status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(list(answer.json), ["error"])
        self.assertEqual(set(answer.error), {"message", "type", "param", "code"})
        self.assertEqual((answer.error["type"], answer.error["code"], answer.error["param"]),
                         (row.type, row.code, row.param))
        self.assertTrue(answer.error["message"])
        self.assertRegex(answer.headers["x-request-id"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(answer.headers["x-should-retry"], "true" if row.should_retry else "false")
        self.assert_wait(row, answer)

    def assert_wait(self, row, answer):
        if not row.retry_after:
            self.assertNotIn("retry-after", answer.headers)
            self.assertNotIn("retry-after-ms", answer.headers)
            return
        milliseconds = int(answer.headers["retry-after-ms"])
        self.assertEqual(int(answer.headers["retry-after"]), math.ceil(milliseconds / 1000))
        self.assertTrue(0 < milliseconds <= 60_000, milliseconds)

    def make(self, row):
        if row.upstream_calls is not None:
            self.suite.await_upstream()
        # Looked at before the processes that the row is about are gone, and after they are back.
        before_outage = Oracle(self.suite) if row.code == "billing_unavailable" else None
        with row.given(self):
            oracle = before_outage or Oracle(self.suite)
            answer = row.ask(self)
            self.assert_row(row, answer)
            if not before_outage:
                self.assert_left_behind(row, oracle)
        if before_outage:
            self.assert_left_behind(row, oracle)
        return answer

    def assert_left_behind(self, row, oracle):
        if row.upstream_calls is None:
            oracle.assert_untouched(self)
        else:
            oracle.assert_only_rate_times_moved(self, row.upstream_calls)

    # --- more than the table's columns ---

    def after_method(self, answer):
        self.assertEqual(answer.headers["allow"], "POST")

    def after_upstream_overloaded(self, answer):
        self.assertEqual(answer.headers["retry-after"], "7")

    def after_idempotency_key_in_flight(self, answer):
        self.assertEqual(answer.headers["retry-after"], "2")

    def after_requests_per_minute(self, answer):
        self.assertGreater(int(answer.headers["retry-after-ms"]), 50_000)

    def after_idempotency_key_done(self, answer):
        charge = self.suite.ledger(self.account)[-1]
        self.assertEqual(charge["type"], "charge")
        self.assertIn(charge["reservation_id"], answer.error["message"])
        self.assertIn("0.04", answer.error["message"])


class ErrorTableTest(TableTest):
    pass


class ImpatientTableTest(TableTest):
    flags = IMPATIENT


def add_rows(test_class, rows):
    for row in rows:
        def test(self, row=row):
            answer = self.make(row)
            getattr(self, f"after_{row.situation}", lambda _: None)(answer)
        test.__name__ = f"test_{row.situation}"
        setattr(test_class, test.__name__, test)


add_rows(ErrorTableTest, ROWS + (SEPARATE_ROWS if "--separate" in OPTIONS else ()))
add_rows(ImpatientTableTest, IMPATIENT_ROWS)
del TableTest  # has no rows of its own

if __name__ == "__main__":
    unittest.main()
