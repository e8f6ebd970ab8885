#!/usr/bin/env python3
"""The checker finds what is wrong: histories and books that are right, with one thing altered each.

usage: checker_test.py [unittest arguments]
"""
import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checker import Book, check  # noqa: E402
from history import FAILED, OK, UNKNOWN, Operation  # noqa: E402

PRICE = 40


class Clock:
    now = 0.0

    @classmethod
    def tick(cls):
        cls.now += 1
        return cls.now


def done(kind, outcome, asked, reason="", **told):
    return Operation(int(Clock.now), kind, "acme", asked, Clock.tick(), Clock.tick(), outcome, reason, told)


def entry(sequence, kind, amount, balance, reservation="", request="", delivered=0, images=0):
    return {"sequence": sequence, "type": kind, "amount": amount, "owed_change": 0, "balance": balance, "owed": 0,
            "reservation_id": reservation, "request_id": request, "delivered": delivered, "images": images, "units": 0,
            "over_units": 0}


def reserve(name, outcome=OK, replayed=False, key="acme.1"):
    return done("reserve", outcome, {"reservation_id": name, "key_id": key}, replayed=replayed)


def settle(name, delivered, outcome=OK, sequence=0, reason=""):
    return done("settle", outcome, {"reservation_id": name, "delivered": delivered}, reason, sequence=sequence,
                replayed=False)


def top_up(name, amount, outcome=OK, sequence=0):
    return done("top_up", outcome, {"request_id": name, "amount": amount}, sequence=sequence, replayed=False)


def generate(purchase, outcome, **told):
    return done("generate", outcome, {"purchase": purchase}, **told)


def read(sequence, balance, held=0):
    return done("read", OK, {}, sequence=sequence, balance=balance, held=held, owed=0)


def a_history():
    """Right in all: money in, a settlement of two of three, one nobody knows of, a release, a key that ends, and two
    purchases over HTTP."""
    operations = [
        read(1, 1000), reserve("acme.a"), settle("acme.a", 2, sequence=2), read(2, 920),
        top_up("t1", 500, sequence=3), reserve("acme.b"), settle("acme.b", 1, UNKNOWN),
        reserve("acme.c"), done("release", OK, {"reservation_id": "acme.c"}),
        settle("acme.c", 1, FAILED, reason="RESERVATION_RESOLVED"),
        top_up("t2", 7, UNKNOWN), top_up("t3", 9, FAILED),
        done("revoke", OK, {"key_id": "acme.2"}),
        generate("p1", UNKNOWN), generate("p1", FAILED, reservation_id="acme.d"),
        generate("p2", FAILED, attempt="acme.e"), generate("p2", OK, reservation_id="acme.f", images=1, cost=PRICE)]
    entries = [entry(1, "top_up", 1000, 1000, request="opening"),
               entry(2, "charge", -80, 920, "acme.a", delivered=2, images=3),
               entry(3, "top_up", 500, 1420, request="t1"),
               entry(4, "charge", -40, 1380, "acme.b", delivered=1, images=1),
               entry(5, "charge", -40, 1340, "acme.d", delivered=1, images=1),
               entry(6, "charge", -40, 1300, "acme.f", delivered=1, images=1)]
    account = {"balance": 1300, "owed": 0, "held": 0, "concurrent": 0, "sequence": 6, "used": 0, "held_units": 0,
               "over": 0}
    return operations, Book(entries, account, {"acme.1": 0}, 0, PRICE)


def number_anew(book):
    """What a forger would do: sequences and balances that add up again."""
    balance = 0
    for place, line in enumerate(book.entries, 1):
        balance += line["amount"]
        line["sequence"], line["balance"] = place, balance
    book.account.update(balance=balance, sequence=len(book.entries))


class CheckerTest(unittest.TestCase):
    def setUp(self):
        self.operations, self.book = a_history()

    def rules(self, **options):
        return {violation.rule for violation in check(self.operations, {"acme": self.book}, **options)}

    def of(self, kind, nth=0):
        return [operation for operation in self.operations if operation.kind == kind][nth]

    def test_nothing_is_wrong_with_a_right_history(self):
        self.assertEqual(check(self.operations, {"acme": self.book}), [])

    def test_an_outcome_that_nobody_knows_may_be_in_the_ledger_or_not(self):
        del self.book.entries[3]  # of acme.b
        number_anew(self.book)
        self.assertEqual(self.rules(), set())

    def test_a_lost_entry(self):
        for place in (1, 2, 4, 5):  # a settlement, a top-up, purchases over HTTP
            with self.subTest(place):
                self.setUp()
                del self.book.entries[place]
                self.assertIn("lost", self.rules())
                self.assertTrue({"gap", "end"} & self.rules())
                number_anew(self.book)
                self.assertIn("lost", self.rules())

    def test_a_doubled_entry(self):
        for place in (1, 2, 4):
            with self.subTest(place):
                self.setUp()
                self.book.entries.append(copy.deepcopy(self.book.entries[place]))
                number_anew(self.book)
                self.assertIn("twice", self.rules())

    def test_a_gap(self):
        for line in self.book.entries[3:]:
            line["sequence"] += 1
        self.assertIn("gap", self.rules())

    def test_amounts_that_do_not_add_up(self):
        self.book.entries[3]["balance"] -= 1
        self.assertEqual(self.rules(), {"chain"})
        self.setUp()
        self.book.account["balance"] += 1
        self.assertEqual(self.rules(), {"end"})

    def test_a_balance_below_zero(self):
        self.book.entries[0]["amount"] = 50
        number_anew(self.book)
        self.assertIn("negative", self.rules())

    def test_a_hold_a_slot_or_a_reservation_that_is_left(self):
        for alter in (lambda: self.book.account.update(held=40), lambda: self.book.account.update(concurrent=1),
                      lambda: self.book.key_slots.update({"acme.1": 1}), lambda: setattr(self.book, "pending", 1),
                      lambda: self.book.account.update(held_units=1)):
            self.setUp()
            alter()
            self.assertEqual(self.rules(), {"stuck"})

    def test_an_acknowledged_operation_that_is_missing(self):
        self.operations += [top_up("t9", 1, sequence=7)]
        self.assertIn("lost", self.rules())
        self.setUp()
        self.operations += [reserve("acme.z"), settle("acme.z", 1, sequence=7)]
        self.assertIn("lost", self.rules())

    def test_a_refused_operation_that_was_done(self):
        self.of("settle", 1).outcome = FAILED
        self.assertEqual(self.rules(), {"refused"})
        self.setUp()
        self.of("generate", 2).told["attempt"] = "acme.f"
        self.assertEqual(self.rules(), {"refused"})
        self.setUp()
        self.of("top_up").outcome = FAILED
        self.assertEqual(self.rules(), {"refused"})

    def test_another_amount_or_count_than_asked_for(self):
        self.of("top_up").asked["amount"] = 501
        self.assertEqual(self.rules(), {"refused"})
        self.setUp()
        self.of("settle").asked["delivered"] = 1
        self.assertIn("different", self.rules())
        self.setUp()
        self.book.entries[1]["delivered"] = 1
        self.assertIn("different", self.rules())
        self.setUp()
        self.of("generate", 3).told["cost"] = 2 * PRICE
        self.assertEqual(self.rules(), {"different"})

    def test_an_entry_that_nobody_asked_for(self):
        self.book.entries.append(entry(7, "top_up", 5, 1305, request="gift"))
        self.book.account.update(balance=1305, sequence=7)
        self.assertEqual(self.rules(), {"unasked"})
        self.setUp()
        self.book.entries.append(entry(7, "charge", -40, 1260, "acme.x", delivered=1, images=1))
        self.book.account.update(balance=1260, sequence=7)
        self.assertEqual(self.rules(), {"unasked"})

    def test_a_purchase_charged_twice(self):
        self.of("generate").told["reservation_id"] = "acme.x"  # the try that broke was charged, too
        self.book.entries.append(entry(7, "charge", -40, 1260, "acme.x", delivered=1, images=1))
        self.book.account.update(balance=1260, sequence=7)
        self.assertEqual(self.rules(), {"twice"})

    def test_two_ends_of_one_reservation(self):
        self.operations.append(done("release", OK, {"reservation_id": "acme.a"}))
        self.assertIn("two ends", self.rules())
        self.setUp()
        self.operations.append(reserve("acme.c"))  # released before
        self.assertIn("two ends", self.rules())

    def test_two_first_answers(self):
        self.operations.append(reserve("acme.b"))
        self.assertEqual(self.rules(), {"twice"})
        self.operations[-1].told["replayed"] = True
        self.assertEqual(self.rules(), set())

    def test_a_forgotten_reservation(self):
        self.operations += [reserve("acme.z"), settle("acme.z", 1, FAILED, reason="RESERVATION_FORGOTTEN")]
        self.assertEqual(self.rules(), {"lost"})
        self.assertEqual(self.rules(may_forget=True), set())

    def test_an_order_that_is_not_the_clocks(self):
        first, second = self.of("settle"), self.of("top_up")
        first.invoked, first.completed, second.invoked, second.completed = (
            second.invoked, second.completed, first.invoked, first.completed)
        self.assertIn("order", self.rules())

    def test_a_read_of_the_past_or_of_what_never_was(self):
        self.operations.append(read(2, 920))  # entries 3 and later had been acknowledged
        self.assertEqual(self.rules(), {"order"})
        self.setUp()
        self.of("read", 1).told["balance"] = 919
        self.assertEqual(self.rules(), {"stale"})
        self.setUp()
        self.of("read").told["held"] = 1001
        self.assertEqual(self.rules(), {"negative"})

    def test_a_key_that_works_after_its_revocation(self):
        self.operations.append(reserve("acme.y", key="acme.2"))
        self.assertEqual(self.rules(), {"revoked"})


if __name__ == "__main__":
    unittest.main()
