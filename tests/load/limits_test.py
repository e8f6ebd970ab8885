#!/usr/bin/env python3
"""The gate's limits as a client meets them: connections, pipelining, the rate of a body.

usage: limits_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import time
import unittest

from connections import Connection, Loop, open_many, request
from load_suite import LoadSuite, wait_until

PATH = "/v1/images/generations"
PICTURE = {"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256", "response_format": "url"}
PRICE_NANO_USD = 40_000_000
# Section 11 of the design: a body arrives within 60 s, and after a grace of 5 s at 16 KiB/s at least.
RATE_GRACE_SECONDS = 5


class LimitsTest(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.addCleanup(self.loop.close)

    def start(self, *flags):
        suite = LoadSuite(*flags)
        self.addCleanup(suite.stop)
        return suite

    def answer(self, connection, seconds, what):
        self.loop.run_until(lambda: connection.answers or connection.closed, seconds, what)
        self.assertTrue(connection.answers, f"{what}: closed without an answer")
        return connection.answers[0]

    def test_the_longest_idle_connection_makes_room_for_a_new_one(self):
        suite = self.start("--connections-max", "100", "--keep-alive", "120s", "--head-time", "120s")
        idle = []
        for _ in range(100):  # one after the other, so that there is a longest idle one
            idle += open_many(self.loop, 1, lambda _: Connection(self.loop, suite.address,
                                                                 request("GET", "/healthz", suite.key)))
            self.answer(idle[-1], 5, "one of a hundred")
        first, *others = idle
        self.assertFalse(first.closed)
        late = Connection(self.loop, suite.address, request("POST", PATH, suite.key, PICTURE))
        self.assertEqual(self.answer(late, 5, "the hundred and first").status, 200)
        self.loop.run_until(lambda: first.closed, 2, "the end of the longest idle one")
        self.assertEqual(sum(one.closed for one in others), 0)

    def test_slow_heads_do_not_keep_others_out(self):
        suite = self.start("--connections-max", "100", "--keep-alive", "120s", "--head-time", "8s")
        slow = open_many(self.loop, 100, lambda _: Connection(self.loop, suite.address, b"GET / HTTP/1.1\r\n"))
        self.loop.run(0.5)  # all have begun a head, none of them is idle
        late = Connection(self.loop, suite.address, request("POST", PATH, suite.key, PICTURE))
        self.assertEqual(self.answer(late, 5, "a request beside a hundred slow heads").status, 200)
        self.assertLessEqual(sum(one.closed for one in slow), 2)

    def test_a_busy_connection_is_never_closed_to_make_room(self):
        suite = self.start("--connections-max", "20", "--keep-alive", "120s", "--head-time", "120s")
        before = suite.upstream_total()
        slow = dict(PICTURE, prompt="a lighthouse [[sandbox delay_ms=1500]]")
        busy = open_many(self.loop, 20, lambda _: Connection(self.loop, suite.address,
                                                             request("POST", PATH, suite.key, slow)))
        wait_until(lambda: suite.upstream_total() == before + 20, 5, "all at the upstream")
        late = Connection(self.loop, suite.address, request("GET", "/v1/models", suite.key))
        self.loop.run_until(lambda: all(one.answers or one.closed for one in busy), 10, "the answers")
        self.assertEqual([one.answers[0].status for one in busy if one.answers], [200] * 20)
        # Once they are idle there is room; before, it waits or is refused.
        self.loop.run_until(lambda: late.answers or late.closed, 10, "the late one")
        if late.answers:
            self.assertIn(late.answers[0].status, (200, 503))

    def test_pipelined_requests_are_answered_in_order_and_each_counts(self):
        suite = self.start()
        key = suite.new_key("acme", "--requests-per-minute", "10", wallet="10")
        one = {**PICTURE, "n": 1}
        before = suite.upstream_total()
        pair = request("GET", "/v1/models", key) + request("POST", PATH, key, one)
        client = Connection(self.loop, suite.address, pair * 25)
        self.loop.run_until(lambda: len(client.answers) == 50 or client.closed, 30, "fifty answers")

        self.assertEqual(len(client.answers), 50)
        lists, generations = client.answers[0::2], client.answers[1::2]
        self.assertEqual([answer.status for answer in lists], [200] * 25)
        self.assertTrue(all(b'"object":"list"' in answer.body.replace(b" ", b"") for answer in lists))
        self.assertEqual([answer.status for answer in generations][:10], [200] * 10)
        # A minute's worth is there at once; a token comes back every 6 s.
        statuses = [answer.status for answer in generations[10:]]
        self.assertGreaterEqual(statuses.count(429), 13)
        self.assertEqual(statuses.count(429) + statuses.count(200), 15)
        charged = 10 + statuses.count(200)
        self.assertEqual(suite.upstream_total() - before, charged)
        self.assertEqual(suite.account("acme")["balance_nano_usd"], 10 * 10**9 - charged * PRICE_NANO_USD)
        ids = [answer.headers["x-request-id"] for answer in client.answers]
        self.assertEqual(len(set(ids)), 50)
        begun = [identity[:13] for identity in ids]  # a UUIDv7 begins with the time
        self.assertEqual(begun, sorted(begun), "one was begun before its predecessor")

    def test_a_body_is_cut_when_it_is_too_slow_and_not_when_it_is_only_unhurried(self):
        suite = self.start()
        before = suite.upstream_total()
        begun = time.monotonic()
        dripping = self.drip(suite, announced=100 << 10, piece=1, pause=1.0)
        unhurried = self.drip(suite, announced=320 << 10, piece=8 << 10, pause=0.25)  # 32 KiB/s for 10 s
        cut = self.answer(dripping, 30, "the answer to a body of one byte a second")
        self.assertEqual((cut.status, cut.code), (408, "request_timeout"))
        self.assertEqual(cut.headers["x-should-retry"], "true")
        self.assertGreater(cut.at - begun, RATE_GRACE_SECONDS - 0.5)
        self.assertLess(cut.at - begun, RATE_GRACE_SECONDS + 5)
        self.loop.run_until(lambda: dripping.closed, 5, "the end of the connection")

        passed = self.answer(unhurried, 30, "the answer to a body of 32 KiB/s")
        self.assertGreater(passed.at - begun, 9, "the body was not trickled")
        self.assertEqual(passed.status, 200)
        self.assertEqual(suite.upstream_total(), before + 1)

    def drip(self, suite, announced, piece, pause):
        """A generation whose body comes in pieces; it is as long as announced, padded with blanks."""
        whole = request("POST", PATH, suite.key, b'{"model":"imagen-4","prompt":"a lighthouse","size":"256x256"}'
                        .ljust(announced))
        head = whole.index(b"\r\n\r\n") + 4
        connection = Connection(self.loop, suite.address, whole[:head])

        def go_on(sent):
            if sent < announced and not connection.closed:
                connection.send(whole[head + sent:head + sent + piece])
                self.loop.after(pause, lambda: go_on(sent + piece))

        go_on(0)
        return connection


if __name__ == "__main__":
    unittest.main()
