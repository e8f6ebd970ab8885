#!/usr/bin/env python3
"""A crash at every arrow of a request: between its reservation, the upstream, its settlement and its answer.

usage: arrows_test.py [--separate] [--bin DIR] [unittest arguments]

Each row says where the request is, what dies or breaks there, what becomes of the message that was on its way, what the
client is told, and what is left: of money, quota, counters and ledger. The design, section 4: a gateway that dies
before the settlement charges nothing, its hold ends by itself; one that dies after it leaves a charge that the
Idempotency-Key finds; billing and Redis may die anywhere else without a request being charged twice or not at all.
"""
import collections
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from calls import Caller, Contract  # noqa: E402
from chaos_suite import CENT4, DOLLAR, ChaosSuite, wait_until  # noqa: E402
from oracle import redis_of  # noqa: E402
from suite import png_size  # noqa: E402
from wire import Wire, post  # noqa: E402

QUOTA = 10
# What is left of a request. HELD: a hold that nobody will settle, and that ends by its time, unless its release came
# through. ONCE: one charge, for one image.
NOTHING, HELD, ONCE = "nothing", "held", "charged once"
BROKEN = "no answer"
UNAVAILABLE = (503, "billing_unavailable")
# Either may happen, by how quickly the connection is made anew: then what is left follows from the answer.
LEFT_AFTER = {200: ONCE, 503: HELD}

Row = collections.namedtuple("Row", "where what message answer left")

SLOW = {"prompt": "a lighthouse [[sandbox delay_ms=1200]]"}
FAILING = {"prompt": "a lighthouse [[sandbox status=500]]"}
# With its base64 twice what the buffers of a connection hold: the answer is not gone before it is read.
LARGE = {"prompt": "a lighthouse [[sandbox size_bytes=6000000]]"}

KILLS = [
    Row("reserve.request", "gateway", "pass", BROKEN, HELD),
    Row("reserve.request", "billing", "lose", UNAVAILABLE, NOTHING),
    Row("reserve.request", "billing", "pass", UNAVAILABLE, HELD),  # it was in the network already
    Row("reserve.request", "provider-proxy", "pass", (503, "server_is_overloaded"), NOTHING),
    Row("reserve.request", "redis", "lose", UNAVAILABLE, NOTHING),
    Row("reserve.reply", "gateway", "pass", BROKEN, HELD),
    Row("reserve.reply", "billing", "lose", UNAVAILABLE, HELD),
    Row("reserve.reply", "provider-proxy", "pass", (503, "server_is_overloaded"), NOTHING),
    Row("reserve.reply", "redis", "lose", UNAVAILABLE, HELD),
    Row("upstream", "gateway", None, BROKEN, HELD),
    Row("upstream", "billing", None, 200, ONCE),
    Row("upstream", "provider-proxy", None, (502, "upstream_error"), NOTHING),
    Row("upstream", "redis", None, 200, ONCE),
    Row("settle.request", "gateway", "pass", BROKEN, ONCE),
    Row("settle.request", "billing", "lose", 200, ONCE),
    Row("settle.request", "billing", "pass", 200, ONCE),
    Row("settle.request", "provider-proxy", "pass", 200, ONCE),
    Row("settle.request", "redis", "lose", 200, ONCE),
    Row("settle.reply", "gateway", "pass", BROKEN, ONCE),
    Row("settle.reply", "billing", "lose", 200, ONCE),
    Row("settle.reply", "provider-proxy", "pass", 200, ONCE),
    Row("settle.reply", "redis", "lose", 200, ONCE),
    Row("release.request", "gateway", "pass", BROKEN, NOTHING),
    Row("release.request", "billing", "lose", (502, "upstream_error"), HELD),
    Row("release.request", "redis", "lose", (502, "upstream_error"), HELD),
    Row("release.reply", "gateway", "pass", BROKEN, NOTHING),
    Row("release.reply", "billing", "lose", (502, "upstream_error"), NOTHING),
    Row("release.reply", "redis", "lose", (502, "upstream_error"), NOTHING),
    Row("answer", "gateway", None, BROKEN, ONCE),
    Row("answer", "billing", None, 200, ONCE),
    Row("answer", "provider-proxy", None, 200, ONCE),
    Row("answer", "redis", None, 200, ONCE),
]
# Where everything is one process, it dies with what it has in its buffers.
KILLS_OF_ALL_IN_ONE = [
    Row("reserve.request", "all-in-one", "lose", BROKEN, NOTHING),
    Row("reserve.request", "all-in-one", "pass", BROKEN, HELD),
    Row("reserve.reply", "all-in-one", "lose", BROKEN, HELD),
    Row("upstream", "all-in-one", None, BROKEN, HELD),
    Row("settle.request", "all-in-one", "lose", BROKEN, HELD),
    Row("settle.request", "all-in-one", "pass", BROKEN, ONCE),
    Row("settle.reply", "all-in-one", "lose", BROKEN, ONCE),
    Row("release.request", "all-in-one", "lose", BROKEN, HELD),
    Row("release.request", "all-in-one", "pass", BROKEN, NOTHING),
    Row("release.reply", "all-in-one", "lose", BROKEN, NOTHING),
    Row("answer", "all-in-one", None, BROKEN, ONCE),
] + [row for row in KILLS if row.what == "redis"]
# Nobody dies: the connection to Redis does, or one message comes twice.
BREAKS = [
    Row("reserve.request", None, "lose", LEFT_AFTER, None),
    Row("reserve.request", None, "cut", LEFT_AFTER, None),
    Row("reserve.request", None, "duplicate", 200, ONCE),
    Row("reserve.reply", None, "lose", LEFT_AFTER, None),
    Row("reserve.reply", None, "cut", LEFT_AFTER, None),
    Row("settle.request", None, "lose", 200, ONCE),
    Row("settle.request", None, "cut", 200, ONCE),
    Row("settle.request", None, "duplicate", 200, ONCE),
    Row("settle.reply", None, "lose", 200, ONCE),
    Row("settle.reply", None, "cut", 200, ONCE),
    Row("release.request", None, "lose", (502, "upstream_error"), HELD),
    Row("release.request", None, "duplicate", (502, "upstream_error"), NOTHING),
    Row("release.reply", None, "lose", (502, "upstream_error"), NOTHING),
    Row("release.reply", None, "cut", (502, "upstream_error"), NOTHING),
]
# It hangs for longer than any deadline of a single call, and goes on.
STOPS = [
    Row("reserve.request", "billing", "pass", UNAVAILABLE, HELD),
    Row("reserve.reply", "redis", "pass", LEFT_AFTER, None),
    Row("upstream", "billing", None, 200, ONCE),
    Row("upstream", "redis", None, 200, ONCE),
    Row("settle.request", "redis", "pass", 200, ONCE),
    Row("settle.request", "billing", "pass", 200, ONCE),
    Row("settle.reply", "billing", "pass", 200, ONCE),
    Row("answer", "redis", None, 200, ONCE),
]
STOPPED_SECONDS = 3.5
VERBS = {"reserve": "admit", "settle": "settle", "release": "release"}


class ArrowsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = ChaosSuite()
        cls.addClassCleanup(cls.suite.stop)
        cls.caller = Caller(Contract(cls.suite))
        cls.accounts = 0

    # --- an account that pays from its wallet or from its subscription ---
    def open_account(self, source):
        type(self).accounts += 1
        self.account, self.source = f"{source}-{self.accounts}", source
        plan = {"subscription": {"quota_units": QUOTA, "period": 1}} if source == "quota" else {}
        self.caller.must("CreateAccount", name=self.account, wallet_nano_usd=DOLLAR, **plan)
        self.key = self.caller.must("CreateKey", account=self.account).api_key
        self.upstream_before = self.suite.upstream_total()

    def stands(self):
        """(balance, quota used, held of what pays, requests in flight)"""
        audit = self.caller.must("AuditAccount", account=self.account)
        account = audit.account
        self.assertEqual(account.owed_nano_usd, 0)
        plan = account.subscription
        held = plan.held_units if self.source == "quota" else account.held_nano_usd
        if self.source == "quota":
            self.assertEqual(account.held_nano_usd, 0)
        self.assertEqual((account.held_nano_usd, plan.held_units), (audit.pending_nano_usd, audit.pending_units))
        for slots in [key.concurrent for key in audit.keys] + [key.pending_count for key in audit.keys]:
            self.assertEqual(slots, account.concurrent, "the slots of account and key")
        return account.balance_nano_usd, plan.used_units, held, account.concurrent

    def charges(self):
        entries = self.caller.must("ListLedgerEntries", account=self.account).entries
        self.assertEqual([entry.sequence for entry in entries], list(range(1, len(entries) + 1)))
        charges = [entry for entry in entries if entry.type in (3, 4)]
        self.assertEqual(len(entries), len(charges) + (2 if self.source == "quota" else 1))
        return charges

    def clean(self, images):
        """What `stands` says when so many images were charged and nothing is held."""
        if self.source == "quota":
            return DOLLAR, images, 0, 0
        return DOLLAR - images * CENT4, 0, 0, 0

    # --- a request and the point that it is caught at ---
    def reach(self, where):
        """Sends a request, and returns when it is there: (its connection, the point or None)."""
        step, _, side = where.partition(".")
        fields = {"upstream": SLOW, "answer": LARGE, "release": FAILING}.get(step, {})
        point = self.suite.proxy.at(VERBS[step], side) if side else None
        wire = Wire(self.suite, timeout=60, receive_buffer=32 << 10 if step == "answer" else None)
        self.addCleanup(wire.socket.close)
        wire.send(post(self.key, fields, "Idempotency-Key: order-1"))
        if point:
            point.wait()
        elif step == "upstream":
            wait_until(lambda: self.suite.upstream_total() > self.upstream_before, 20, "the request at the upstream")
        else:
            wait_until(lambda: len(self.charges()) == 1, 20, "the charge")
        return wire, fields, point

    def answer_of(self, wire):
        """Is fetched in a thread of its own, since it may come before or after what is done next."""
        box = []

        def fetch():
            try:
                box.append(wire.answer())
            except Exception:  # pylint: disable=broad-except
                box.append(None)
        thread = threading.Thread(target=fetch)
        thread.start()
        return thread, box

    # --- what is expected ---
    def assert_answer(self, expected, answer):
        """What is left, when it follows from the answer."""
        if expected == BROKEN:
            self.assertIsNone(answer)
            return None
        self.assertIsNotNone(answer, "the connection broke")
        if expected is LEFT_AFTER:
            self.assertIn(answer.status, LEFT_AFTER)
            expected = answer.status if answer.status == 200 else UNAVAILABLE
        if expected == 200:
            self.assertEqual(answer.status, 200, answer.body[:300])
            png_size(answer.images()[0])
        else:
            self.assertEqual((answer.status, answer.error["code"]), expected)
        return LEFT_AFTER.get(answer.status)

    def assert_left(self, left, fields):
        if left == ONCE:
            self.assert_charged_once()
        else:
            self.assert_nothing_in_the_end(left)
        self.assert_repeat(left, fields)

    def assert_charged_once(self):
        wait_until(lambda: self.stands() == self.clean(1), 20, f"one charge; now {self.stands()}")
        [charge] = self.charges()
        self.assertEqual(charge.delivered_count, 1)
        self.assertEqual(charge.amount_nano_usd, 0 if self.source == "quota" else -CENT4)
        self.assertEqual((charge.units, charge.over_units), (1, 0) if self.source == "quota" else (0, 0))

    def assert_nothing_in_the_end(self, left):
        if left == NOTHING:
            wait_until(lambda: self.stands() == self.clean(0), 20, f"the release; now {self.stands()}")
        else:
            self.assertIn(self.stands()[3], (0, 1))
            with redis_of(self.suite) as redis:
                redis.end_holds()
            wait_until(lambda: self.stands() == self.clean(0), 20, f"the end of the hold; now {self.stands()}")
        self.assertEqual(self.charges(), [])

    def assert_repeat(self, left, fields):
        """The client repeats itself with its Idempotency-Key: it gets what it paid for no second time, and what was not
        charged, once."""
        if fields is FAILING:
            return
        answer = self.suite.generate(key=self.key, headers={"Idempotency-Key": "order-1"}, **fields)
        if left == ONCE:
            self.assertEqual((answer.status, answer.error["code"]), (409, "idempotency_key_completed"))
            self.assertIn(self.charges()[0].reservation_id, answer.error["message"])
        else:
            self.assertEqual(answer.status, 200, answer.body[:300])
        self.assert_charged_once()

    # --- rows ---
    def run_row(self, row, act, sources=("wallet", "quota")):
        """`act(row, wire, point)` does it, and fetches the answer as `answer_of` does."""
        for source in sources:
            with self.subTest(where=row.where, what=row.what, message=row.message, source=source):
                self.open_account(source)
                try:
                    wire, fields, point = self.reach(row.where)
                    thread, box = act(row, wire, point)
                    thread.join(60)
                    self.suite.bring_up()
                    left = self.assert_answer(row.answer, box[0])
                    self.assert_left(row.left or left, fields)
                except BaseException:
                    self.suite.bring_up()  # for the rows to come
                    raise

    def kill(self, row, wire, point):
        self.suite.kill(row.what)
        if point:
            point.decide(row.message)
        fetching = self.answer_of(wire)
        if row.answer == 200:  # else it must not come back too early
            self.suite.start_again(row.what)
        return fetching

    def hold_still(self, row, wire, point):
        with self.suite.stopped(row.what):
            if point:
                point.decide(row.message)
            fetching = self.answer_of(wire)
            fetching[0].join(STOPPED_SECONDS)
        return fetching

    def disturb(self, row, wire, point):
        point.decide(row.message)
        return self.answer_of(wire)

    def test_killed(self):
        for row in KILLS if self.suite.separate else KILLS_OF_ALL_IN_ONE:
            self.run_row(row, self.kill)

    def test_connection_to_redis_broken(self):
        for row in BREAKS:
            self.run_row(row, self.disturb)

    def test_hanging(self):
        for number, row in enumerate(STOPS):
            if row.what != "billing" or self.suite.separate:
                self.run_row(row, self.hold_still, [("wallet", "quota")[number % 2]])


if __name__ == "__main__":
    unittest.main()
