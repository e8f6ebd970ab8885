#!/usr/bin/env python3
"""Clients that are slow, silent or deaf, thousands of them, and healthy ones beside them.

usage: slow_clients_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import unittest

from connections import Connection, Loop, SteadyLoad, open_many, request
from load_suite import LoadSuite, connections_of, mebibytes, settle

SLOW_HEADS, SLOW_BODIES, SILENT, AFTER_AN_ANSWER, DEAF = 1000, 1000, 500, 500, 64
PATH = "/v1/images/generations"
# The deadlines of the test: all slow ones are there while the healthy load runs, and gone soon afterwards.
HEAD_SECONDS, KEEP_ALIVE_SECONDS, ANSWER_SECONDS = 9, 13, 12
LOAD_SECONDS, PER_SECOND = 5, 60
# p99 beside the slow ones against p99 alone: on two shared cores, with the clients of this test on them too,
# three times and 50 ms is noise; a healthy request that waits for a slow client waits for seconds.
P99_FACTOR, P99_SPARE_SECONDS = 3, 0.05
LATE_REDIS_SHARE = 0.02
# Connections, their heads and their kernel objects: what each may add to the process.
BYTES_PER_SLOW_CONNECTION = 16 << 10
# One picture as the gateway holds it for a client that does not read: base64 of size_bytes, with room for the
# message it came in.
PICTURE_BYTES = 3 << 20
BYTES_PER_DEAF_CLIENT = 2 * PICTURE_BYTES * 4 // 3
# What was given back to malloc mostly stays in the process, up to its trim threshold (services/common/lifecycle), and
# is used again: a second wave of deaf clients takes no more than the first, but for how the pieces lie.
SECOND_WAVE_FACTOR = 1.25


class Look:
    """The process that owns the connections, as it is now."""

    def __init__(self, suite):
        edge = suite.edge()
        self.memory, self.threads = edge.rss(), edge.threads()
        self.connections, self.unsent = connections_of(suite.address[1])

    def __str__(self):
        return (f"{mebibytes(self.memory)} resident, {self.threads} threads, {self.connections} connections, "
                f"{mebibytes(self.unsent)} unsent in the kernel")


class SlowClientsTest(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.addCleanup(self.loop.close)
        self.suite = LoadSuite("--head-time", f"{HEAD_SECONDS}s", "--keep-alive", f"{KEEP_ALIVE_SECONDS}s",
                               "--answer-time", f"{ANSWER_SECONDS}s")
        self.addCleanup(self.suite.stop)
        self.address, self.edge = self.suite.address, self.suite.edge()
        self.healthy = request("POST", PATH, self.suite.key, {
            "model": "imagen-4", "prompt": "a lighthouse", "size": "256x256", "response_format": "url"})

    def steady(self, seconds=LOAD_SECONDS):
        return SteadyLoad(self.loop, self.address, self.healthy, PER_SECOND).run(seconds)

    def open_slow(self, count, data, begin):
        """They send `data` from the byte `begin` on one byte a second, and what is before it at once."""
        def trickle(connection, at):
            if not connection.closed:
                connection.send(data[at:at + 1])
                self.loop.after(1, lambda: trickle(connection, at + 1))

        slow = open_many(self.loop, count, lambda _: Connection(self.loop, self.address, data[:begin]))
        for index, connection in enumerate(slow):  # spread over the second
            self.loop.after(index / count, lambda one=connection: trickle(one, begin))
        return slow

    def open_slow_heads(self):
        return self.open_slow(SLOW_HEADS, request("POST", PATH, self.suite.key, b"{}"), 0)

    def open_slow_bodies(self):
        body = b'{"model": "imagen-4", "prompt": "a lighthouse that takes its time"}'
        data = request("POST", PATH, self.suite.key, body)
        return self.open_slow(SLOW_BODIES, data, len(data) - len(body) + 1)

    def open_silent(self):
        silent = open_many(self.loop, SILENT, lambda _: Connection(self.loop, self.address))
        data = request("GET", "/healthz", self.suite.key)
        answered = open_many(self.loop, AFTER_AN_ANSWER, lambda _: Connection(self.loop, self.address, data))
        self.loop.run_until(lambda: all(one.answers for one in answered), 20, "the answers to those that stay")
        return silent + answered

    def open_deaf(self):
        """They ask for a picture and stop reading when its answer has begun."""
        prompt = f"a lighthouse [[sandbox size_bytes={PICTURE_BYTES}]]"
        body = {"model": "imagen-4", "size": "256x256", "prompt": prompt}
        data = request("POST", PATH, self.suite.key, body)

        def make(_):
            connection = Connection(self.loop, self.address, data, receive_buffer=4096)
            connection.stop_reading()
            return connection

        before = self.suite.upstream_total()
        deaf = open_many(self.loop, DEAF, make)
        self.loop.run_until(lambda: self.suite.upstream_total() >= before + DEAF and
                            self.suite.account("demo")["held_nano_usd"] == 0, 30, "the pictures that nobody reads")
        return deaf

    def test_healthy_requests_are_served_as_before_beside_slow_silent_and_deaf_clients(self):
        self.steady(1)  # what is made once is made now
        alone = self.steady()
        settle()
        before = Look(self.suite)
        self.edge.forget_peak()

        silent, deaf = self.open_silent(), self.open_deaf()
        heads, bodies = self.open_slow_heads(), self.open_slow_bodies()
        beside = self.steady()
        full, peak = Look(self.suite), self.edge.peak()
        gone_early = sum(one.closed for one in heads + silent + deaf)
        self.loop.run(max(HEAD_SECONDS, KEEP_ALIVE_SECONDS, ANSWER_SECONDS) - LOAD_SECONDS + 2)
        settle()
        after = Look(self.suite)
        again = self.steady()
        self.open_deaf()
        full_again = Look(self.suite)
        print(f"\nalone:  {alone}\nbeside: {beside}\nafter:  {again}\n"
              f"before: {before}\nbeside: {full}, {mebibytes(peak)} resident at most\nafter:  {after}\n"
              f"again:  {full_again}")

        with self.subTest("healthy requests"):
            self.assertEqual(gone_early, 0, "not all were there while the load ran")
            for load in (alone, beside, again):
                # Redis has 100 ms for a reservation; on a machine that does more than this test it may take longer.
                late = load.outcomes.get("billing_unavailable", 0)
                self.assertLessEqual(late, load.sent * LATE_REDIS_SHARE)
                self.assertEqual((load.outcomes.get(200), load.broken), (load.sent - late, 0), load.outcomes)
            self.assertLess(beside.percentile(.99), alone.percentile(.99) * P99_FACTOR + P99_SPARE_SECONDS)
        with self.subTest("threads and memory"):
            self.assertLessEqual(full.threads, before.threads + 1)
            connections = SLOW_HEADS + SLOW_BODIES + SILENT + AFTER_AN_ANSWER
            bound = connections * BYTES_PER_SLOW_CONNECTION + DEAF * BYTES_PER_DEAF_CLIENT
            self.assertLess(peak - before.memory, bound)
            self.assertLess(full_again.memory, peak * SECOND_WAVE_FACTOR)
        with self.subTest("after the deadlines"):
            self.assert_slow_ones_were_refused(heads)
            self.assert_slow_ones_were_refused(bodies)
            self.assertTrue(all(one.closed for one in silent), "silent connections are still there")
            self.assertEqual(after.connections, 0)
            self.assert_deaf_were_cut(deaf)
        with self.subTest("nothing is left in the kernel"):
            self.assertEqual(after.unsent, 0, "it still keeps answers that nobody reads")

    def assert_slow_ones_were_refused(self, slow):
        said = {(one.answers[0].status, one.answers[0].code) if one.answers else "nothing" for one in slow}
        self.assertEqual(said, {(408, "request_timeout")})
        self.assertTrue(all(one.closed for one in slow), "slow ones are still connected")

    def assert_deaf_were_cut(self, deaf):
        """Whoever reads after all finds that the answer ends early."""
        for one in deaf:
            one.read_on()
        self.loop.run_until(lambda: all(one.closed or one.answers for one in deaf), 10, "the end of the deaf ones")
        self.assertEqual(sum(bool(one.answers) for one in deaf), 0, "answers that were kept for those who do not read")


if __name__ == "__main__":
    unittest.main()
