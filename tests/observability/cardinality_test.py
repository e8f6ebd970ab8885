#!/usr/bin/env python3
"""What strangers make up becomes no series: 10,000 model names, keys, paths and methods over HTTP, and methods over
gRPC, add at most one series to each family.

usage: cardinality_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import http.client
import json
import os
import random
import string
import sys
import unittest
import urllib.parse

import grpc

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from traffic import Suite, all_families  # noqa: E402

COUNT = 10_000
THREADS = 8
LETTERS = string.ascii_letters + string.digits + "-._"
METHODS = string.ascii_uppercase


def made_up(rng, size=12, letters=LETTERS):
    return "".join(rng.choice(letters) for _ in range(size))


class Stranger:
    """Requests over one connection that is made anew when it has been closed."""

    def __init__(self, suite, seed):
        self.rng = random.Random(seed)
        self.key = suite.key
        parts = urllib.parse.urlsplit(suite.env["PRISMATIC_BASE_URL"])
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def send(self, method, path, body=None, key=None):
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        try:
            self.connection.request(method, path, body=body, headers=headers)
            response = self.connection.getresponse()
            response.read()
            return response.status
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return 0

    def any_of(self, number):
        """One of the four kinds; answers its status."""
        word = made_up(self.rng)
        wish = json.dumps({"model": word if number % 4 == 0 else "imagen-4", "prompt": "p"})
        if number % 4 == 0:
            return self.send("POST", "/v1/images/generations", wish)
        if number % 4 == 1:
            return self.send("POST", "/v1/images/generations", wish, key=f"pk_{word.lower()}.1_{word}_{word}")
        if number % 4 == 2:
            return self.send("GET", f"/{word}/{made_up(self.rng)}?{word}={word}")
        return self.send(made_up(self.rng, 6, METHODS), "/v1/models")


class CardinalityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.suite.generate()

    def series(self):
        """How many series each family has; those of a histogram count once."""
        return {name: len({(number, tuple(pair for pair in pairs if pair[0] != "le"))
                           for number, _, pairs in family.series})
                for name, family in all_families(self.suite).items()}

    def assert_hardly_more(self, before):
        more = {name: count - before.get(name, 0) for name, count in self.series().items()
                if count - before.get(name, 0) > 1}
        self.assertEqual(more, {})

    def test_what_is_made_up_over_http_adds_at_most_one_series_to_a_family(self):
        strangers = [Stranger(self.suite, seed) for seed in range(THREADS)]
        for stranger in strangers:
            self.addCleanup(stranger.connection.close)
        # One of each kind first: what is refused in a way of its own is told in one of its own.
        first = [strangers[0].any_of(number) for number in range(4)]
        self.assertEqual([status // 100 for status in first], [4] * 4, first)
        before = self.series()

        def work(stranger):
            return [stranger.any_of(number) for number in range(COUNT // THREADS)]
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            statuses = [status for some in pool.map(work, strangers) for status in some]
        self.assertEqual(len(statuses), COUNT)
        # All arrived, but for what a busy machine had no time for.
        self.assertGreater(sum(status // 100 == 4 for status in statuses), COUNT * 0.95)
        self.assert_hardly_more(before)

    def test_what_is_made_up_over_grpc_adds_none(self):
        rng = random.Random(7)
        ports = [grpc.insecure_channel(self.suite.env[f"PRISMATIC_{name}_ADDR"])
                 for name in ("BILLING", "REGISTRY", "PROVIDER", "BILLING_ADMIN", "REGISTRY_ADMIN")]
        before = self.series()
        refused = 0
        for number in range(COUNT // 10):
            service = "prismatic.billing.v1.Billing" if number % 2 else made_up(rng, letters=string.ascii_letters)
            call = ports[number % len(ports)].unary_unary(f"/{service}/{made_up(rng, letters=string.ascii_letters)}")
            try:
                call(b"", timeout=10)
            except grpc.RpcError as error:
                refused += error.code() == grpc.StatusCode.UNIMPLEMENTED
        for port in ports:
            port.close()
        self.assertEqual(refused, COUNT // 10)
        self.assert_hardly_more(before)


if __name__ == "__main__":
    unittest.main()
