#!/usr/bin/env python3
"""Clients that hang up, gateways that are killed and a billing that is away, in each phase of a request: what is charged.

usage: hangup_test.py [--separate] [--bin DIR] [unittest arguments]

The design, section 4: an image is charged when it is settled, just before its answer starts. A client that hangs up is
charged for what was made. A gateway that dies after the settlement leaves a charge that its reservation's ID finds; one
that dies earlier charges nothing and leaves a hold, which ends by itself. Never twice, and an Idempotency-Key tells.
"""
import contextlib
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from oracle import Oracle, redis_of  # noqa: E402
from suite import Suite, wait_until  # noqa: E402
from wire import Wire, post, post_head  # noqa: E402

DOLLAR, CENT4 = 1_000_000_000, 40_000_000
ORDER_1 = {"Idempotency-Key": "order-1"}
SLOW = {"prompt": "a lighthouse [[sandbox delay_ms=1200]]"}
# With its base64 twice what the buffers of a connection hold: the answer is not gone before it is read.
LARGE = {"prompt": "a lighthouse [[sandbox size_bytes=6000000]]"}
RECEIVE_BUFFER = 32 << 10


class PhasesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.accounts = 0
        # Without them no reservation comes about; the gateway itself goes on.
        cls.reservers = ("billing", "redis") if cls.suite.separate else ("redis",)

    def setUp(self):
        self.open_account()

    def open_account(self):
        type(self).accounts += 1
        self.account = f"acme-{self.accounts}"
        self.key = self.suite.new_key(self.account, wallet="1")
        self.before = self.suite.upstream_total()
        self.given_up_before = self.given_up()

    def wire(self, receive_buffer=None):
        wire = Wire(self.suite, receive_buffer=receive_buffer)
        self.addCleanup(wire.socket.close)
        return wire

    def send(self, fields, receive_buffer=None):
        wire = self.wire(receive_buffer)
        wire.send(post(self.key, fields, "Idempotency-Key: order-1"))
        return wire

    def money(self):
        shown = self.suite.account(self.account)
        return shown["balance_nano_usd"], shown["held_nano_usd"], shown["concurrent"]

    def charges(self):
        return [entry for entry in self.suite.ledger(self.account) if "charge" in entry["type"]]

    def wait_for_upstream(self):
        wait_until(lambda: self.suite.upstream_total() == self.before + 1, 10, "the request at the upstream")

    def wait_for_charge(self):
        wait_until(lambda: self.money()[0] == DOLLAR - CENT4, 10, "the charge")

    def wait_until_it_reserves(self):
        """Or has given up already: the time for that is short."""
        wait_until(lambda: self.suite.metric("prismatic_http_in_flight") == 1 or self.given_up() > self.given_up_before,
                   10, "the request in the gateway")

    def given_up(self):
        return self.suite.log(self.suite.front).count("a reservation without an answer is given up")

    def repeat(self, fields):
        return self.suite.generate(key=self.key, headers=ORDER_1, **fields)

    def assert_charged_once(self):
        self.assertEqual(self.money(), (DOLLAR - CENT4, 0, 0))
        self.assertEqual([entry["amount_nano_usd"] for entry in self.charges()], [-CENT4])

    def assert_completed(self, fields):
        """The charge that nobody got an answer for is found by its Idempotency-Key, and nothing is made again."""
        total = self.suite.upstream_total()
        answer = self.repeat(fields)
        self.assertEqual((answer.status, answer.error["code"]), (409, "idempotency_key_completed"))
        self.assertIn(self.charges()[0]["reservation_id"], answer.error["message"])
        self.assertEqual(self.suite.upstream_total(), total)
        self.assert_charged_once()

    def assert_held_until_it_ends(self, fields):
        """Nothing is charged; the same Idempotency-Key waits for the hold's end, then makes the one charge."""
        self.assertEqual(self.money(), (DOLLAR, CENT4, 1))
        total = self.suite.upstream_total()
        answer = self.repeat(fields)
        self.assertEqual((answer.status, answer.error["code"]), (409, "idempotency_key_in_use"))
        self.assertEqual((answer.headers["x-should-retry"], answer.headers["retry-after"]), ("true", "2"))
        self.assertEqual(self.suite.upstream_total(), total)
        with redis_of(self.suite) as redis:
            redis.end_holds()
        wait_until(lambda: self.money() == (DOLLAR, 0, 0), 10, "the end of the hold")
        self.assertEqual(self.charges(), [])
        self.assertEqual(self.repeat(fields).status, 200)
        self.assert_charged_once()


class HangUpTest(PhasesTest):
    def test_before_the_body_is_complete_nothing_has_happened(self):
        oracle = Oracle(self.suite)
        wire = self.wire()
        wire.send(post_head(self.key, 500) + b'{"model": "imagen-4", "prompt": ')
        wire.say_no_more()
        rest = b"".join(iter(lambda: wire.socket.recv(4096), b""))  # until the gateway has ended it, too
        self.assertNotIn(b" 200 ", rest.partition(b"\r\n")[0])
        oracle.assert_untouched(self)

    def test_while_it_is_reserved_nothing_is_charged(self):
        for process in self.reservers:
            with self.subTest(process):
                self.open_account()
                self.check_reserving(process)

    def check_reserving(self, process):
        with self.suite.stopped(process):
            wire = self.send({})
            self.wait_until_it_reserves()
            wire.hang_up()
        wait_until(lambda: self.suite.metric("prismatic_http_in_flight") == 0, 15, "the end of the request")
        wait_until(lambda: self.money()[1:] == (0, 0), 15, "the release")
        # It was too late for billing, or just in time: then it was made, and is charged, once.
        made = self.suite.upstream_total() - self.before
        self.assertEqual((self.money()[0], len(self.charges())), (DOLLAR - made * CENT4, made))

    def test_at_the_upstream_it_is_charged_for_what_was_made(self):
        wire = self.send(SLOW)
        self.wait_for_upstream()
        self.assertEqual(self.money(), (DOLLAR, CENT4, 1))
        wire.hang_up()
        self.wait_for_charge()
        self.assert_completed(SLOW)

    def test_at_a_failing_upstream_nothing_is_charged(self):
        fields = {"prompt": "a lighthouse [[sandbox delay_ms=700 status=500]]"}
        wire = self.send(fields)
        self.wait_for_upstream()
        wire.hang_up()
        wait_until(lambda: self.money() == (DOLLAR, 0, 0), 10, "the release")
        self.assertEqual(self.charges(), [])

    def test_while_it_is_answered_it_stays_charged(self):
        wire = self.send(LARGE, RECEIVE_BUFFER)
        self.wait_for_charge()
        self.assertEqual(wire.socket.recv(12), b"HTTP/1.1 200")
        wire.hang_up()
        wait_until(lambda: self.suite.metric("prismatic_http_in_flight") == 0, 10, "the end of the request")
        self.assert_completed(LARGE)


class KilledGatewayTest(PhasesTest):
    """The process that clients talk to, by SIGKILL: the gateway, or all services at once."""

    def kill(self):
        self.suite.kill(self.suite.front)

    def start_again(self):
        self.suite.start_again(self.suite.front)
        self.suite.wait_ready()

    def test_before_the_body_is_complete_nothing_has_happened(self):
        oracle = Oracle(self.suite)
        wire = self.wire()
        wire.send(post_head(self.key, 500) + b'{"model": "imagen-4", "prompt": ')
        self.suite.wait_ready()  # has read what came before
        self.kill()
        self.assertTrue(wire.is_closed())
        self.start_again()
        oracle.assert_untouched(self)

    def test_while_it_reserves_nothing_is_charged(self):
        for process in self.reservers:
            with self.subTest(process):
                self.open_account()
                self.check_reserving(process)

    def check_reserving(self, process):
        with self.suite.stopped(process):
            self.send({})
            self.wait_until_it_reserves()
            self.kill()
        self.start_again()
        self.assertEqual((self.money()[0], self.charges()), (DOLLAR, []))
        self.assertEqual(self.suite.upstream_total(), self.before)
        if self.money()[1]:  # billing got it and could tell nobody
            self.assert_held_until_it_ends({})
        else:
            self.assertEqual(self.repeat({}).status, 200)
            self.assert_charged_once()

    def test_while_it_generates_nothing_is_charged(self):
        self.send(SLOW)
        self.wait_for_upstream()
        self.kill()
        self.start_again()
        self.assert_held_until_it_ends(SLOW)

    def test_while_it_settles_it_is_charged_once_or_held(self):
        def answered():
            return self.suite.metric("prismatic_upstream_requests_total", "provider-proxy")
        made = answered()
        self.send(SLOW)
        self.wait_for_upstream()
        with self.suite.stopped("redis"):
            wait_until(lambda: answered() > made, 10, "the picture")
            self.kill()
        self.start_again()
        if self.charges():  # the settlement was under way
            self.assert_completed(SLOW)
        else:
            self.assert_held_until_it_ends(SLOW)

    def test_while_it_answers_it_stays_charged(self):
        wire = self.send(LARGE, RECEIVE_BUFFER)
        self.wait_for_charge()
        self.kill()
        with self.assertRaises(Exception):
            wire.answer()
        self.start_again()
        self.assert_completed(LARGE)


class BillingAwayTest(PhasesTest):
    """What cannot be given back at once is given back as soon as billing is there again."""

    def wait_for_the_release(self):
        wait_until(lambda: self.money() == (DOLLAR, 0, 0), 10, "the release")
        self.assertEqual(self.charges(), [])

    def check_a_failure(self, away):
        wire = self.send({"prompt": "a lighthouse [[sandbox delay_ms=700 status=500]]"})
        self.wait_for_upstream()
        with away:
            self.assertEqual(wire.answer().status, 502)
        self.wait_for_the_release()
        self.assertEqual(self.repeat({}).error["code"], "idempotency_key_reused")  # known, and free for the same body

    def test_a_failure_while_redis_hangs_is_given_back(self):
        self.check_a_failure(self.suite.stopped("redis"))

    def test_a_failure_while_billing_is_restarted_is_given_back(self):
        if not self.suite.separate:
            return  # there billing goes with the gateway, see KilledGatewayTest
        self.check_a_failure(self.away("billing"))

    @contextlib.contextmanager
    def away(self, process):
        self.suite.kill(process)
        yield
        self.suite.start_again(process)
        self.suite.wait_ready()

    def test_reservations_without_an_answer_are_given_back(self):
        with self.suite.stopped("redis"):
            wires = [self.wire() for _ in range(20)]
            for wire in wires:
                wire.send(post(self.key, {}))
            codes = {wire.answer().error["code"] for wire in wires}
        self.assertEqual(codes, {"billing_unavailable"})
        self.wait_for_the_release()


del PhasesTest  # has no tests of its own

if __name__ == "__main__":
    unittest.main()
