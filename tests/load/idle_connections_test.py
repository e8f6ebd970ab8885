#!/usr/bin/env python3
"""What connections cost that do nothing: processor time and memory of the process that holds them.

usage: idle_connections_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import time
import unittest

from connections import Connection, Loop, open_many, request
from load_suite import LoadSuite, mebibytes, settle

FEW, MANY = 2000, 5000
WATCHED_SECONDS = 5
# Of one core.
CPU_SHARE_MAX = 0.01
# The gate's own record of a connection with what malloc and the standard library put around it. What the
# kernel keeps for a socket is not the process's.
BYTES_PER_CONNECTION_MAX = 2 << 10
# After an answer the buffers of the exchange are given back as well; what malloc keeps in pieces is allowed for.
BYTES_PER_USED_CONNECTION_MAX = 4 << 10


class IdleConnectionsTest(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.addCleanup(self.loop.close)
        self.suite = LoadSuite("--keep-alive", "120s", "--head-time", "120s", "--connections-max", "10000")
        self.addCleanup(self.suite.stop)
        self.edge = self.suite.edge()
        # What is made once is made now: buffers of the first requests, room for the connections' table.
        for _ in range(20):
            self.suite.api("GET", "/models")

    def cpu_share(self):
        used, begun = self.edge.cpu_seconds(), time.monotonic()
        self.loop.run(WATCHED_SECONDS)
        return (self.edge.cpu_seconds() - used) / (time.monotonic() - begun)

    def use_once(self, connections):
        data = request("GET", "/healthz", self.suite.key)
        for connection in connections:
            connection.send(data)
        self.loop.run_until(lambda: all(one.answers or one.closed for one in connections), 20, "the answers")

    def test_two_thousand_cost_no_processor_time(self):
        alone = self.cpu_share()
        connections = open_many(self.loop, FEW, lambda _: Connection(self.loop, self.suite.address))
        fresh = self.cpu_share()
        self.use_once(connections)
        used = self.cpu_share()
        print(f"\n{FEW} idle connections, share of a core: {alone:.2%} without, {fresh:.2%} with them, "
              f"{used:.2%} after a request on each")
        self.assertEqual(sum(one.closed for one in connections), 0)
        self.assertLess(fresh - alone, CPU_SHARE_MAX)
        self.assertLess(used - alone, CPU_SHARE_MAX)

    def test_five_thousand_cost_little_memory(self):
        settle()
        before = self.edge.rss()
        connections = open_many(self.loop, MANY, lambda _: Connection(self.loop, self.suite.address))
        settle()
        fresh = self.edge.rss()
        self.use_once(connections)
        settle()
        used = self.edge.rss()
        threads = self.edge.threads()
        print(f"\n{MANY} idle connections: {mebibytes(before)} before, {mebibytes(fresh)} with them "
              f"({(fresh - before) / MANY:.0f} bytes each), {mebibytes(used)} after a request on each "
              f"({(used - before) / MANY:.0f} bytes each); {threads} threads")
        self.assertEqual(sum(one.closed for one in connections), 0)
        self.assertLess((fresh - before) / MANY, BYTES_PER_CONNECTION_MAX)
        self.assertLess((used - before) / MANY, BYTES_PER_USED_CONNECTION_MAX)


if __name__ == "__main__":
    unittest.main()
