"""A run: accounts, clients at work on them, and in the end the books, to be compared with what the clients saw."""
import os
import random
import tempfile
import threading
import time

from calls import OK, Caller, Contract
from chaos_suite import CENT4, DOLLAR
from checker import Book, check
from clients import Account, Buyer, Meter, Operator
from history import History
from oracle import Redis

SUBSCRIPTION_ONLY, MONTH = 2, 1
ENTRY_TYPES = ("unspecified", "top_up", "adjustment", "charge", "late_charge", "write_off", "subscription_granted",
               "subscription_changed", "subscription_rolled_over", "carried_forward")


class Run:
    """`history` and the accounts of one run against a suite; begin() and finish() are around what breaks things."""

    def __init__(self, suite, seed, redis_url=None, may_forget=False, prefix="", patience=30,
                 keep=True):
        self.suite, self.seed, self.redis_url, self.may_forget = suite, seed, redis_url, may_forget
        self.prefix = prefix  # of its accounts' names, for suites that have several runs
        self.keep = keep  # the history of a run that went wrong, for whoever looks into it
        self.patience = patience  # seconds until a hold that does not end is left to the checker
        self.contract, self.history, self.stop = Contract(suite), History(), threading.Event()
        self.admin = Caller(self.contract)
        self.accounts, self.clients = [], []

    def new_caller(self):
        """What a new client reaches billing with."""
        return Caller(self.contract)

    def open(self, name, wallet=0, quota=0, by_http=False):
        name = self.prefix + name
        plan = {"funding_policy": SUBSCRIPTION_ONLY, "subscription": {"quota_units": quota, "period": MONTH}}
        made = self.admin.call("CreateAccount", name=name, wallet_nano_usd=wallet, **(plan if quota else {}))
        if made.state != OK:  # where no replica confirmed it, it is there all the same
            self.admin.must("GetAccount", name=name)
        keys = []
        for _ in range(1 if by_http else 3):
            made = self.admin.must("CreateKey", account=name)
            keys.append((made.key.id, made.api_key))
        self.accounts.append(Account(name, keys, by_http))
        return self.accounts[-1]

    def begin(self, buyers=2):
        chance = random.Random(self.seed)
        kinds = [(Meter, self.open("rich", wallet=1000 * DOLLAR))] * 2
        kinds += [(Meter, self.open("short", wallet=DOLLAR))] * 2  # rarely has enough
        kinds += [(Operator, account) for account in self.accounts]
        kinds += [(Meter, self.open("plan", quota=100_000))] * 2
        kinds += [(Buyer, self.open(f"buyer-{number}", wallet=1000 * DOLLAR, by_http=True)) for number in range(buyers)]
        self.clients = [kind(self, account, chance.random()) for kind, account in kinds]
        for client in self.clients:
            client.start()

    def finish(self, is_excused=lambda violation: False):
        """Ends the clients, ends what is open, and returns the violations: those that count, and the excused ones."""
        self.stop.set()
        for client in self.clients:
            client.join(60)
            if client.error or client.is_alive():
                raise AssertionError(f"a client ended with {client.error!r}") from client.error
        self.end_holds()
        self.settle_late()
        self.resolve_purchases()
        self.end_holds()
        books = {account.name: self.book_of(account) for account in self.accounts}
        found = check(self.history.operations, books, self.may_forget)
        violations = [violation for violation in found if not is_excused(violation)]
        if violations and self.keep:
            path = os.path.join(tempfile.mkdtemp(prefix="prismatic-history-"), "history.jsonl")
            self.history.write(path, books)
            print(f"the history is in {path}", flush=True)
        return violations, [violation for violation in found if violation not in violations]

    def end_holds(self):
        """As after seven minutes; then waits until nothing is held. What stays is the checker's to report."""
        redis = Redis(self.redis_url or self.suite.env["PRISMATIC_REDIS_URL"])
        try:
            redis.end_holds()
        finally:
            redis.close()
        give_up = time.monotonic() + self.patience
        while any(self.admin.must("AuditAccount", account=account.name).pending_count for account in self.accounts):
            if time.monotonic() > give_up:
                break
            time.sleep(0.1)

    def settle_late(self):
        """Half of what was abandoned was delivered after all."""
        for account in self.accounts:
            meter = Meter(self, account, self.seed)
            with meter.caller:
                for identity, images in account.abandoned[::2]:
                    meter.until_known(lambda i=identity, n=images: meter.settle(i, n))

    def resolve_purchases(self):
        for client in self.clients:
            if isinstance(client, Buyer):
                for purchase, images in client.unsettled:
                    if not client.buy(purchase, images, 10):
                        raise AssertionError(f"purchase {purchase} cannot be made when all is well")

    def book_of(self, account):
        entries, more = [], True
        while more:
            page = self.admin.must("ListLedgerEntries", account=account.name,
                                   after_sequence=entries[-1]["sequence"] if entries else 0)
            entries += [entry_of(entry) for entry in page.entries]
            more = page.more
        audit = self.admin.must("AuditAccount", account=account.name)
        shown, plan = audit.account, audit.account.subscription
        return Book(entries, {
            "balance": shown.balance_nano_usd, "owed": shown.owed_nano_usd, "held": shown.held_nano_usd,
            "concurrent": shown.concurrent, "sequence": shown.ledger_sequence, "used": plan.used_units,
            "held_units": plan.held_units, "over": plan.over_units},
            {key.key_id: key.concurrent for key in audit.keys}, audit.pending_count, CENT4,
            shown.funding_policy == SUBSCRIPTION_ONLY)


def entry_of(entry):
    return {"sequence": entry.sequence, "type": ENTRY_TYPES[entry.type], "amount": entry.amount_nano_usd,
            "owed_change": entry.owed_change_nano_usd, "balance": entry.balance_nano_usd, "owed": entry.owed_nano_usd,
            "reservation_id": entry.reservation_id, "request_id": entry.request_id,
            "delivered": entry.delivered_count, "images": entry.image_count, "units": entry.units,
            "over_units": entry.over_units, "time_us": entry.time_us}


def tell(run):
    counts = run.history.counts()
    print("ok/failed/unknown: " + ", ".join(
        f"{kind} {row['ok']}/{row['failed']}/{row['unknown']}" for kind, row in sorted(counts.items())), flush=True)
    return counts
