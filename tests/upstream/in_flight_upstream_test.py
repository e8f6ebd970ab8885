#!/usr/bin/env python3
"""A thousand requests in flight against a slow upstream on one provider-proxy: its threads do not grow with them, and
what each request costs it.

usage: in_flight_upstream_test.py [--bin DIR] [unittest arguments]
"""
import os
import time
import unittest

from upstream_suite import PATH, UpstreamSuite, request

from connections import Connection, Loop, open_many  # pylint: disable=wrong-import-order
from load_suite import mebibytes, settle  # pylint: disable=wrong-import-order
from suite import OPTIONS  # pylint: disable=wrong-import-order

FEW, MANY = 10, 1000
ARRIVAL_SECONDS = 3
DELAY_MS = {FEW: 1500, MANY: 7000}
# What each adds to provider-proxy: curl's handle and buffers, gRPC's stream, the request.
BYTES_PER_REQUEST_MAX = 70 << 10
# gRPC's own pools have one or two more or less at times, whatever runs.
GRPC_THREADS_MORE = 4
# One for the upstream; gRPC carries all in few.
FILES_PER_REQUEST_MAX, FILES_SPARE = 1, 32
# Reservations that a busy machine does not make within the 100 ms that Redis has.
LATE_MAX = MANY // 100


class InFlightUpstreamTest(unittest.TestCase):
    def setUp(self):
        # The all-in-one's threads and memory are four services'.
        if "--separate" not in OPTIONS:
            OPTIONS.append("--separate")
        self.loop = Loop()
        self.addCleanup(self.loop.close)
        self.suite = UpstreamSuite(edge_flags=("--in-flight-max", str(2 * MANY)))
        self.addCleanup(self.suite.stop)
        self.key = self.suite.new_key("acme", wallet="1000")
        self.proxy = self.suite.talker()

    def files(self):
        return len(os.listdir(f"/proc/{self.proxy.pid}/fd"))

    def measure(self, count):
        """(threads, files, memory that came on top, outcomes) of so many at once."""
        settle()
        before, at_upstream = self.proxy.rss(), self.suite.upstream_total()
        self.proxy.forget_peak()
        data = request("POST", PATH, self.key, {
            "model": "imagen-4", "prompt": f"a lighthouse [[sandbox delay_ms={DELAY_MS[count]}]]", "size": "256x256",
            "response_format": "url"})
        connections = open_many(self.loop, count, lambda _: Connection(self.loop, self.suite.address))
        for index, one in enumerate(connections):
            self.loop.after(index * ARRIVAL_SECONDS / MANY, lambda one=one: one.send(data))
        self.wait_for_all(connections, at_upstream + count)
        in_flight = self.suite.series("prismatic_upstream_in_flight")
        threads, files = self.proxy.threads(), self.files()
        names = self.proxy.thread_names()
        self.loop.run_until(lambda: all(one.answers or one.closed for one in connections), 30, "the answers")
        grown = self.proxy.peak() - before
        for one in connections:
            one.close()
        answers = [one.answers[0] if one.answers else None for one in connections]
        print(f"\n{count:5} in flight ({in_flight:.0f} at the upstream): {threads} threads, {files} files, "
              f"{mebibytes(before)} before, {mebibytes(grown)} more at most, {grown / 1024 / count:.1f} KB each")
        return threads, files, grown, in_flight, answers, names

    def wait_for_all(self, connections, total):
        """Until each is at the upstream, or was refused before."""
        end = time.monotonic() + ARRIVAL_SECONDS + 20
        while self.suite.upstream_total() + sum(bool(one.answers) for one in connections) < total:
            self.assertLess(time.monotonic(), end, "not all came to the upstream")
            self.loop.run(0.1)

    def test_threads_do_not_grow_with_requests(self):
        self.suite.generate(key=self.key)  # what the first request costs is not what one in flight costs
        few_threads, few_files, *_ = self.measure(FEW)
        threads, files, grown, in_flight, answers, names = self.measure(MANY)
        late = sum(answer is not None and answer.code == "billing_unavailable" for answer in answers)
        delivered = sum(answer is not None and answer.status == 200 for answer in answers)
        self.assertEqual(delivered + late, MANY, [answer and (answer.status, answer.code) for answer in answers
                                                  if not answer or answer.status != 200][:5])
        self.assertLessEqual(late, LATE_MAX)
        self.assertEqual(in_flight, delivered, "not all were there at once")
        self.assertLessEqual(threads, few_threads + GRPC_THREADS_MORE, names)
        self.assertLess(files - few_files, FILES_PER_REQUEST_MAX * MANY + FILES_SPARE)
        self.assertLess(grown / MANY, BYTES_PER_REQUEST_MAX)


if __name__ == "__main__":
    unittest.main()
