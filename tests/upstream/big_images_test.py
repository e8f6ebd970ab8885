#!/usr/bin/env python3
"""Images of many megabytes, many at once, within a byte budget that holds a few of them: every one arrives as the
sandbox has drawn it, nobody waits for ever, and what the processes take at most is bounded.

usage: big_images_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import base64
import collections
import contextlib
import hashlib
import itertools
import json
import re
import time
import typing
import unittest

from upstream_suite import PATH, UpstreamSuite, model, provider, request

from connections import Connection, Loop  # pylint: disable=wrong-import-order
from load_suite import mebibytes, settle  # pylint: disable=wrong-import-order
from upstream_catalog import Sandbox  # pylint: disable=wrong-import-order

MIB = 1 << 20
BUDGET = 96 * MIB
# What a process may take beyond what it has at rest. What is counted once exists twice while it passes from one hand to
# the next (gRPC's pieces, the message, the answer), and each hand's threads keep the memory of their own that malloc
# gave them. Without the budget it would be a multiple of all that was asked for at once: 360 MiB, up to 900 MiB.
GROWTH_MAX = 3 * BUDGET + 32 * MIB
# Until all are at the upstream and none has come back: what is refused while three quarters of the budget are taken is
# not what this is about.
TOGETHER_MS = 1500
AT_ONCE, SEEDS = 64, 8
PATIENCE_SECONDS = 90


class Arrived(typing.NamedTuple):
    """An answer, reduced to what is compared, so that this process need not hold gigabytes."""
    status: int
    code: typing.Optional[str]
    hashes: collections.Counter
    seconds: float


def digest(data):
    return hashlib.sha256(data).hexdigest()


def hashes_of(body):
    """Of the images in an answer; base64 is taken out without a look at the rest."""
    hashes, at = collections.Counter(), 0
    while (begin := body.find(b'"b64_json":"', at)) >= 0:
        begin += len(b'"b64_json":"')
        at = body.index(b'"', begin)
        hashes[digest(base64.b64decode(body[begin:at], validate=True))] += 1
    return hashes


class Crowd:
    """Clients that each ask for something big at the same time. No two wait equally long for the sandbox, which tells
    their requests apart there and changes no picture."""

    numbers = itertools.count(TOGETHER_MS)

    def __init__(self, test, loop):
        self.test, self.suite, self.loop = test, test.suite, loop
        self.mark_of, self.arrived, self.begun = {}, {}, {}
        self.seconds = 0

    def ask(self, seed, mebibytes_each, words="", name="big", n=1, receive_buffer=0):
        mark = f"delay_ms={next(self.numbers)}"
        prompt = f"a lighthouse [[sandbox size_bytes={mebibytes_each * MIB} {mark} {words}]]"
        body = {"model": name, "prompt": prompt, "size": "256x256", "seed": seed, "n": n, "response_format": "b64_json"}
        connection = Connection(self.loop, self.suite.address, request("POST", PATH, self.test.key, body),
                                receive_buffer, self.answered, self.closed)
        self.mark_of[connection], self.begun[connection] = mark, time.monotonic()
        return connection

    def answered(self, connection, answer):
        self.arrived[connection] = Arrived(answer.status, answer.code, hashes_of(answer.body),
                                           answer.at - self.begun[connection])
        connection.answers.clear()
        connection.close()

    def closed(self, connection):
        self.arrived.setdefault(connection, Arrived(0, "closed", collections.Counter(), 0))

    def wait(self, connections=None, seconds=PATIENCE_SECONDS):
        wanted = set(connections or self.mark_of)
        self.loop.run_until(lambda: wanted <= self.arrived.keys(), seconds,
                            f"{len(wanted)} answers, of which {len(self.arrived)} came")
        self.seconds = time.monotonic() - min(self.begun.values())
        return self

    def check(self):
        """Each got exactly what the sandbox draws when it is asked the same again, without Prismatic."""
        self.test.assertEqual(collections.Counter((one.status, one.code) for one in self.arrived.values()),
                              {(200, None): len(self.mark_of)})
        asked = collections.defaultdict(list)
        for one in self.test.sandbox.ask("GET", "/_sandbox/requests?limit=1000")["requests"]:
            body = json.loads(one["body"])
            asked[re.search(r"delay_ms=\d+", body["prompt"]).group()].append(body)
        for connection, arrived in self.arrived.items():
            drawn = collections.Counter()
            for body in asked[self.mark_of[connection]]:
                drawn += self.test.drawn(body)
            self.test.assertEqual(arrived.hashes, drawn)

    def __str__(self):
        count = sum(sum(one.hashes.values()) for one in self.arrived.values())
        return f"{len(self.arrived)} answers with {count} images in {self.seconds:.1f} s"


class Slowly:
    """A connection that is read 64 KiB at most every quarter of a second, until it is told to read all."""

    def __init__(self, connection):
        self.connection, self.ended = connection, False
        self.step()

    def step(self):
        if not self.ended:
            self.connection.read_on()
            self.connection.loop.after(0, self.pause)
            self.connection.loop.after(0.25, self.step)

    def pause(self):
        if not self.ended:
            self.connection.stop_reading()

    def end(self):
        self.ended = True
        self.connection.read_on()


class BigImagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        flags = ("--bytes-in-flight-max", str(BUDGET))
        cls.suite = UpstreamSuite(flags, flags)
        cls.addClassCleanup(cls.suite.stop)
        cls.sandbox = Sandbox(cls.suite, "big")
        cls.addClassCleanup(cls.sandbox.stop)
        cls.suite.offer([provider("big", cls.sandbox.address)],
                        [model("big", "big"), model("huge", "big", max_image_bytes=32 * MIB)])
        cls.key = cls.suite.new_key("acme", wallet="1000")
        cls.drawings = {}

    def setUp(self):
        self.suite.refresh()
        self.suite.generate({"model": "big", "prompt": "a lighthouse", "size": "256x256"}, self.key)
        self.loop = Loop()
        self.addCleanup(self.loop.close)
        self.sandbox.forget()

    def drawn(self, body):
        """The hashes of the pictures that the sandbox draws for what it was asked."""
        words = re.search(r"size_bytes=\d+", body["prompt"]).group()
        ask = {"model": body["model"], "prompt": f"a lighthouse [[sandbox {words}]]", "size": body["size"],
               "seed": body["seed"], "n": body["n"]}
        key = json.dumps(ask)
        if key not in self.drawings:
            answer = self.suite.http("POST", self.sandbox.address + "/v1/images/generations", key,
                                     {"Authorization": f"Bearer {self.sandbox.key}"})
            self.drawings[key] = hashes_of(answer.body)
            self.assertEqual(len(self.drawings[key]), body["n"], "pictures that are alike prove little")
        return self.drawings[key]

    @contextlib.contextmanager
    def bounded_memory(self, what):
        settle()
        processes = self.suite.carriers()
        before = {name: process.rss() for name, process in processes.items()}
        for process in processes.values():
            process.forget_peak()
        yield
        grown = {name: process.peak() - before[name] for name, process in processes.items()}
        said = ", ".join(f"{name} {mebibytes(before[name])} + {mebibytes(grown[name])}" for name in grown)
        print(f"\n{what}\n  {said}; budget {mebibytes(BUDGET)}")
        for name, bytes_more in grown.items():
            self.assertLess(bytes_more, GROWTH_MAX, name)

    def many(self, words=""):
        crowd = Crowd(self, self.loop)
        with self.bounded_memory(crowd):
            for index in range(AT_ONCE):
                crowd.ask(index % SEEDS, 4, words)
            crowd.wait()
        crowd.check()

    def test_sixty_four_images_of_4_mib_at_once_arrive_intact_within_the_budget(self):
        self.many()

    def test_sixty_four_images_of_4_mib_that_are_fetched_arrive_intact_within_the_budget(self):
        self.many("url_only")
        self.assertEqual(self.sandbox.ask("GET", "/_sandbox/requests?kind=picture&limit=1")["total"], AT_ONCE)

    def test_an_image_of_20_mib_passes(self):
        crowd = Crowd(self, self.loop)
        with self.bounded_memory(crowd):
            crowd.ask(0, 20, name="huge")
            crowd.wait()
        crowd.check()

    def test_eight_images_of_20_mib_at_once_pass(self):
        crowd = Crowd(self, self.loop)
        with self.bounded_memory(crowd):
            for index in range(8):
                crowd.ask(index % 2, 20, name="huge")
            crowd.wait()
        crowd.check()

    def test_requests_for_ten_images_do_not_wait_for_one_another_for_ever(self):
        """Each needs room for 56 MiB of base64, which comes in several calls: whoever held some and waited for more
        would wait for others that do the same."""
        crowd = Crowd(self, self.loop)
        with self.bounded_memory(crowd):
            for index in range(16):
                crowd.ask(index % 2, 4, n=10)
            crowd.wait()
        crowd.check()

    def test_a_client_that_reads_slowly_stops_nobody(self):
        crowd = Crowd(self, self.loop)
        with self.bounded_memory(crowd):
            slow = crowd.ask(0, 20, name="huge", receive_buffer=4096)
            slow.stop_reading()
            others = [crowd.ask(index % SEEDS, 4) for index in range(32)]
            slowly = Slowly(slow)
            crowd.wait(others)
            self.assertNotIn(slow, crowd.arrived, "it was not slow")
            slowly.end()
            crowd.wait()
        crowd.check()


if __name__ == "__main__":
    unittest.main()
