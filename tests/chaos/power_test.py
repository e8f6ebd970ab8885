#!/usr/bin/env python3
"""Whether the history checker would notice: billing with one deliberate fault each, and clients at work. Every fault is
found, by the rule that it breaks.

usage: power_test.py [--bin DIR] [unittest arguments]

Always runs separate processes. Takes a few seconds for each fault.
"""
import collections
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chaos_suite import OPTIONS  # noqa: E402
from load import Run  # noqa: E402
from patched import patched  # noqa: E402
from suite import Suite, wait_until  # noqa: E402

if "--separate" not in OPTIONS:
    OPTIONS.append("--separate")
SETTLED_MIN = 60
# After two of three revocations the key is tried.
REVOKED_MIN = 8

# `rule`: one that must be reported. More may be.
Fault = collections.namedtuple("Fault", "name old new rule")
FAULTS = [
    Fault("a-payment-is-not-remembered", "  redis.call('SET', keys[2], text(amount) .. '|' .. text(account.seq))\n", "",
          "twice"),
    Fault("a-charge-is-not-remembered",
          "  write_short_record(r)\n  if was_pending then redis.call('ZREM', keys[3], id) end",
          "  if was_pending then redis.call('ZREM', keys[3], id) end", "twice"),
    Fault("an-attempt-is-not-recognised",
          "  if known then return admit_again(q, known, now, key, account, only_check) end",
          "", "twice"),
    Fault("a-revoked-key-works", "  key.state = 'revoked'\n", "  key.state = 'active'\n", "revoked"),
    Fault("all-that-was-held-is-charged", "  give_back(account, r)\n  r.charge = r.unit * r.delivered\n",
          "  give_back(account, r)\n  r.charge = r.unit * r.n\n", "different"),
    Fault("a-charge-has-no-entry", "  append_ledger(keys[4], account, now, entry)\n  write_counters(day.usage, usage)\n",
          "  write_counters(day.usage, usage)\n", "lost"),
    Fault("a-number-is-left-out", "  account.seq = account.seq + 1\n  r.seq = account.seq\n",
          "  account.seq = account.seq + 2\n  r.seq = account.seq\n", "gap"),
    Fault("a-slot-does-not-come-back", "  account.cc = math.max(0, account.cc - 1)\n", "", "stuck"),
    Fault("a-hold-is-not-given-back", "  account.held = account.held - r.amount\n", "", "stuck"),
    Fault("units-are-not-counted", "    sub.used = sub.used + entry.units\n", "", "end"),
]


class PowerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.command, cls.environment = cls.suite.commands["billing"]

    def run_with(self, program, prefix):
        """The rules that a short run with this billing breaks."""
        self.suite.commands["billing"] = ([program, *self.command[1:]], self.environment)
        self.suite.restart("billing")
        wait_until(lambda: self.suite.generate().status == 200, 20, "a generation")
        run = Run(self.suite, 1, prefix=prefix, patience=3, keep=False)
        run.begin(buyers=1)
        try:
            began = time.monotonic()
            wait_until(lambda: run.history.counts().get("settle", {"ok": 0})["ok"] > SETTLED_MIN
                       and run.history.counts().get("revoke", {"ok": 0})["ok"] > REVOKED_MIN
                       or time.monotonic() > began + 15, 30, "some work")
            violations, _ = run.finish()
        finally:
            run.stop.set()
        return {violation.rule for violation in violations}

    def test_without_a_fault_nothing_is_found(self):
        self.assertEqual(self.run_with(self.command[0], "right-"), set())

    def test_each_fault_is_found(self):
        for number, fault in enumerate(FAULTS):
            with self.subTest(fault.name):
                rules = self.run_with(patched(self.command[0], self.suite.state, fault.name, fault.old, fault.new),
                                      f"fault-{number}-")
                print(f"{fault.name}: {', '.join(sorted(rules))}", flush=True)
                self.assertIn(fault.rule, rules)


if __name__ == "__main__":
    unittest.main()
