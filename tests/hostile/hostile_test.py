#!/usr/bin/env python3
"""Hostile heads and bodies: each is refused once with a clear answer or closed, and none reaches a handler.

usage: hostile_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import itertools
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import body_cases  # noqa: E402
import framing_cases  # noqa: E402
import head_cases  # noqa: E402
import served_cases  # noqa: E402
from case import CLOSED, WEAKNESSES, post  # noqa: E402
from raw_http import converse, marker, names  # noqa: E402
from target import Target, wait_until  # noqa: E402

REFUSED = framing_cases.CASES + head_cases.CASES
HTTP_CASES = REFUSED + head_cases.TURNED_AWAY + served_cases.MODELS + served_cases.GENERATIONS
# Allocators keep some of what bodies of 32 MiB and trees of 300,000 values took, once for each thread; measured: 30 MiB
# before the list, 180 after it, whichever number of times it is sent. A leak would grow with every round.
RESIDENT_BYTES_MAX = 320 << 20
GROWTH_BYTES_MAX = 2 << 20
ROUNDS_MAX = 10
# A system call for each byte.
ONE_BY_ONE_BYTES_MAX = 600
NUMBERS = itertools.count(1)


def shown(case, talk):
    answers = [(answer.status, answer.body[:200]) for answer in talk.answers]
    return (f"\n  sent: {case.data[:300]!r}{' ...' if len(case.data) > 300 else ''} ({len(case.data)} bytes)"
            f"\n  answers: {answers}\n  rest: {talk.rest[:200]!r}\n  closed: {talk.closed}")


class HostileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.target = Target()
        cls.addClassCleanup(cls.target.stop)

    def tearDown(self):
        self.target.check_health(self)

    def talk(self, case, number, **how):
        """The case and, right behind it, a marker that only a server which got lost would answer."""
        data = self.target.fill(case.data) + (b"" if case.ends else marker(number))
        return converse(self.target.address, data, case.head, case.ends, **how)

    def assert_error_shape(self, answer, head=False):
        self.assertRegex(answer.request_id, r"^[0-9a-f-]{36}$")
        self.assertNotIn("exception_what", answer.headers)
        if head:
            return
        self.assertEqual(answer.headers.get("content-type"), "application/json")
        self.assertEqual(set(json.loads(answer.body)), {"error"})
        self.assertEqual(set(answer.error), {"message", "type", "param", "code"})
        self.assertEqual(answer.error["type"], "invalid_request_error")
        self.assertTrue(answer.error["message"] and answer.error["code"])
        self.assertEqual(answer.headers.get("x-should-retry"), "true" if answer.status == 408 else "false")

    def assert_refused(self, case):
        number, before = next(NUMBERS), self.target.counted()
        talk = self.talk(case, number)
        counted = self.target.counted_since(before)
        with self.subTest(case.name, covers=case.covers):
            detail = shown(case, talk)
            self.assertEqual(talk.rest, b"", "bytes that are no answer" + detail)
            self.assertTrue(talk.closed, "still open" + detail)
            if CLOSED in case.expect and not talk.answers:
                self.assertLessEqual(set(route for route, _ in counted), {"refused"}, detail)
                return
            self.assertEqual(len(talk.answers), 1, "not one answer" + detail)
            self.assertIn(talk.answers[0].status, case.expect, detail)
            self.assertEqual(counted, {("refused", talk.answers[0].status): 1}, "counted otherwise" + detail)
            self.assertEqual(talk.answers[0].headers.get("connection", "").lower(), "close", detail)
            self.assert_error_shape(talk.answers[0], case.head)

    def test_what_cannot_be_framed_is_refused_once_and_reaches_no_handler(self):
        upstream, keys = self.target.upstream_total(), self.target.redis_keys()
        for case in REFUSED:
            self.assert_refused(case)
        self.assertEqual(self.target.upstream_total(), upstream, "the upstream saw some of it")
        self.assertEqual(self.target.redis_keys(), keys)

    def assert_followed(self, talk, number, detail):
        """The first answer is followed by the marker's own or by the end."""
        self.assertEqual(talk.rest, b"", detail)
        self.assertTrue(talk.closed, detail)
        self.assertIn(len(talk.answers), (1, 2), detail)
        if len(talk.answers) == 2:
            self.assertEqual(talk.answers[1].status, 404, detail)
            self.assertTrue(names(talk.answers[1], number), "the second answer is not the marker's" + detail)
        else:
            self.assertEqual(talk.answers[0].headers.get("connection", "").lower(), "close", detail)

    def test_what_is_framed_but_not_served_leaves_the_connection_in_order(self):
        upstream, keys = self.target.upstream_total(), self.target.redis_keys()
        for case in head_cases.TURNED_AWAY:
            number = next(NUMBERS)
            talk = self.talk(case, number)
            with self.subTest(case.name, covers=case.covers):
                detail = shown(case, talk)
                self.assertTrue(talk.answers, detail)
                self.assertIn(talk.answers[0].status, case.expect, detail)
                self.assert_error_shape(talk.answers[0])
                self.assert_followed(talk, number, detail)
        self.assertEqual(self.target.upstream_total(), upstream, "the upstream saw some of it")
        self.assertEqual(self.target.redis_keys(), keys)

    def test_hostile_bodies_are_refused_by_the_edge_alone(self):
        upstream, keys = self.target.upstream_total(), self.target.redis_keys()
        for case in body_cases.CASES:
            number = next(NUMBERS)
            head = self.target.fill(post(f"Content-Length: {len(case.body)}", body=b""))
            talk = converse(self.target.address, head + case.body + marker(number))
            with self.subTest(case.name):
                detail = f"\n  body: {case.body[:300]!r} ({len(case.body)} bytes)" + "".join(
                    f"\n  {answer.status} {answer.body[:300]!r}" for answer in talk.answers)
                self.assertEqual(talk.statuses, [400, 404], detail)
                self.assert_error_shape(talk.answers[0])
                self.assertTrue(names(talk.answers[1], number), detail)
                if case.param is not None:
                    self.assertEqual(talk.answers[0].error["param"], case.param, detail)
                self.assertEqual(self.target.upstream_total(), upstream, "the upstream saw it")
                self.assertEqual(self.target.redis_keys(), keys, "Redis was changed")
            upstream, keys = self.target.upstream_total(), self.target.redis_keys()

    def assert_plain(self, answer, detail):
        """No part of a body, no coding of it, nothing that a value smuggled into the head."""
        self.assertEqual(answer.status, 200, detail)
        for name in ("content-encoding", "content-range", "accept-ranges", "x-injected", "transfer-encoding",
                     "upgrade"):
            self.assertNotIn(name, answer.headers, detail)

    def test_what_is_odd_and_legal_is_answered_like_its_plain_form(self):
        plain = self.target.api("GET", "/models").body
        for case in served_cases.MODELS:
            number = next(NUMBERS)
            talk = self.talk(case, number)
            with self.subTest(case.name, covers=case.covers):
                detail = shown(case, talk)
                self.assertTrue(talk.answers, detail)
                self.assert_plain(talk.answers[0], detail)
                self.assertEqual(talk.answers[0].body, plain, detail)
                self.assert_followed(talk, number, detail)

    def test_odd_generations_reach_the_upstream_once(self):
        for case in served_cases.GENERATIONS:
            number, upstream = next(NUMBERS), self.target.upstream_total()
            talk = self.talk(case, number)
            with self.subTest(case.name, covers=case.covers):
                detail = shown(case, talk)
                self.assertTrue(talk.answers, detail)
                self.assert_plain(talk.answers[0], detail)
                picture = json.loads(talk.answers[0].body)["data"][0]
                self.assertTrue(picture.get("b64_json") or picture.get("url"), detail)
                self.assert_followed(talk, number, detail)
                self.assertEqual(self.target.upstream_total(), upstream + 1)
                sent = json.loads(self.target.upstream_requests(1)[0]["body"])
                self.assertEqual((sent["prompt"], sent.get("x1")), ("hostile", None))

    def test_bytes_that_come_one_by_one_are_understood_as_those_that_come_together(self):
        for case in REFUSED + head_cases.TURNED_AWAY + served_cases.MODELS:
            if len(case.data) > ONE_BY_ONE_BYTES_MAX:
                continue
            number = next(NUMBERS)
            together, apart = self.talk(case, number), self.talk(case, number, piece=1)
            with self.subTest(case.name):
                self.assertEqual([(answer.status, answer.body) for answer in apart.answers],
                                 [(answer.status, answer.body) for answer in together.answers], shown(case, apart))

    def test_percent_signs_in_values_are_only_percent_signs(self):
        statuses = [self.target.generate(headers={"Idempotency-Key": value}).status
                    for value in ("a%0d%0ab", "a%0D%0Ab", "a%250d%250ab", "%61%0d%0ab", "a%0d%0ab")]
        self.assertEqual(statuses, [200, 200, 200, 200, 409], "two values were taken for one, or one for two")
        reused = self.target.generate(prompt="another", headers={"Idempotency-Key": "a%0D%0Ab"})
        self.assertEqual((reused.status, reused.error["code"]), (400, "idempotency_key_reused"))

    def test_a_good_request_before_a_hostile_one_is_answered_and_nothing_behind_it(self):
        for case in framing_cases.BOTH + framing_cases.BODYLESS + head_cases.HOSTS:
            number = next(NUMBERS)
            data = marker(number, "first", last=False) + self.target.fill(case.data) + marker(number)
            talk = converse(self.target.address, data)
            with self.subTest(case.name):
                detail = shown(case, talk)
                # The refusal of a HEAD announces a body that does not come.
                self.assertEqual(talk.statuses[0], 404, detail)
                self.assertTrue(names(talk.answers[0], number, "first"), detail)
                self.assertFalse(any(names(answer, number) for answer in talk.answers), detail)
                if not case.head:
                    self.assertEqual(len(talk.answers), 2, detail)
                    self.assertIn(talk.statuses[1], case.expect, detail)
                self.assertTrue(talk.closed, detail)

    def send_all(self):
        for case in REFUSED + head_cases.TURNED_AWAY + served_cases.MODELS:
            self.talk(case, next(NUMBERS))
        for case in body_cases.CASES:
            head = self.target.fill(post(f"Content-Length: {len(case.body)}", "Connection: close", body=b""))
            converse(self.target.address, head + case.body)

    def test_the_list_sent_again_and_again_leaves_nothing_behind(self):
        self.send_all()
        files, threads, resident = self.target.open_files(), self.target.threads(), [self.target.resident_bytes()]
        while len(resident) < 3 or resident[-1] - resident[-3] > GROWTH_BYTES_MAX:
            self.assertLess(len(resident), ROUNDS_MAX, f"every round takes more: {resident}")
            self.send_all()
            resident.append(self.target.resident_bytes())
        self.assertLess(resident[-1], RESIDENT_BYTES_MAX)
        wait_until(lambda: self.target.open_files() <= files, 10, "the closing of every connection")
        # gRPC starts one more now and then.
        self.assertLessEqual(self.target.threads(), threads + 2)

    def test_the_list_is_long_and_names_every_weakness(self):
        self.assertGreaterEqual(len(REFUSED) + len(body_cases.CASES), 200)
        covered = {case.covers for case in HTTP_CASES} - {""}
        self.assertEqual(covered, set(WEAKNESSES))
        for cases in (HTTP_CASES, body_cases.CASES):
            self.assertEqual(len({case.name for case in cases}), len(cases), "two cases have one name")


if __name__ == "__main__":
    unittest.main()
