"""Compares a history with the books: the ledger is replayed in order, and every operation must be where it belongs.

An operation that was acknowledged is in the ledger, once; one that was refused for good is not; one whose outcome
nobody knows is there at most once. What is broken is returned as (rule, text), so that a test can ask for a rule.
"""
import collections
import dataclasses

from history import FAILED, OK

CHARGES = ("charge", "late_charge")
PLAN_TYPES = ("subscription_granted", "subscription_changed", "subscription_rolled_over")

# `about` is the reservation, where it is about one.
Violation = collections.namedtuple("Violation", "rule text about", defaults=[""])


@dataclasses.dataclass
class Book:
    """What billing says of an account when everything is over. Amounts are nano-USD."""
    entries: list  # dicts with the words of billing.proto's LedgerEntry, `type` in lower case
    account: dict  # balance, owed, held, concurrent, sequence, used, held_units, over
    key_slots: dict = dataclasses.field(default_factory=dict)  # {key ID: requests in flight}
    pending: int = 0
    price: int = 0
    paid_by_plan: bool = False


class Checker:
    """`may_forget`: a failover may lose a reservation that was acknowledged, since those are not waited for."""

    def __init__(self, operations, books, may_forget=False):
        self.operations, self.books, self.may_forget, self.found = operations, books, may_forget, []

    def report(self, rule, text, about=""):
        self.found.append(Violation(rule, text, about))

    def check(self):
        for name, book in self.books.items():
            self.replay(name, book)
            mine = [operation for operation in self.operations if operation.account == name]
            self.check_marks(name, book, mine)
            self.check_reservations(name, book, mine)
            self.check_generations(name, book, mine)
            self.check_reads(name, book, mine)
            self.check_order(name, book, mine)
            self.check_revoked(name, mine)
        return self.found

    # --- the ledger alone ---
    def replay(self, name, book):
        balance = owed = used = over = 0
        seen = set()
        for place, entry in enumerate(book.entries, 1):
            if entry["sequence"] != place:
                self.report("gap", f"{name}: entry {entry['sequence']} is at place {place}")
            balance += entry["amount"]
            owed += entry["owed_change"]
            if (entry["balance"], entry["owed"]) != (balance, owed):
                self.report("chain", f"{name}: entry {place} says {entry['balance']}, {entry['owed']}; the entries up "
                                     f"to it add up to {balance}, {owed}")
            if balance < 0 or owed < 0:
                self.report("negative", f"{name}: entry {place} leaves {balance}, owed {owed}")
            identity = (entry["reservation_id"], entry["request_id"])
            if entry["type"] not in PLAN_TYPES and identity != ("", "") and identity in seen:
                self.report("twice", f"{name}: entry {place} is {identity} once more")
            seen.add(identity)
            if entry["type"] in CHARGES:
                used, over = used + entry["units"] - entry["over_units"], over + entry["over_units"]
                self.check_charge(name, book, entry)
        self.check_end(name, book, {"balance": balance, "owed": owed, "sequence": len(book.entries), "used": used,
                                    "over": over})

    def check_charge(self, name, book, entry):
        price = 0 if book.paid_by_plan else book.price * entry["delivered"]
        units = entry["delivered"] if book.paid_by_plan else 0
        if entry["owed_change"] - entry["amount"] != price or entry["units"] != units:
            self.report("different", f"{name}: entry {entry['sequence']} charges {-entry['amount']} and "
                                     f"{entry['units']} units for {entry['delivered']} images")
        if not 0 < entry["delivered"] <= entry["images"]:
            self.report("different", f"{name}: entry {entry['sequence']}: {entry['delivered']} of {entry['images']}")

    def check_end(self, name, book, expected):
        for what, value in expected.items():
            if book.account[what] != value:
                self.report("end", f"{name}: {what} is {book.account[what]}, the ledger says {value}")
        left = {"held": book.account["held"], "held units": book.account["held_units"], "pending": book.pending,
                "in flight": book.account["concurrent"], **book.key_slots}
        for what, value in left.items():
            if value != 0:
                self.report("stuck", f"{name}: {what} is {value} when all is over")

    # --- top-ups and adjustments ---
    def check_marks(self, name, book, operations):
        entries = {entry["request_id"]: entry for entry in book.entries if entry["type"] in ("top_up", "adjustment")}
        asked = collections.defaultdict(list)
        for operation in operations:
            if operation.kind in ("top_up", "adjust"):
                asked[operation.asked["request_id"]].append(operation)
        for request_id, entry in entries.items():
            if request_id not in asked and entry["sequence"] != 1:
                self.report("unasked", f"{name}: entry {entry['sequence']} of request {request_id!r}")
        for request_id, calls in asked.items():
            self.check_mark(name, entries.get(request_id), calls)

    def check_mark(self, name, entry, calls):
        for call in calls:
            if call.outcome == OK and entry is None:
                self.report("lost", f"{name}: {call.kind} {call.asked} was acknowledged, and is in no entry")
            elif call.outcome == OK and call.told["sequence"] != entry["sequence"]:
                self.report("different", f"{name}: {call.kind} {call.asked} was told entry {call.told['sequence']}, "
                                         f"is {entry['sequence']}")
        if entry is None:
            return
        able = [call for call in calls if call.outcome != FAILED and
                call.asked["amount"] == entry["amount"] - entry["owed_change"]]
        if not able:
            self.report("refused", f"{name}: entry {entry['sequence']} of {entry['request_id']} is of no call that was "
                                   "not refused")
        self.check_first_answers(name, calls)

    def check_first_answers(self, name, calls):
        if sum(call.outcome == OK and not call.told["replayed"] for call in calls) > 1:
            self.report("twice", f"{name}: two answers were the first one: {calls[0].asked}")

    # --- reservations over gRPC ---
    def check_reservations(self, name, book, operations):
        charges = {entry["reservation_id"]: entry for entry in book.entries if entry["type"] in CHARGES}
        calls = collections.defaultdict(list)
        for operation in operations:
            if operation.kind in ("reserve", "settle", "release"):
                calls[operation.asked["reservation_id"]].append(operation)
        for reservation, mine in calls.items():
            self.check_reservation(name, reservation, charges.get(reservation), mine)
            self.check_first_answers(name, [call for call in mine if call.kind == "reserve"])

    def check_reservation(self, name, reservation, entry, calls):
        ends = {call.asked["delivered"] if call.kind == "settle" else 0
                for call in calls if call.outcome == OK and call.kind != "reserve"}
        if len(ends) > 1:
            self.report("two ends", f"{name}: {reservation} was acknowledged as {sorted(ends)}")
        for delivered in ends:
            if delivered > 0 and entry is None:
                self.report("lost", f"{name}: the settlement of {reservation} was acknowledged, and is in no entry",
                            reservation)
            elif entry is not None and delivered != entry["delivered"]:
                self.report("different", f"{name}: {reservation} was acknowledged as {delivered}, is charged as "
                                         f"{entry['delivered']}")
        for call in calls:
            if call.outcome == OK and call.kind == "settle" and call.asked["delivered"] > 0 and entry is not None \
                    and call.told["sequence"] != entry["sequence"]:
                self.report("different", f"{name}: {reservation} was told entry {call.told['sequence']}, is "
                                         f"{entry['sequence']}")
        if entry is not None and not any(call.kind == "settle" and call.outcome != FAILED
                                         and call.asked["delivered"] == entry["delivered"] for call in calls):
            self.report("refused", f"{name}: {reservation} is charged, and every such settlement was refused")
        self.check_late_reserve(name, reservation, calls)
        if any(call.kind == "reserve" and call.outcome == OK for call in calls) and not self.may_forget and \
                any(call.reason == "RESERVATION_FORGOTTEN" for call in calls):
            self.report("lost", f"{name}: {reservation} was acknowledged, and is not remembered")

    def check_late_reserve(self, name, reservation, calls):
        """After a release was acknowledged, the same attempt is not admitted any more."""
        released = [call.completed for call in calls if call.kind == "release" and call.outcome == OK]
        for call in calls:
            if call.kind == "reserve" and call.outcome == OK and released and call.invoked > min(released):
                self.report("two ends", f"{name}: {reservation} was admitted after its release")

    # --- generations over HTTP: purchases, each tried until its outcome is known ---
    def check_generations(self, name, book, operations):
        direct = {operation.asked["reservation_id"] for operation in operations
                  if operation.kind in ("reserve", "settle", "release")}
        charges = {entry["reservation_id"]: entry for entry in book.entries if entry["type"] in CHARGES}
        unexplained = set(charges) - direct
        purchases = collections.defaultdict(list)
        for operation in operations:
            if operation.kind == "generate":
                purchases[operation.asked["purchase"]].append(operation)
        open_ends = 0
        for purchase, tries in purchases.items():
            names = {call.told["reservation_id"] for call in tries if "reservation_id" in call.told}
            self.check_purchase(name, purchase, tries, charges)
            unexplained -= names
            open_ends += not names
        if len(unexplained) > open_ends:
            self.report("unasked", f"{name}: {len(unexplained)} charges of which nobody was told, {open_ends} "
                                   f"purchases whose end is not known: {sorted(unexplained)[:3]}")

    def check_purchase(self, name, purchase, tries, charges):
        named = {call.told["reservation_id"] for call in tries if "reservation_id" in call.told}
        charged = named & set(charges)
        if len(charged) > 1:
            self.report("twice", f"{name}: purchase {purchase} is charged as {sorted(charged)}")
        for reservation in named - charged:
            self.report("lost", f"{name}: purchase {purchase} was delivered or told as charged, {reservation} is not",
                        reservation)
        for call in tries:
            if call.outcome == OK and call.told["reservation_id"] in charges:
                entry = charges[call.told["reservation_id"]]
                cost = -entry["amount"] if call.told["cost"] is not None else None  # not known yet when it was answered
                if (entry["delivered"], cost) != (call.told["images"], call.told["cost"]):
                    self.report("different", f"{name}: purchase {purchase} was told {call.told}, entry "
                                             f"{entry['sequence']} says {entry['delivered']}, {-entry['amount']}")
            if call.outcome == FAILED and call.told.get("attempt") in charges:
                self.report("refused", f"{name}: {call.told['attempt']} was refused with {call.reason}, and is charged")

    # --- what was seen on the way ---
    def check_reads(self, name, book, operations):
        for call in operations:
            if call.kind != "read" or call.outcome != OK:
                continue
            seen = call.told
            if seen["held"] > seen["balance"] or min(seen["held"], seen["balance"], seen["owed"]) < 0:
                self.report("negative", f"{name}: seen {seen}")
            place = seen["sequence"]
            if not 0 < place <= len(book.entries):
                self.report("stale", f"{name}: seen entry {place} of {len(book.entries)}")
                continue
            entry = book.entries[place - 1]
            if (seen["balance"], seen["owed"]) != (entry["balance"], entry["owed"]):
                self.report("stale", f"{name}: seen {seen}, entry {place} says {entry['balance']}, {entry['owed']}")

    def check_order(self, name, book, operations):
        """The ledger's order agrees with the clock: what was acknowledged before another call began comes before it."""
        answered = sorted((call.completed, self.place_of(call)) for call in operations
                          if call.outcome == OK and self.place_of(call))
        calls = sorted((call for call in operations if call.outcome == OK and self.place_of(call)),
                       key=lambda call: call.invoked)
        newest, at = 0, 0
        for call in calls:
            while at < len(answered) and answered[at][0] < call.invoked:
                newest = max(newest, answered[at][1])
                at += 1
            replayed = call.told.get("replayed", False)
            if not replayed and self.place_of(call) < newest + (call.kind != "read"):
                self.report("order", f"{name}: {call.kind} {call.asked} was told entry {self.place_of(call)} after "
                                     f"entry {newest} had been acknowledged")

    @staticmethod
    def place_of(call):
        """The ledger sequence that an answer speaks of; 0: of none."""
        return call.told.get("sequence", 0)

    def check_revoked(self, name, operations):
        ended = {}
        for call in operations:
            if call.kind == "revoke" and call.outcome == OK:
                key = call.asked["key_id"]
                ended[key] = min(ended.get(key, call.completed), call.completed)
        for call in operations:
            if call.kind == "reserve" and call.outcome == OK and not call.told["replayed"] and \
                    call.invoked > ended.get(call.asked["key_id"], float("inf")):
                self.report("revoked", f"{name}: {call.asked} was admitted after its key had been revoked")


def check(operations, books, may_forget=False):
    return Checker(operations, books, may_forget).check()
