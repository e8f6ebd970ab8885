"""One running suite for the tests with OpenAI's SDKs, and what both SDKs' tests share.

An SDK is driven through one small interface (see python_sdk_test.py and node_sdk_test.py):
    call(method, *arguments, body=, key=, headers=, request_headers=, max_retries=) -> Outcome
"""
import contextlib
import dataclasses
import os
import re
import sys
import unittest
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from suite import ROOT, Suite, png_size  # noqa: E402

PICTURE = {"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256"}
REQUEST_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$"


@dataclasses.dataclass
class Attempt:
    """One HTTP request that left the SDK: its x-stainless-retry-count, and when, in seconds."""
    retry_count: str
    at: float


@dataclasses.dataclass
class SdkError:
    kind: str  # the class that was raised, such as RateLimitError
    status: int
    type: str
    code: str
    param: str
    request_id: str
    message: str


@dataclasses.dataclass
class Outcome:
    """What a call of the SDK ended in: a value as plain data, or an error."""
    value: dict
    error: SdkError
    request_id: str  # as the SDK shows it beside a value
    headers: dict
    attempts: list


def forget_environment():
    """What the caller's environment says to SDKs and HTTP clients is not meant for these tests."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "PRISMATIC_")) or name.lower().endswith("_proxy"):
            del os.environ[name]


class Shared:
    """The suite and the SDK under test, one of each for all test classes of a program."""
    suite = sdk = None

    @classmethod
    def start(cls, make_sdk):
        forget_environment()
        cls.suite = Suite()
        try:
            cls.sdk = make_sdk(cls.suite)
        except BaseException:
            cls.suite.stop()
            raise

    @classmethod
    def stop(cls):
        if cls.suite is None:
            return
        try:
            cls.sdk.close()
        finally:
            cls.suite.stop()


def readme_block(language):
    """The one ```language block of README.md."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", readme.read(), re.M | re.S)
    if len(blocks) != 1:
        raise AssertionError(f"README.md has {len(blocks)} ```{language} blocks, expected one")
    return blocks[0]


class SdkTestCase(unittest.TestCase):
    accounts = 0

    @property
    def suite(self):
        return Shared.suite

    def call(self, method, *arguments, **options):
        return Shared.sdk.call(method, *arguments, **options)

    def generate(self, body=None, key=None, headers=None, request_headers=None, max_retries=None, **fields):
        body = dict(body or PICTURE, **fields)
        return self.call("images.generate", body=body, key=key, headers=headers, request_headers=request_headers,
                         max_retries=max_retries)

    def new_customer(self, *key_flags, wallet="5"):
        """(account, key) of an account that no other test uses."""
        SdkTestCase.accounts += 1
        account = f"sdk-{SdkTestCase.accounts}"
        return account, self.suite.new_key(account, *key_flags, wallet=wallet)

    def charges(self, account):
        return [entry for entry in self.suite.ledger(account) if entry["type"] == "charge"]

    # --- counting what arrives ---
    def answered(self, route):
        """HTTP status -> how many requests of a route the gateway has answered with it since its start."""
        text = self.suite.http("GET", self.suite.env["PRISMATIC_METRICS_URLS"].split(",")[0]).body.decode()
        counts = Counter()
        for labels, value in re.findall(r"^prismatic_http_requests_total\{([^}]*)\} (\d+)", text, re.M):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if labels["route"] == route:
                counts[int(labels["code"])] += int(value)
        return counts

    @contextlib.contextmanager
    def arrivals(self, answered, upstream, route="generations"):
        """What happens inside makes the gateway answer exactly so, and sends so many requests upstream."""
        before, upstream_before = self.answered(route), self.suite.upstream_total()
        yield
        self.assertEqual(dict(self.answered(route) - before), answered, "answers of the gateway by status")
        self.assertEqual(self.suite.upstream_total() - upstream_before, upstream, "requests at the upstream")

    # --- judging outcomes ---
    def assert_answered(self, outcome):
        self.assertIsNone(outcome.error, outcome.error)
        self.assertRegex(outcome.request_id, REQUEST_ID)
        self.assertEqual(outcome.request_id, outcome.headers["x-request-id"])
        return outcome.value

    def assert_error(self, outcome, kind, status, kind_of_body, code, param=None):
        """The SDK raised its class for the status, with every member of the error body on it."""
        self.assertIsNotNone(outcome.error, f"no error, but {str(outcome.value)[:200]}")
        error = outcome.error
        self.assertEqual((error.kind, error.status, error.type, error.code, error.param),
                         (kind, status, kind_of_body, code, param), error.message)
        self.assertRegex(error.request_id, REQUEST_ID)
        self.assertGreater(len(error.message), 10)

    def assert_attempts(self, outcome, count):
        """The SDK sent so many, each saying which retry it is."""
        self.assertEqual([attempt.retry_count for attempt in outcome.attempts], [str(n) for n in range(count)])

    def waits(self, outcome):
        times = [attempt.at for attempt in outcome.attempts]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def assert_is_picture(self, path):
        with open(path, "rb") as picture:
            png_size(picture.read())

    def assert_wide(self, picture):
        width, height = png_size(picture)
        self.assertAlmostEqual(width / height, 16 / 9, delta=0.02)
