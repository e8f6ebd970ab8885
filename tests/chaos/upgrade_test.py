#!/usr/bin/env python3
"""A rolling upgrade: billing replicas of two versions, whose Redis functions have different names, side by side on the
same data, while clients move from one to the other.

usage: upgrade_test.py [--bin DIR] [unittest arguments]

Always runs separate processes. The second version is a copy of the first with one letter of a comment of its Redis
functions altered: the hash in the library's name is made of the source, so for Redis it is another library.
"""
import os
import random
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from calls import OK, Caller, uuid7  # noqa: E402
from chaos_suite import CENT4, OPTIONS, with_flag  # noqa: E402
from load import Run, tell  # noqa: E402
from oracle import redis_of  # noqa: E402
from patched import patched  # noqa: E402
from sentinels import free_port  # noqa: E402
from suite import Suite, ended, wait_until  # noqa: E402

COMMENT, OTHER_COMMENT = "-- settle: charges what was delivered", "-- settle: Charges what was delivered"
PHASE_SECONDS = 2.5
if "--separate" not in OPTIONS:
    OPTIONS.append("--separate")


class Spread:
    """A client that has connections to several replicas and takes any of them for each call."""

    def __init__(self, run):
        self.run, self.callers, self.random = run, {}, random.Random(run.seed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for caller in self.callers.values():
            caller.__exit__()

    def call(self, method, **fields):
        name = self.random.choice(list(self.run.replicas))
        if name not in self.callers:
            self.callers[name] = Caller(self.run.contract, self.run.known[name])
        return self.callers[name].call(method, **fields)


class UpgradeRun(Run):
    """`replicas` are the names of those that clients are sent to now, of `known` (their addresses)."""

    def __init__(self, suite, seed):
        super().__init__(suite, seed)
        self.known = {"old": self.contract.addresses}
        self.replicas = ["old"]

    def new_caller(self):
        return Spread(self)


class UpgradeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.run_of = UpgradeRun(cls.suite, 1)
        cls.other = patched(cls.suite.commands["billing"][0][0], cls.suite.state, "other", COMMENT, OTHER_COMMENT)

    def start_other(self):
        """A second replica, of the other version, on ports of its own."""
        command, environment = self.suite.commands["billing"]
        addresses = {}
        for port, flag in (("billing", "--listen"), ("admin", "--admin-listen"), ("metrics", "--metrics-listen")):
            addresses[port] = f"127.0.0.1:{free_port()}"
            command = with_flag(command, flag, addresses[port])
        with open(os.path.join(self.suite.state, "billing-other.log"), "ab") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [self.other, *command[1:]], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        del addresses["metrics"]
        self.run_of.known["new"] = addresses
        return Caller(self.run_of.contract, addresses)

    def libraries(self):
        """{name: source} of billing's libraries in Redis."""
        with redis_of(self.suite) as redis:
            listed = redis.call("FUNCTION", "LIST", "LIBRARYNAME", "billing_*", "WITHCODE")
        fields = [dict(zip(library[::2], library[1::2])) for library in listed]
        return {library[b"library_name"].decode(): library[b"library_code"].decode() for library in fields}

    def assert_each_has_its_own_source(self, libraries):
        for name, source in libraries.items():
            self.assertTrue(source.startswith("#!lua name=" + name))
        old, new = sorted(libraries.values(), key=lambda source: OTHER_COMMENT in source)
        self.assertIn(COMMENT, old)
        names = re.compile(r"billing_1_[0-9a-f]{8}")
        self.assertIn(OTHER_COMMENT, new)
        self.assertTrue(names.sub("", new.replace(OTHER_COMMENT, COMMENT)) == names.sub("", old),
                        "they differ in more than the comment and their names")

    def work(self):
        began = time.monotonic()
        wait_until(lambda: time.monotonic() > began + PHASE_SECONDS and len(self.settled(began)) > 20, 40,
                   "acknowledged settlements")

    def settled(self, since):
        return [call for call in list(self.run_of.history.operations)
                if call.kind == "settle" and call.outcome == OK and call.invoked > since]

    def test_one_version_goes_on_with_what_the_other_began(self):
        """Every step of a reservation by another version than the step before."""
        old, new = Caller(self.run_of.contract), self.start_other()
        old.must("CreateAccount", name="both", wallet_nano_usd=10 * CENT4)
        key = new.must("CreateKey", account="both").api_key
        asked = {"api_key": key, "attempt_id": uuid7(), "model": "imagen-4", "image_count": 3}
        for first, second in ((old, new), (new, old)):
            asked["attempt_id"] = uuid7()
            held = first.must("CreateReservation", **asked)
            self.assertTrue(second.must("CreateReservation", **asked).replayed)
            identity = held.reservation.id
            charged = second.must("SettleReservation", reservation_id=identity, delivered_count=2)
            again = first.must("SettleReservation", reservation_id=identity, delivered_count=2)
            self.assertEqual((again.replayed, again.ledger_sequence), (True, charged.ledger_sequence))
            paid = {"account": "both", "amount_nano_usd": 1, "request_id": identity}
            self.assertFalse(second.must("TopUpWallet", **paid).replayed)
            self.assertTrue(first.must("TopUpWallet", **paid).replayed)
        account = old.must("GetAccount", name="both").account
        self.assertEqual((account.balance_nano_usd, account.held_nano_usd), (6 * CENT4 + 2, 0))
        libraries = self.libraries()
        self.assertEqual(len(libraries), 2)
        self.assert_each_has_its_own_source(libraries)

    def test_clients_move_over_under_load_and_nothing_is_lost(self):
        run = self.run_of
        run.begin()
        self.work()
        with self.start_other() as new:
            new.must("GetAccount", name="rich")
            run.replicas[:] = ["old", "new"]
            self.work()
            run.replicas[:] = ["new"]
            time.sleep(0.5)  # calls that are under way at the old one
            self.end_old()
            self.work()
            self.upgrade_in_place()
            run.replicas[:] = ["old", "new"]  # the old one's address, which the gateway knows
            self.work()
            self.assertEqual(len(self.libraries()), 2)
            self.assert_each_has_its_own_source(self.libraries())
            violations, _ = run.finish()
        counts = tell(run)
        self.assertEqual([f"{v.rule}: {v.text}" for v in violations[:20]], [])
        self.assertGreater(counts["generate"]["ok"], 0)
        for kind in ("settle", "top_up", "adjust", "revoke"):
            self.assertEqual(counts[kind]["unknown"], 0, f"{kind}: somebody noticed the upgrade")

    def end_old(self):
        pid = self.suite.pid("billing")
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: ended(pid), 20, "the end of the old replica")

    def upgrade_in_place(self):
        command, environment = self.suite.commands["billing"]
        self.suite.commands["billing"] = ([self.other, *command[1:]], environment)
        self.suite.start_again("billing")
        self.suite.wait_ready()


if __name__ == "__main__":
    unittest.main()
