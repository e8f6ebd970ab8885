#!/usr/bin/env python3
"""A real Sentinel set under load: its master dies, and its replica does. With wait=1 nothing that was acknowledged is
lost, and nothing stalls for longer than the manual says (docs/how-to/redis.md).

usage: sentinel_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import itertools
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from calls import OK, UNKNOWN, uuid7  # noqa: E402
from chaos_suite import with_flag  # noqa: E402
from load import Run, tell  # noqa: E402
from sentinels import Sentinels  # noqa: E402
from suite import Suite, wait_until  # noqa: E402

# A sentinel that saw a stall of its own looks away for half a minute: the failover itself may take so long.
ELECTION_SECONDS = 60
# From then on: billing asks the sentinels each second while it is connected, and each second at most while it is not.
RESUME_SECONDS = 5
# A replica that is waited for and does not answer costs 50 ms for each batch of lasting writes.
ALONE_SECONDS = 4
SLOWEST_SECONDS = 2.5  # what one call may take at most: Redis' deadline for a lasting write, and some


class SentinelSuite(Suite):
    """Billing and the registry have a Sentinel set for their Redis."""

    def __init__(self, sentinels):
        super().__init__()
        try:
            for name in ("billing", "registry") if self.separate else ("all-in-one",):
                command, environment = self.commands[name]
                self.commands[name] = (with_flag(command, "--redis", sentinels.url()), environment)
                self.kill(name)
                self.start_again(name)
            # The account that the suite was started with lives in another Redis: it is unknown now.
            wait_until(lambda: self.models_status() == 401, 30, "billing")
        except BaseException:
            self.stop()
            raise

    def models_status(self):
        try:
            return self.api("GET", "/models").status
        except OSError:
            return None


class SentinelTest(unittest.TestCase):
    numbers = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        cls.sentinels = Sentinels()
        cls.addClassCleanup(cls.sentinels.close)
        cls.suite = SentinelSuite(cls.sentinels)
        cls.addClassCleanup(cls.suite.stop)

    def setUp(self):
        self.sentinels.mend()
        self.run_of = Run(self.suite, 1, may_forget=True, prefix=f"run-{next(self.numbers)}-")
        self.run_of.begin(buyers=1)
        self.addCleanup(self.run_of.stop.set)

    def acknowledged(self, since, kinds=("settle", "top_up", "adjust", "revoke")):
        return [call for call in list(self.run_of.history.operations)
                if call.kind in kinds and call.outcome == OK and call.invoked > since]

    def work(self, seconds):
        """Until so much time has passed and lasting writes were acknowledged in it."""
        began = time.monotonic()
        wait_until(lambda: time.monotonic() > began + seconds and len(self.acknowledged(began)) > 20, seconds + 30,
                   "acknowledged writes")

    def finish(self, *is_excused):
        self.run_of.redis_url = f"redis://127.0.0.1:{self.sentinels.master()}"
        violations, excused = self.run_of.finish(*is_excused)
        tell(self.run_of)
        self.assertEqual([f"{v.rule}: {v.text}" for v in violations[:20]], [])
        return excused

    def test_a_master_that_dies_takes_nothing_along_that_was_acknowledged(self):
        self.work(2)
        for _ in range(2):  # there, and back again
            master = self.sentinels.master()
            killed = time.monotonic()
            self.sentinels.kill(master)
            wait_until(lambda old=master: self.sentinels.master() not in (old, None), ELECTION_SECONDS, "the failover")
            elected = time.monotonic()
            # Without a replica only settlements are acknowledged.
            wait_until(lambda since=elected: len(self.acknowledged(since, ("settle",))) > 2, RESUME_SECONDS,
                       "settlements at the new master")
            print(f"failover after {elected - killed:.1f} s, acknowledged {time.monotonic() - elected:.1f} s later",
                  flush=True)
            # Whoever was the master is a replica now, and takes over what it does not know.
            self.sentinels.start(master, "--replicaof", "127.0.0.1", str(self.sentinels.other(master)))
            wait_until(lambda old=master: self.sentinels.replicas(self.sentinels.other(old)) == 1, 120, "the replica")
            self.work(2)
        self.finish()

    def test_a_master_that_hangs_and_comes_back_loses_only_what_is_named(self):
        """For a moment there are two masters, and what the old one accepts is thrown away by the sentinels: no
        replica confirmed it. Top-ups and the like are not acknowledged then. Settlements are, and are made again; where
        the reservation itself was made in that moment they cannot be, and a log names each."""
        self.work(2)
        held = [self.hold() for _ in range(10)]
        master = self.sentinels.master()
        self.sentinels.stop(master)
        wait_until(lambda: self.sentinels.master() not in (master, None), ELECTION_SECONDS, "the failover")
        self.sentinels.go_on(master)
        for reservation in held:
            self.run_of.clients[0].settle(reservation, 1)
        wait_until(lambda: self.sentinels.replicas(self.sentinels.other(master)) == 1, 120,
                   "the old master as a replica")
        self.work(2)
        # What the old master told of its own ledger in that moment is not what became of it.
        lost = self.finish(lambda violation: violation.rule in ("order", "stale", "different")
                           or violation.rule == "lost" and self.is_named(violation.about))
        named = self.named()
        self.assertEqual(named & set(held), set(), "these were known to the new master")
        print(f"{len(named)} settlements named as lost, {sum(v.rule == 'lost' for v in lost)} of them acknowledged, "
              f"{self.suite.metric('prismatic_settlements_resent_total', 'billing'):.0f} made again", flush=True)

    def named(self):
        """By billing where it had acknowledged the settlement, by the gateway where it had not."""
        processes = ("billing", "gateway") if self.suite.separate else ("all-in-one",)
        return {name for process in processes for name in re.findall(
            r'"(?:a settlement that a failover lost cannot be made again|settlement lost|settlement refused)".*?'
            r'"reservation":"([^"]+)"', self.suite.log(process))}

    def is_named(self, reservation):
        """On a busy machine billing may not have come to it yet."""
        try:
            wait_until(lambda: reservation in self.named(), 20, "the name of what was lost")
        except AssertionError:
            return False
        return True

    def hold(self):
        """A reservation that the replica knows."""
        client, (key_id, secret) = self.run_of.clients[0], self.run_of.accounts[0].keys[-1]
        attempt = uuid7()
        reserved = client.until_known(lambda: client.reserve(key_id, secret, attempt, 1))
        self.assertEqual(reserved.outcome, OK)
        return f"{client.account.name}.{attempt}"

    def test_a_replica_that_dies_stops_no_sales(self):
        self.work(2)
        master = self.sentinels.master()
        replica = self.sentinels.other(master)
        self.sentinels.kill(replica)
        killed = time.monotonic()
        time.sleep(ALONE_SECONDS)
        alone = [call for call in list(self.run_of.history.operations)
                 if call.invoked > killed and call.completed < time.monotonic()]
        self.sentinels.start(replica, "--replicaof", "127.0.0.1", str(master))
        wait_until(lambda: self.sentinels.replicas(master) == 1, 60, "the replica")
        self.work(2)
        self.check_alone(alone)
        self.assertGreater(self.suite.metric("prismatic_redis_unconfirmed_total", "billing"), 0)
        self.finish()

    def check_alone(self, calls):
        """Reservations and settlements go on; what may not be lost is said to be unknown, and is asked for again."""
        done = {kind: [call for call in calls if call.kind == kind and call.outcome == OK]
                for kind in ("reserve", "settle", "release", "top_up", "generate")}
        for kind in ("reserve", "settle", "release", "generate"):
            self.assertGreater(len(done[kind]), 0, kind)
        self.assertEqual(done["top_up"], [], "a top-up was acknowledged that no replica has")
        self.assertGreater(len([call for call in calls if call.kind == "top_up" and call.outcome == UNKNOWN]), 0)
        slowest = max((call.completed - call.invoked for call in calls if call.kind != "generate"), default=0)
        print(f"alone: the slowest call took {slowest:.2f} s", flush=True)
        self.assertLess(slowest, SLOWEST_SECONDS)
        self.assertLess(max(later.completed - earlier.completed for earlier, later in zip(
            done["reserve"], done["reserve"][1:])), 2, "reservations paused")


if __name__ == "__main__":
    unittest.main()
