#!/usr/bin/env python3
"""Thousands of generations in flight against a slow upstream: none lost, few threads, little memory; and what
the bound on them does to those beyond it.

usage: in_flight_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import collections
import time
import unittest

from connections import Connection, Loop, open_many, request
from load_suite import LoadSuite, mebibytes, settle, wait_until

PRICE_NANO_USD = 40_000_000
# As many as the catalog's sandbox takes at once.
IN_FLIGHT = 2000
# They come within seconds, not in the same instant, and stay so long that all are there at once.
ARRIVAL_SECONDS, DELAY_MS = 4, 8000
# However many requests there are; gRPC's own come and go by a few.
EDGE_THREADS_MAX = 20
# Reservations that a busy machine does not make within the 100 ms that Redis has: refused clearly, not lost.
LATE_MAX = IN_FLIGHT // 100
# What one generation in flight may keep resident in all processes. The targets are 90 and 65 KiB; 7 KiB of each call are
# gRPC's, which it needs to send again what no server has seen (docs/adr/0008), and have not been saved elsewhere yet.
BYTES_PER_REQUEST_MAX = {"separate": 100 << 10, "all-in-one": 65 << 10}
PATH = "/v1/images/generations"


def slow(delay_ms, **fields):
    return {"model": "imagen-4", "prompt": f"a lighthouse [[sandbox delay_ms={delay_ms}]]", "size": "256x256", **fields}


class InFlightTest(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.addCleanup(self.loop.close)

    def start(self, *flags):
        suite = LoadSuite(*flags)
        self.addCleanup(suite.stop)
        return suite

    def measure(self, suite, data):
        """Gives the connections, the growth of each process, and what was seen when all were in flight."""
        settle()
        processes = suite.processes()
        before = {name: process.rss() for name, process in processes.items()}
        for process in processes.values():
            process.forget_peak()
        connections = open_many(self.loop, IN_FLIGHT, lambda _: Connection(self.loop, suite.address))
        for index, connection in enumerate(connections):
            self.loop.after(index * ARRIVAL_SECONDS / IN_FLIGHT, lambda one=connection: one.send(data))
        self.loop.run((ARRIVAL_SECONDS + DELAY_MS / 1000) / 2)
        middle = {"at_upstream": suite.upstream_total(), "threads": suite.edge().threads(),
                  "names": suite.edge().thread_names(), "held": suite.account("acme")["held_nano_usd"]}
        self.loop.run_until(lambda: all(one.answers or one.closed for one in connections), 30, "the answers")
        grown = {name: process.peak() - before[name] for name, process in processes.items()}
        for name, growth in grown.items():
            print(f"  {name:16} {mebibytes(before[name]):>10} before, {mebibytes(before[name] + growth):>10} at most, "
                  f"{growth / 1024 / IN_FLIGHT:6.1f} KB per request")
        return connections, grown, middle

    def test_two_thousand_in_flight_are_all_answered_and_charged(self):
        suite = self.start("--in-flight-max", str(2 * IN_FLIGHT))
        key = suite.new_key("acme", wallet="1000")
        before = suite.upstream_total()
        suite.generate(key=key)  # what the first request costs is not what a request in flight costs
        begun = time.monotonic()
        print(f"\n{IN_FLIGHT} in flight:")
        data = request("POST", PATH, key, slow(DELAY_MS, response_format="url"))
        connections, grown, middle = self.measure(suite, data)
        print(f"  {'all':16} {sum(grown.values()) / 1024 / IN_FLIGHT:6.1f} KB per request; {middle['threads']} threads "
              f"at the edge; answered after {time.monotonic() - begun:.1f} s")

        ends = collections.Counter(one.answers[0].code or one.answers[0].status if one.answers else "closed"
                                   for one in connections)
        made, late = ends[200], ends["billing_unavailable"]
        self.assertEqual((made + late, late <= LATE_MAX), (IN_FLIGHT, True), ends)
        self.assertEqual((middle["at_upstream"] - before, middle["held"]), (made + 1, made * PRICE_NANO_USD),
                         "not all were in flight at once")
        wait_until(lambda: suite.account("acme")["held_nano_usd"] == 0, 10, "the settlements")
        account = suite.account("acme")
        self.assertEqual(account["balance_nano_usd"], 1000 * 10**9 - (made + 1) * PRICE_NANO_USD)
        self.assertEqual(account["concurrent"], 0)
        if suite.separate:  # the all-in-one has those of four services
            self.assertLessEqual(middle["threads"], EDGE_THREADS_MAX, middle["names"])
        bound = BYTES_PER_REQUEST_MAX["separate" if suite.separate else "all-in-one"]
        self.assertLessEqual(sum(grown.values()), bound * IN_FLIGHT)

    def test_beyond_the_bound_requests_are_refused_at_once_and_nothing_is_held_for_them(self):
        suite = self.start("--in-flight-max", "50")
        key = suite.new_key("acme", wallet="100")
        data, before = request("POST", PATH, key, slow(3000)), suite.upstream_total()
        begun = time.monotonic()
        connections = open_many(self.loop, 200, lambda _: Connection(self.loop, suite.address, data))
        self.loop.run_until(lambda: sum(bool(one.answers) for one in connections) >= 150, 2, "150 refusals")
        refused = [one.answers[0] for one in connections if one.answers]
        health = suite.http("GET", suite.env["PRISMATIC_BASE_URL"].removesuffix("/v1") + "/healthz")
        held = suite.account("acme")["held_nano_usd"]
        self.loop.run_until(lambda: all(one.answers for one in connections), 20, "the answers")

        self.assertEqual(len(refused), 150)
        for answer in refused:
            self.assertEqual((answer.status, answer.code), (503, "server_is_overloaded"))
            self.assertGreater(int(answer.headers["retry-after"]), 0)
            self.assertEqual(answer.headers["x-should-retry"], "true")
            self.assertLess(answer.at - begun, 1, "a refusal waited")
        self.assertEqual(health.status, 200)
        self.assertEqual(held, 50 * PRICE_NANO_USD)
        self.assertEqual(sum(one.answers[0].status == 200 for one in connections), 50)
        wait_until(lambda: suite.account("acme")["held_nano_usd"] == 0, 10, "the settlements")
        self.assertEqual(suite.account("acme")["balance_nano_usd"], 100 * 10**9 - 50 * PRICE_NANO_USD)
        self.assertEqual(suite.upstream_total() - before, 50)


if __name__ == "__main__":
    unittest.main()
