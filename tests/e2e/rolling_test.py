#!/usr/bin/env python3
"""Two replicas of each service behind names, as a cluster runs them: everything is restarted under load and no request
is lost; new replicas are found; those that die, hang or are not ready are left.

usage: rolling_test.py [--bin DIR] [unittest arguments]
"""
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from balancer import Balancer  # noqa: E402
from cluster import Cluster  # noqa: E402
from replicas import SERVICES  # noqa: E402
from steady_load import SteadyLoad  # noqa: E402
from suite import wait_until  # noqa: E402

DOLLAR, CENT4 = 1_000_000_000, 40_000_000
WALLET_DOLLARS = 1000
# Twelve times as often as by default, so that a test sees it; the delay is a fifth of the chart's.
FLAGS = ("--drain-delay=2s",)
AGE = {service: ["--connection-age=5s"] for service in SERVICES if service != "gateway"}
# What a release promises: a new replica has work within 90 s, one that died is left within 2 s, one that is silent
# within 30 s.
FOUND_SECONDS, DEAD_SECONDS, SILENT_SECONDS = 90, 2, 30


class RollingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(*FLAGS)
        cls.addClassCleanup(cls.cluster.stop)
        cls.accounts = 0

    def setUp(self):
        type(self).accounts += 1
        self.account = f"acme-{self.accounts}"
        self.key = self.cluster.new_key(self.account, wallet=str(WALLET_DOLLARS))

    def tearDown(self):
        for name in self.cluster.started:  # what a server says to a client whose keepalive it takes for abuse
            self.assertNotIn("too_many_pings", self.cluster.log(name), name)

    def load(self, **options):
        return SteadyLoad(self.cluster, self.key, **options)

    def assert_none_lost(self, load, since=0.0):
        lost = load.lost(since)
        self.assertEqual([str(each) for each in lost[:10]], [], f"{len(lost)} of {len(load.outcomes)} were lost")

    def assert_books_are_exact(self, load):
        """Each picture was paid, and nothing else."""
        charges = len(load.good("generate"))
        wait_until(lambda: self.cluster.account(self.account)["held_nano_usd"] == 0, 30, "the end of all holds")
        account = self.cluster.account(self.account)
        self.assertEqual((account["balance_nano_usd"], account["owed_nano_usd"], account["concurrent"]),
                         (WALLET_DOLLARS * DOLLAR - charges * CENT4, 0, 0))
        charged = [entry for entry in self.cluster.ledger(self.account) if entry["type"] == "charge"]
        self.assertEqual(len(charged), charges)

    def tell(self, load, words):
        slowest = max(each.seconds for each in load.outcomes)
        print(f"\n{words}: {len(load.outcomes)} requests, {len(load.lost())} not answered with 200, "
              f"slowest {slowest:.2f} s", flush=True)

    def settle(self, load):
        """Until every gateway has found all replicas, those too that a test before has left."""
        load.await_good(10)
        known = [each for service in SERVICES[:-1] for each in self.pair(service)]
        wait_until(lambda: all(self.cluster.is_known(each) for each in known), 60, "all replicas to be known")

    def pair(self, service):
        return self.cluster.replicas[service]

    def replace(self, olds):
        """New replicas for old ones, of different services, all at once; each old one goes when its successor is
        ready. The new ones."""
        fresh = [self.cluster.start(old.service, *AGE.get(old.service, ())) for old in olds]
        for replica, old in zip(fresh, olds):
            self.cluster.add(replica)
            self.cluster.retire(old)
        for old in olds:
            self.assertEqual(self.cluster.wait_ended(old), 0, old.name)
        return fresh

    def test_a_rolling_restart_of_everything_loses_no_request(self):
        with self.load() as load:
            for _ in range(2):
                # What minReadySeconds is for on Kubernetes: the next one goes when this one is known.
                self.settle(load)
                self.replace([self.pair(service)[0] for service in SERVICES])
            load.await_good(10)
        self.assert_none_lost(load)
        self.assert_books_are_exact(load)
        self.tell(load, "All services restarted, one replica of each at a time")

    def test_a_new_replica_gets_work(self):
        with self.load() as load:
            self.settle(load)
            # Connections of some age, which end.
            self.replace([self.pair(service)[0] for service in ("billing", "provider-proxy")])
            began = time.monotonic()
            fresh = [self.cluster.add(self.cluster.start(service)) for service in ("billing", "provider-proxy")]
            for replica in fresh:
                wait_until(lambda each=replica: self.cluster.is_known(each) and each.handled() > 0, FOUND_SECONDS,
                           f"work for {replica.name}")
            found = time.monotonic() - began
            for replica in fresh:
                self.cluster.retire(replica)
                self.assertEqual(self.cluster.wait_ended(replica), 0)
        self.assert_none_lost(load)
        self.assert_books_are_exact(load)
        self.tell(load, f"New replicas had work after {found:.1f} s")

    def test_a_dead_replica_is_left_within_two_seconds(self):
        with self.load() as load:
            for service in ("billing", "provider-proxy", "registry"):
                self.settle(load)
                victim = self.pair(service)[0]
                victim.signal(signal.SIGKILL)
                killed = time.monotonic()
                # The name server knows it still, as a cluster's does for a while.
                load.await_good(20, since=killed + DEAD_SECONDS)
                self.assert_none_lost(load, since=killed + DEAD_SECONDS)
                self.cluster.forget(victim)
                self.cluster.add(self.cluster.start(service))
        for each in load.lost():
            self.assertGreaterEqual(each.status, 500, each)
        self.assert_books_are_exact(load)
        self.tell(load, "Three replicas died")

    def test_a_silent_replica_is_left_within_half_a_minute(self):
        victims = [self.pair(service)[0] for service in ("billing", "provider-proxy", "registry")]
        with self.load() as load:
            self.settle(load)
            stopped = time.monotonic()
            for victim in victims:
                victim.signal(signal.SIGSTOP)
            load.await_good(20, SILENT_SECONDS + 30, since=stopped + SILENT_SECONDS)
        self.assert_none_lost(load, since=stopped + SILENT_SECONDS)
        for each in load.lost():
            self.assertGreaterEqual(each.status, 500, each)
        self.assertLess(max(each.seconds for each in load.good(since=stopped + SILENT_SECONDS)), DEAD_SECONDS)
        for victim in victims:
            victim.signal(signal.SIGCONT)
        for victim in victims:
            wait_until(lambda each=victim: each.says(), 10, f"{victim.name} to be back")
        self.assert_books_are_exact(load)
        self.tell(load, "Three replicas fell silent")

    def test_a_replica_that_is_not_ready_gets_no_calls(self):
        """Of billing, whose way to Redis is not there, comes, and goes."""
        way = Balancer()
        self.addCleanup(way.close)
        host, _, port = self.cluster.env["PRISMATIC_REDIS_URL"].removeprefix("redis://").partition(":")
        with self.load() as load:
            self.settle(load)
            # Connections of some age, which end, so that names are looked up.
            self.replace([self.pair("billing")[0]])
            replica = self.cluster.start("billing", f"--redis=redis://{way.address}")
            self.cluster.add(replica, ready=False)
            wait_until(lambda: self.cluster.is_known(replica), FOUND_SECONDS, "a connection to it")
            load.await_good(20)
            self.assertEqual((replica.says(), replica.says("liveness"), replica.handled()), (False, True, 0))
            way.backends = {(host, int(port)): None}
            wait_until(lambda: replica.handled() > 0, 30, "work for it")
            self.assert_none_lost(load)
            way.cut()
            wait_until(lambda: not replica.says(), 10, "the fall of its readiness")
            left = time.monotonic()
            load.await_good(1, since=left)
            handled = replica.handled()
            load.await_good(20)
            self.assertEqual(replica.handled(), handled)
            self.assert_none_lost(load, since=left)
            self.cluster.retire(replica)
            self.assertEqual(self.cluster.wait_ended(replica), 0)
        self.assert_books_are_exact(load)
        self.tell(load, "A billing without Redis came and went")


if __name__ == "__main__":
    unittest.main(verbosity=2)
