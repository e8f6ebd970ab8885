"""Clients that use billing and the gateway for all they are worth while things break, and write down what they saw."""
import random
import re
import threading
import time

from calls import FAILED, OK, UNKNOWN, uuid7

RESERVATION_ID = re.compile(r"[a-z0-9-]+\.[0-9a-f]{8}-[0-9a-f-]{27}")  # a reservation's ID in a sentence
TRIES = 4
PAUSE_SECONDS = 0.03


class Account:
    """One of the accounts that are used, and what the clients share about it."""

    def __init__(self, name, keys, by_http=False):
        self.name, self.keys, self.by_http = name, keys, by_http  # keys: [(ID, secret)], which shrink by revocation
        self.abandoned = []  # reservations that nobody ended


class Client(threading.Thread):
    """Does one thing after the other until `stop` is set. A fault of its own ends up in `error`."""

    def __init__(self, run, account, seed):
        super().__init__(daemon=True)
        self.run_of, self.account, self.random = run, account, random.Random(seed)
        self.caller, self.error = run.new_caller(), None

    def run(self):
        try:
            with self.caller:
                while not self.run_of.stop.is_set():
                    self.step()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def step(self):
        raise NotImplementedError

    def record(self, kind, method, asked, told, timeout=3, **fields):
        """Makes one call and writes it down; `told` picks what is kept of the reply."""
        operation = self.run_of.history.invoke(kind, self.account.name, **asked)
        outcome = self.caller.call(method, timeout=timeout, **fields)
        kept = told(outcome.reply) if outcome.state == OK else {}
        return self.run_of.history.complete(operation, outcome.state, outcome.reason, **kept)

    def until_known(self, act, tries=TRIES):
        """Repeats it with the same identity until its outcome is known, or gives up."""
        for _ in range(tries):
            operation = act()
            if operation.outcome != UNKNOWN:
                break
            time.sleep(PAUSE_SECONDS * self.random.random())
        return operation

    def read(self):
        self.record("read", "GetAccount", {}, lambda reply: {
            "sequence": reply.account.ledger_sequence, "balance": reply.account.balance_nano_usd,
            "held": reply.account.held_nano_usd, "owed": reply.account.owed_nano_usd}, name=self.account.name)


class Meter(Client):
    """Reserves and settles, as a service that meters its own work does."""

    def step(self):
        key_id, secret = self.random.choice(self.account.keys)
        attempt, images = uuid7(), self.random.randint(1, 4)
        reserved = self.until_known(lambda: self.reserve(key_id, secret, attempt, images),
                                    self.random.randint(1, TRIES))
        if self.random.random() < 0.1:
            self.reserve(key_id, secret, attempt, images % 4 + 1)  # the same attempt with other content
        if reserved.outcome == FAILED:
            return
        identity = f"{self.account.name}.{attempt}"
        if reserved.outcome == UNKNOWN:
            self.until_known(lambda: self.release(identity, api_key=secret, attempt_id=attempt))
            return
        self.end(identity, images)
        if self.random.random() < 0.2:
            self.read()

    def end(self, identity, images):
        way = self.random.random()
        if way < 0.1:
            self.account.abandoned.append((identity, images))
        elif way < 0.25:
            self.until_known(lambda: self.release(identity, reservation_id=identity), 2)
        else:
            delivered = self.random.randint(0, images)
            self.until_known(lambda: self.settle(identity, delivered), self.random.randint(1, 2 * TRIES))
            if self.random.random() < 0.2:
                self.settle(identity, self.random.randint(0, images))  # perhaps with another count than before

    def reserve(self, key_id, secret, attempt, images):
        return self.record(
            "reserve", "CreateReservation",
            {"reservation_id": f"{self.account.name}.{attempt}", "key_id": key_id, "images": images},
            lambda reply: {"replayed": reply.replayed}, timeout=1,
            api_key=secret, attempt_id=attempt, model="imagen-4", image_count=images)

    def settle(self, identity, delivered):
        return self.record(
            "settle", "SettleReservation", {"reservation_id": identity, "delivered": delivered},
            lambda reply: {"sequence": reply.ledger_sequence, "replayed": reply.replayed},
            reservation_id=identity, delivered_count=delivered)

    def release(self, identity, **named):
        return self.record("release", "ReleaseReservation", {"reservation_id": identity},
                           lambda reply: {"replayed": reply.replayed}, **named)


class Operator(Client):
    """Puts money in and takes it out, makes keys and revokes them, and looks."""

    def step(self):
        way, request_id = self.random.random(), uuid7()
        if way < 0.45:
            amount = self.random.randint(1, 400_000_000)
            self.until_known(lambda: self.mark("top_up", "TopUpWallet", request_id, amount),
                             self.random.randint(1, TRIES))
            if self.random.random() < 0.2:
                self.mark("top_up", "TopUpWallet", request_id, amount + 1)  # the same payment with another amount
        elif way < 0.7:
            amount = self.random.choice((-1, 1)) * self.random.randint(1, 100_000_000)
            self.until_known(lambda: self.mark("adjust", "AdjustWallet", request_id, amount, reason="a correction"),
                             self.random.randint(1, TRIES))
        elif way < 0.75:
            self.replace_key()
        else:
            self.read()

    def mark(self, kind, method, request_id, amount, **more):
        return self.record(kind, method, {"request_id": request_id, "amount": amount},
                           lambda reply: {"sequence": reply.ledger_sequence, "replayed": reply.replayed},
                           account=self.account.name, amount_nano_usd=amount, request_id=request_id, **more)

    def replace_key(self):
        made = self.caller.call("CreateKey", account=self.account.name)
        if made.state != OK:
            return
        self.account.keys.append((made.reply.key.id, made.reply.api_key))
        if len(self.account.keys) > 3:
            key_id = self.account.keys[0][0]
            revoked = self.until_known(lambda: self.record("revoke", "RevokeKey", {"key_id": key_id}, lambda _: {},
                                                           key_id=key_id))
            if revoked.outcome == OK and self.random.random() < 0.7:
                self.account.keys.pop(0)  # else it goes on to be tried


class Buyer(Client):
    """Buys pictures over HTTP, and repeats itself with its Idempotency-Key until it knows."""

    def __init__(self, run, account, seed):
        super().__init__(run, account, seed)
        self.unsettled = []  # purchases whose end it does not know

    def step(self):
        purchase, images = uuid7(), self.random.randint(1, 3)
        if not self.buy(purchase, images, self.random.randint(1, TRIES)):
            self.unsettled.append((purchase, images))

    def buy(self, purchase, images, tries):
        """Whether it is known in the end that it was charged."""
        for _ in range(tries):
            operation = self.generate(purchase, images)
            if "reservation_id" in operation.told:
                return True
            time.sleep(PAUSE_SECONDS * self.random.random())
        return False

    def generate(self, purchase, images):
        operation = self.run_of.history.invoke("generate", self.account.name, purchase=purchase, images=images)
        try:
            answer = self.run_of.suite.generate(key=self.account.keys[0][1], headers={"Idempotency-Key": purchase},
                                                n=images, size="256x256")
        except Exception:  # pylint: disable=broad-except
            return self.run_of.history.complete(operation, UNKNOWN)
        outcome, reason, told = understand(self.account.name, answer)
        return self.run_of.history.complete(operation, outcome, reason, **told)


def understand(account, answer):
    """(outcome, reason, told) of an answer of the gateway."""
    attempt = f"{account}.{answer.headers['x-request-id']}"
    if answer.status == 200:
        cost = answer.headers.get("x-prismatic-cost-usd")
        return OK, "", {"reservation_id": attempt, "images": len(answer.json["data"]),
                        "cost": None if cost is None else nano_usd(cost)}
    code = answer.error["code"]
    if code == "idempotency_key_completed":
        charged = RESERVATION_ID.search(answer.error["message"]).group()
        return FAILED, code, {"reservation_id": charged, "attempt": attempt}
    return FAILED, code, {"attempt": attempt}


def nano_usd(decimal):
    whole, _, part = decimal.partition(".")
    return int(whole) * 1_000_000_000 + int(part.ljust(9, "0"))
