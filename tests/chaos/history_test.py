#!/usr/bin/env python3
"""Clients at work over gRPC and HTTP while the services and Redis are killed, stopped, cut off and started again; in
the end the ledger must tell what the clients were told.

usage: history_test.py [--separate] [--bin DIR] [--seconds N] [--seed S] [unittest arguments]

Takes N seconds (20 unless told otherwise) and some more. The seed decides who does what; when, the machine does.
"""
import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def argument(flag, default):
    """Taken from the command line before unittest reads it."""
    if flag not in sys.argv:
        return default
    at = sys.argv.index(flag)
    value = sys.argv[at + 1]
    del sys.argv[at:at + 2]
    return int(value)


SECONDS, SEED = argument("--seconds", 20), argument("--seed", random.randrange(1 << 31))
from chaos_suite import ChaosSuite, wait_until  # noqa: E402
from load import Run, tell  # noqa: E402
from nemesis import Nemesis  # noqa: E402


class HistoryTest(unittest.TestCase):
    def test_the_ledger_tells_what_the_clients_were_told(self):
        print(f"--seed {SEED} --seconds {SECONDS}", flush=True)
        suite = ChaosSuite()
        self.addCleanup(suite.stop)
        run = Run(suite, SEED)
        run.begin()
        nemesis = Nemesis(suite, run.stop, SEED + 1)
        nemesis.start()
        began = time.monotonic()
        wait_until(lambda: nemesis.error or time.monotonic() > began + SECONDS, SECONDS + 10, "the end")
        run.stop.set()
        nemesis.join(60)
        self.assertIsNone(nemesis.error)
        suite.bring_up()
        violations, _ = run.finish()
        counts = tell(run)
        print(f"{len(nemesis.done)} harms; {time.monotonic() - began:.0f} s", flush=True)
        self.assertEqual([f"{v.rule}: {v.text}" for v in violations[:20]], [])
        suite.bypass_proxy()
        for account in run.accounts:  # a second opinion, which knows nothing of what the clients saw
            self.assertEqual(suite.cli("ledger", "verify", "--account", account.name)["differences"], [])
        # It was about something: work was done, and some of it ended without anybody knowing.
        for kind in ("reserve", "settle", "release", "top_up", "adjust", "read", "generate"):
            self.assertGreater(counts[kind]["ok"], 0, kind)
        self.assertGreater(sum(row["unknown"] for row in counts.values()), 0)
        self.assertGreater(len(nemesis.done), SECONDS // 4)


if __name__ == "__main__":
    unittest.main()
