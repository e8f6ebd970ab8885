#!/usr/bin/env python3
"""What a provider's bad day costs clients: one that fails half of its calls, one that is gone, one that asks for rest,
one that refuses a credential.

usage: routing_test.py [--separate] [--bin DIR] [unittest arguments]

The scenes are played side by side, each with providers of its own, since health takes its time; the tests then look at
what was seen.
"""
import concurrent.futures
import itertools
import os
import socket
import time
import typing
import unittest

from loopback_servers import NO_SUCH_MODEL, OVERLOADED, UNAUTHORIZED, DecidingProxy, rate_limited
from upstream_suite import LATE, Clients, UpstreamSuite, model, outcomes_of, provider, share_failed

from connections import Loop  # pylint: disable=wrong-import-order
from upstream_catalog import Sandbox  # pylint: disable=wrong-import-order

ASK = {"prompt": "a lighthouse [[sandbox delay_ms=60]]", "size": "256x256", "response_format": "url"}
AT_ONCE = {**ASK, "prompt": "a lighthouse"}
CLIENTS = 12
# It fails until it has been ejected, and so much longer.
EJECTED_SECONDS_MAX, FAILING_ON_SECONDS = 30, 3
EXHAUSTED_SECONDS_MAX = 30
# services/provider_proxy/routing/retry_budget.h
EARNED_PER_CALL, EARNED_PER_SECOND, SAVED_MAX = 0.2, 1, 100
# circuit.h: out for 10 s, and 30 s until it has all its traffic again; the rest is for a second trouble, which
# what was under way may make, and for a slow machine.
RECOVERY_SECONDS_MAX = 10 + 30 + 35
# Of equal weights one half; of a window of so many calls.
SHARE_BACK, SHARE_WINDOW = 0.4, 200
ALLOWED_FAILURES = 0.001
RETRY_AFTER = 3
CLOSED, EJECTED = 0, 2  # as prismatic_upstream_breaker says it


def ask_for(name, ask=None):
    body = {"model": name, **(ask or ASK)}
    return lambda _: body


class Half(typing.NamedTuple):
    """The scene of the provider that fails half of its calls."""
    sent: list
    calls: list  # at the bad one
    good_calls: int
    begun: float
    seconds: float
    healed_at: float
    breaker: list  # (time, state)
    ejections: float
    exhausted: float


def half_fails(world):
    turns = itertools.cycle([OVERLOADED, None])
    bad = world.proxy(lambda _: next(turns))
    good = world.sandbox("good")
    world.offered("half", {"half-bad": bad.address, "half-good": good.address})
    yield
    suite, begun, breaker = world.suite, time.monotonic(), []
    load = Clients(world.loop(), suite, ask_for("half"), CLIENTS, world.keys["half"]).start()

    def look(condition, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (breaker and condition(breaker[-1][1])):
            load.run(0.25)
            breaker.append((time.monotonic(), suite.series("prismatic_upstream_breaker", provider="half-bad")))

    look(lambda state: state == EJECTED, EJECTED_SECONDS_MAX)
    load.run(FAILING_ON_SECONDS)
    bad.decide = lambda _: None
    healed_at = time.monotonic()
    look(lambda state: state == CLOSED, RECOVERY_SECONDS_MAX)
    load.run(2)  # closed: its whole share
    load.finish()
    yield Half(load.sent, list(bad.calls), good.ask("GET", "/_sandbox/requests?limit=1")["total"],
               begun, time.monotonic() - begun, healed_at, breaker,
               suite.series("prismatic_upstream_ejections_total", provider="half-bad"),
               suite.series("prismatic_retry_budget_exhausted_total"))


class Dead(typing.NamedTuple):
    sent: list
    attempts: float  # at the dead one
    breaker: float


def one_is_gone(world):
    gone = socket.socket()  # bound and never listening: connections are refused
    gone.bind(("127.0.0.1", 0))
    world.cleanup(gone.close)
    world.offered("gone", {"gone-dead": f"http://127.0.0.1:{gone.getsockname()[1]}",
                           "gone-good": world.suite.env["PRISMATIC_SANDBOX_URL"]})
    yield
    load = Clients(world.loop(), world.suite, ask_for("gone"), 4, world.keys["gone"]).start().run(6).finish()
    yield Dead(load.sent, world.suite.series("prismatic_upstream_requests_total", provider="gone-dead"),
               world.suite.series("prismatic_upstream_breaker", provider="gone-dead"))


class Rest(typing.NamedTuple):
    sent: list
    calls: list  # at the one that asks for rest
    alone: typing.Any  # the answer where it is the only one


def one_asks_for_rest(world):
    tired = world.proxy(lambda _: rate_limited(RETRY_AFTER))
    alone = world.proxy(lambda _: rate_limited(RETRY_AFTER))
    world.offered("tired", {"tired-tired": tired.address, "tired-good": world.suite.env["PRISMATIC_SANDBOX_URL"]})
    world.offered("tired-alone", {"alone-tired": alone.address})
    yield
    answer = world.suite.generate({"model": "tired-alone", **ASK}, world.keys["tired-alone"])
    load = Clients(world.loop(), world.suite, ask_for("tired"), 4, world.keys["tired"]).start()
    load.run(2.5 * RETRY_AFTER).finish()
    yield Rest(load.sent, list(tired.calls), answer)


class Keys(typing.NamedTuple):
    sent: list  # while one of two is revoked
    with_revoked: int
    with_good: int
    after: list  # with both files rewritten
    old_after: int
    new_after: int


def one_credential_is_revoked(world):
    good = {"key-one"}
    proxy = world.proxy(lambda fields: None if fields.get("authorization", "")[7:] in good else UNAUTHORIZED)
    world.write_credential("first", "key-one")
    world.write_credential("second", "key-two")
    world.offered("keys", {"keys-only": proxy.address}, credential=None, credentials=["file:first", "file:second"])
    yield
    load = Clients(world.loop(), world.suite, ask_for("keys"), 4, world.keys["keys"]).start().run(3).finish()
    before, at = load.sent, len(proxy.calls)
    keys = [call.authorization[7:] for call in proxy.calls]
    # What is there must stay good until the new one is in use.
    good |= {"key-three", "key-four"}
    world.write_credential("first", "key-three")
    world.write_credential("second", "key-four")
    load = Clients(world.loop(), world.suite, ask_for("keys"), 4, world.keys["keys"]).start().run(2).finish()
    new = [call.authorization[7:] for call in proxy.calls[at:]]
    yield Keys(before, keys.count("key-two"), keys.count("key-one"), load.sent,
               sum(key in ("key-one", "key-two") for key in new), sum(key in ("key-three", "key-four") for key in new))


class Budget(typing.NamedTuple):
    sent: list
    calls: int
    seconds: float
    exhausted: float


def all_fail_too_often(world):
    """Three providers, each of which fails three of ten calls: too few to be ejected, more than the budget covers."""
    def sometimes():
        turns = itertools.cycle([NO_SUCH_MODEL, None, None] * 3 + [None])
        return lambda _: next(turns)

    proxies = {f"often-{number}": world.proxy(sometimes()) for number in range(3)}
    world.offered("often", {name: proxy.address for name, proxy in proxies.items()})
    yield
    begun = time.monotonic()
    load = Clients(world.loop(), world.suite, ask_for("often", AT_ONCE), CLIENTS, world.keys["often"])

    def exhausted():
        return world.suite.series("prismatic_retry_budget_exhausted_total")

    before = exhausted()
    load.start()
    while exhausted() == before and time.monotonic() < begun + EXHAUSTED_SECONDS_MAX:
        load.run(0.25)
    load.run(1.5)
    load.finish()
    yield Budget(load.sent, sum(len(proxy.calls) for proxy in proxies.values()), time.monotonic() - begun,
                 exhausted() - before)


class World:
    """The suite, and what the scenes are played with. A scene offers what it needs up to its first yield, and gives
    what it has seen at its second."""

    def __init__(self, cleanup):
        self.cleanup = cleanup
        # In the state folder, which is there once the suite has started: it starts again with the flag.
        self.suite = UpstreamSuite()
        cleanup(self.suite.stop)
        self.credentials = os.path.join(self.suite.state, "credentials")
        os.mkdir(self.credentials)
        self.suite.restart(self.suite.speaker, "--credentials-dir", self.credentials)
        self.shared = self.sandbox("shared")
        self.providers, self.models, self.keys = [], [], {}

    def play(self, *scenes):
        played = [scene(self) for scene in scenes]
        for scene in played:
            next(scene)
        self.suite.offer(self.providers, self.models)
        for one in self.models:
            if one["name"] not in self.keys:
                self.keys[one["name"]] = self.suite.new_key(one["name"], wallet="1000")
        with concurrent.futures.ThreadPoolExecutor(len(played)) as pool:
            return list(pool.map(next, played))

    def sandbox(self, name):
        sandbox = Sandbox(self.suite, name)
        self.cleanup(sandbox.stop)
        return sandbox

    def proxy(self, decide):
        proxy = DecidingProxy(self.shared.address, self.shared.key, decide)
        self.cleanup(proxy.stop)
        return proxy

    def loop(self):
        loop = Loop()
        self.cleanup(loop.close)
        return loop

    def offered(self, name, addresses, **fields):
        self.providers += [provider(each, address, **fields) for each, address in addresses.items()]
        self.models.append(model(name, *addresses))

    def write_credential(self, name, secret):
        """Whole or not at all, as an operator's tool does it."""
        path = os.path.join(self.credentials, name)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(secret + "\n")
        os.replace(path + ".new", path)


class RoutingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        world = World(cls.addClassCleanup)
        cls.half, cls.gone, cls.rest, cls.keys = world.play(half_fails, one_is_gone, one_asks_for_rest,
                                                            one_credential_is_revoked)
        # By itself: all requests share one budget.
        cls.budget, = world.play(all_fail_too_often)

    def test_a_provider_that_fails_half_of_its_calls_costs_no_client_anything(self):
        half = self.half
        failed = sum(call.status == 503 for call in half.calls)
        first_rest = min(call.at for call in half.calls if call.status)
        later = [one for one in half.sent if one.sent_at > first_rest]
        print(f"\nhalf of the calls fail for {half.healed_at - half.begun:.0f} s: {len(half.sent)} requests in "
              f"{half.seconds:.0f} s, {dict(outcomes_of(half.sent))}; after the first failure "
              f"{share_failed(later):.3%} failed; {len(half.calls)} calls at the bad provider, of which {failed} "
              f"failed, {half.good_calls} at the good one")
        self.assertGreater(len(half.sent), 2000)
        self.assertGreater(failed, 5)
        self.assertLessEqual(share_failed(later), ALLOWED_FAILURES)
        self.assertGreaterEqual(half.ejections, 1)

    def test_a_provider_that_fails_half_of_its_calls_costs_no_more_calls_than_the_budget_allows(self):
        half = self.half
        calls = len(half.calls) + half.good_calls
        self.assert_within_budget(half, calls)
        self.assertEqual(half.exhausted, 0)
        # What failed was made elsewhere, and nothing was made twice.
        delivered = sum(one.status == 200 for one in half.sent)
        self.assertEqual(calls - sum(call.status == 503 for call in half.calls), delivered)

    def assert_within_budget(self, seen, calls):
        bound = len(seen.sent) * (1 + EARNED_PER_CALL) + SAVED_MAX + seen.seconds * EARNED_PER_SECOND
        print(f"\n{calls} calls for {len(seen.sent)} requests, at most {bound:.0f} allowed; "
              f"{seen.exhausted:.0f} times the budget was used up")
        self.assertLessEqual(calls, bound)

    def test_when_all_fail_too_often_the_budget_bounds_the_calls(self):
        budget = self.budget
        self.assert_within_budget(budget, budget.calls)
        self.assertGreater(budget.exhausted, 0, "all was failed over")
        self.assertGreater(budget.calls, len(budget.sent) * 1.1, "hardly any was failed over")
        outcomes = outcomes_of(budget.sent)
        print(f"  {dict(outcomes)}")
        self.assertLessEqual(set(outcomes), {200, "model_overloaded", LATE})
        self.assertGreater(outcomes[200], len(budget.sent) * 0.8)

    def test_traffic_comes_back_to_a_provider_that_has_recovered(self):
        half = self.half
        states = [state for _, state in half.breaker]
        self.assertIn(EJECTED, states, "it was never ejected")
        self.assertEqual(states[-1], CLOSED, f"not closed {RECOVERY_SECONDS_MAX} s after it had healed")
        closed_at = half.breaker[-1][0]
        answered = sorted(one.answered_at for one in half.sent if one.answered_at > half.healed_at)
        share_at = self.share_over_time(answered)
        back = next((at for at, share in share_at if share >= SHARE_BACK), None)
        self.assertIsNotNone(back, share_at)
        print(f"\nhealed: closed after {closed_at - half.healed_at:.1f} s, {SHARE_BACK:.0%} of the traffic after "
              f"{back - half.healed_at:.1f} s, {share_at[-1][1]:.0%} in the end; ejected {half.ejections:.0f} times")
        self.assertLess(back - half.healed_at, RECOVERY_SECONDS_MAX)
        at_first = [share for at, share in share_at if at < half.healed_at + 5]
        self.assertLess(max(at_first, default=0), SHARE_BACK, "it was flooded at once")

    def share_over_time(self, answered):
        """(time, its share of the answers up to then) for each window after it had healed."""
        shares = []
        for at in range(SHARE_WINDOW, len(answered), SHARE_WINDOW):
            begin, end = answered[at - SHARE_WINDOW], answered[at]
            here = sum(begin < call.at <= end for call in self.half.calls)
            shares.append((end, here / SHARE_WINDOW))
        return shares

    def test_a_dead_provider_costs_no_client_anything(self):
        print(f"\na dead provider of two: {len(self.gone.sent)} requests, {dict(outcomes_of(self.gone.sent))}, "
              f"{self.gone.attempts:.0f} attempts at it, breaker {self.gone.breaker:.0f}")
        self.assertGreater(len(self.gone.sent), 100)
        self.assertEqual(share_failed(self.gone.sent), 0)
        # Known as dead after so few.
        self.assertLess(self.gone.attempts, len(self.gone.sent) / 4)
        self.assertGreaterEqual(self.gone.breaker, 2)

    def test_a_provider_that_asks_for_rest_has_it(self):
        calls = [call.at for call in self.rest.calls]
        gaps = [later - earlier for earlier, later in zip(calls, calls[1:]) if later - earlier > 1]
        print(f"\nRetry-After: {RETRY_AFTER}: {len(calls)} calls in {2.5 * RETRY_AFTER} s, apart by "
              f"{', '.join(f'{gap:.1f}' for gap in gaps)} s; {dict(outcomes_of(self.rest.sent))}")
        self.assertEqual(share_failed(self.rest.sent), 0)
        # What was under way together came together; then nothing for as long as it had said.
        self.assertGreaterEqual(len(gaps), 1, "it was not asked again")
        self.assertGreater(min(gaps), RETRY_AFTER - 0.5)
        self.assertLess(max(gaps), RETRY_AFTER + 3)
        self.assertLessEqual(len(calls), 4 * (len(gaps) + 1))

    def test_where_it_is_the_only_one_clients_are_told_how_long(self):
        answer = self.rest.alone
        self.assertEqual((answer.status, answer.error["code"]), (503, "model_overloaded"))
        self.assertIn(int(answer.headers["retry-after"]), (RETRY_AFTER - 1, RETRY_AFTER))
        self.assertEqual(answer.headers["x-should-retry"], "true")

    def test_a_revoked_credential_costs_no_client_anything(self):
        print(f"\none of two credentials is revoked: {len(self.keys.sent)} requests, "
              f"{dict(outcomes_of(self.keys.sent))}; {self.keys.with_revoked} calls with it, "
              f"{self.keys.with_good} with the other one")
        self.assertGreater(len(self.keys.sent), 50)
        self.assertEqual(share_failed(self.keys.sent), 0)
        self.assertGreater(self.keys.with_revoked, 0)
        self.assertLess(self.keys.with_revoked, 5, "it did not rest")

    def test_credential_files_that_are_rewritten_are_used_without_a_restart(self):
        self.assertEqual(share_failed(self.keys.after), 0)
        self.assertEqual((self.keys.old_after, self.keys.new_after > 0), (0, True))


if __name__ == "__main__":
    unittest.main()
