#!/usr/bin/env python3
"""The hostile heads through nginx and haproxy, each as shipped and with its checks loosened: what the proxy takes for
one request the gateway takes for one, and every answer goes to the request that it belongs to.

usage: proxied_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import dataclasses
import itertools
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import framing_cases  # noqa: E402
import head_cases  # noqa: E402
import served_cases  # noqa: E402
from careless_gateway import CarelessGateway  # noqa: E402
from proxies import Haproxy, Nginx  # noqa: E402
from raw_http import converse, marker, names  # noqa: E402
from target import Target, wait_until  # noqa: E402

CASES = (framing_cases.CASES + head_cases.CASES + head_cases.TURNED_AWAY + served_cases.MODELS +
         served_cases.GENERATIONS)
# Cases with a few bytes changed. Whether they are refused is open; that all three agree is not.
MUTANTS = 100
SEED = 20
# What parsers of HTTP stumble over.
SPLINTERS = (b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b",", b";", b"\0", b"\x0b", b"\x80", b"%0a", b"0", b"9", b"-",
             b"+",
             b"x", b"chunked", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n",
             b"HTTP/1.1\r\n", b"")
NUMBERS = itertools.count(1)
# A proxy that is refused by the gateway, or that a client leaves, writes its line a moment later.
AGREE_SECONDS = 5


def mutants(seed, count):
    chance = random.Random(seed)
    small = [case for case in CASES if 0 < len(case.data) < 600]
    for number in range(count):
        case = chance.choice(small)
        data = case.data
        for _ in range(chance.randint(1, 3)):
            at, length = chance.randrange(len(data) + 1), chance.randint(0, 2)
            data = data[:at] + chance.choice(SPLINTERS) + data[at + length:]
        yield dataclasses.replace(case, name=f"mutant {number} of {case.name}", data=data)


class ProxiedCase(unittest.TestCase):
    """Sends cases through a proxy to `target` and compares what each of the three says of them."""
    target = None

    def total(self):
        """Requests that the gateway has answered, but for the health checks that count as such too."""
        return sum(self.target.counted().values())

    def assert_agreement(self, proxy, before, since):
        """Requests that the gateway answered since `before` are those that the proxy sent since its line `since`."""
        def sent():
            return [passed for passed in proxy.read()[since:] if passed.sent]

        def agree():
            return sum(1 for passed in sent() if passed.request_id) <= self.total() - before <= len(sent())
        try:
            wait_until(agree, AGREE_SECONDS)
        except AssertionError:
            lines = "\n    ".join(str(passed) for passed in proxy.passed[since:])
            self.fail(f"the gateway answered {self.total() - before} requests, the proxy sent:\n    {lines}")

    def assert_own_answers(self, answers, passed, number):
        """Each answer that came from the gateway is, in order, the one to the line that the proxy logged."""
        answered = [line for line in passed if line.request_id]
        received = [answer for answer in answers if answer.request_id]
        self.assertEqual([answer.request_id for answer in received],
                         [line.request_id for line in answered][:len(received)])
        for answer, line in zip(received, answered):
            self.assertEqual(answer.status, line.status)
            self.assertEqual(names(answer, number), line.line == f"GET /marker-{number} HTTP/1.1", line)
            if b"/smuggled)" in answer.body:
                self.assertIn(" /smuggled ", line.line)

    def send_innocent(self, proxy, number):
        """Another client, right behind: the connection to the gateway is one that hostile bytes have passed."""
        talk = converse(("127.0.0.1", proxy.port), marker(number, "innocent"))
        self.assertEqual(talk.statuses, [404], talk)
        self.assertTrue(names(talk.answers[0], number, "innocent"), talk)

        def lines():
            return [passed for passed in proxy.read() if f" /innocent-{number} " in passed.line]

        wait_until(lines, AGREE_SECONDS, "the proxy's line of the innocent request")
        self.assertEqual([(line.port, line.request_id) for line in lines()], [(talk.port, talk.answers[0].request_id)])

    def send(self, proxy, case):
        number, before, since = next(NUMBERS), self.total(), len(proxy.read())
        data = self.target.fill(case.data) + (b"" if case.ends else marker(number))
        talk = converse(("127.0.0.1", proxy.port), data, case.head, case.ends)
        with self.subTest(case.name, covers=case.covers, sent=data[:300]):
            self.send_innocent(proxy, number)
            count = sum(1 for answer in talk.answers if answer.request_id)

            def lines():
                # The innocent client may have been given the same port.
                return [passed for passed in proxy.read()[since:]
                        if passed.port == talk.port and " /innocent-" not in passed.line]
            wait_until(lambda: sum(1 for line in lines() if line.request_id) >= count, AGREE_SECONDS,
                       "a line of the proxy for each answer")
            self.assert_own_answers(talk.answers, lines(), number)
            self.assert_agreement(proxy, before, since)


class ProxiedTest(ProxiedCase):
    @classmethod
    def setUpClass(cls):
        cls.target = Target()
        cls.addClassCleanup(cls.target.stop)

    def send_all(self, kind, permissive):
        proxy = kind(self.target.address[1], permissive)
        self.addCleanup(proxy.stop)
        before = self.total()
        for case in itertools.chain(CASES, mutants(SEED, MUTANTS)):
            self.send(proxy, case)
        self.assert_agreement(proxy, before, 0)
        passed = sum(1 for line in proxy.passed if line.request_id)
        self.assertGreater(passed, len(CASES), "next to nothing came through: this proxy tests nothing")
        self.target.check_health(self)

    def test_nginx(self):
        self.send_all(Nginx, permissive=False)

    def test_nginx_that_lets_odd_heads_through(self):
        self.send_all(Nginx, permissive=True)

    def test_haproxy(self):
        self.send_all(Haproxy, permissive=False)

    def test_haproxy_that_lets_odd_heads_through(self):
        self.send_all(Haproxy, permissive=True)


class CarelessTest(unittest.TestCase):
    """The tests above can fail: they find a gateway that reads a request out of a body."""

    def assert_found_out(self, kind):
        target = CarelessGateway()
        self.addCleanup(target.stop)
        proxy = kind(target.address[1], permissive=False)
        self.addCleanup(proxy.stop)

        class Victim(ProxiedCase):
            case = served_cases.MODELS[0]

            def runTest(self):  # pylint: disable=invalid-name
                self.send(proxy, self.case)
        victim, result = Victim(), unittest.TestResult()
        victim.target = target
        victim.run(result)
        self.assertEqual((result.failures, result.errors), ([], []))
        victim.case = framing_cases.BODYLESS[0]
        victim.run(result)
        self.assertEqual((len(result.failures), result.errors), (1, []))

    def test_nginx_before_a_careless_gateway(self):
        self.assert_found_out(Nginx)

    def test_haproxy_before_a_careless_gateway(self):
        self.assert_found_out(Haproxy)


if __name__ == "__main__":
    unittest.main()
