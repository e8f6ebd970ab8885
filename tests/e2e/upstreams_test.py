#!/usr/bin/env python3
"""Every wire format through the running suite: what each thing that an upstream may do (upstream_cases.py) comes to for
the client and for the account, how often the upstream was asked, and whether another one was.

usage: upstreams_test.py [--separate] [--bin DIR] [unittest arguments]

Formats run side by side, the cases of one format one after the other; the tests then look at what was seen.
"""
import base64
import concurrent.futures
import json
import os
import sys
import time
import typing
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import Answer, Suite, png_size  # noqa: E402
from upstream_cases import cases_of, request_of  # noqa: E402
from upstream_catalog import (CENT4, FORMATS, SMALL_PNG, Books, Call, Certificate, Upstreams,  # noqa: E402
                              apply_catalog, catalog_name, trust)

DRIP_BYTES_PER_SECOND = 100
CREDENTIAL_HEADERS = {"authorization", "proxy-authorization", "x-key", "api-key", "x-api-key", "x-goog-api-key",
                      "cookie"}
KINDS = ("generation", "poll", "picture")  # of requests, as the sandbox tells them apart
SMALL_PNG_BASE64 = base64.b64encode(SMALL_PNG).decode()
PATIENCE_SECONDS = 15  # more than any case takes by its own deadlines


class Seen(typing.NamedTuple):
    """What one case came to."""
    answer: Answer
    seconds: float
    before: Books
    after: Books
    calls: list  # as the sandbox recorded them
    polls: list
    pictures: list
    elsewhere: list  # what reached the server that belongs to somebody else
    references: list  # what reached the server of the client's reference images
    endless_bytes: int

    def calls_over(self, role):
        return [call for call in self.calls if call["headers"].get("x-route", "").endswith("/" + role)]


class World:
    """The suite, and upstreams of every format. Runs all cases."""

    def __init__(self, stack):
        self.suite = Suite()
        stack(self.suite.stop)
        self.certificate, self.stranger = Certificate(), Certificate()
        stack(self.certificate.close)
        stack(self.stranger.close)
        trust(self.suite, self.certificate)
        self.upstreams, self.keys = {}, {}
        for form in FORMATS:
            self.upstreams[form.name] = Upstreams(self.suite, form, self.certificate, self.stranger)
            stack(self.upstreams[form.name].stop)
            self.keys[form.name] = self.suite.new_key(catalog_name(form.name), wallet="100")
        apply_catalog(self.suite, [(form, self.call_for(form, case)) for form in FORMATS for case in cases_of(form)])

    def call_for(self, form, case):
        upstreams = self.upstreams[form.name]
        return Call(catalog_name(form.name, case.name), upstreams.base_url(case.way),
                    upstreams.base_url(None) if case.has_second else None, case.timeout,
                    case.provider)

    def run(self):
        """{(format's name, case's name): Seen, or what went wrong}"""
        seen = {}
        with concurrent.futures.ThreadPoolExecutor(len(FORMATS)) as pool:
            for part in pool.map(self.run_format, FORMATS):
                seen.update(part)
        return seen

    def run_format(self, form):
        upstreams, seen = self.upstreams[form.name], {}
        places = {"reference": f"{upstreams.references.address}/reference.png",
                  "nowhere": f"https://{upstreams.proxies['tls'].address}/nowhere.png",
                  "data": "data:image/png;base64," + base64.b64encode(SMALL_PNG).decode()}
        for case in cases_of(form):
            try:
                seen[form.name, case.name] = self.run_case(form, case, places)
            except Exception as error:  # pylint: disable=broad-except
                seen[form.name, case.name] = error
        return seen

    def run_case(self, form, case, places):
        upstreams, account = self.upstreams[form.name], catalog_name(form.name)
        sandbox = upstreams.sandbox
        sandbox.forget()
        upstreams.elsewhere.seen.clear()
        upstreams.references.seen.clear()
        if case.script:
            answer = json.dumps(case.script(form, upstreams)).encode()
            upstreams.scripted.body = upstreams.scripted_tls.body = answer
        if case.steering(form):
            sandbox.fault_next(case.steering(form))
        proxy = upstreams.proxies.get(case.way)
        if proxy is not None:
            proxy.bytes_per_second, proxy.mode = DRIP_BYTES_PER_SECOND, case.mode
        before = Books.of(self.suite, account)
        body = {**request_of(case, form, places), "model": catalog_name(form.name, case.name)}
        began = time.monotonic()
        answer = self.suite.generate(body, self.keys[form.name])
        seconds = time.monotonic() - began
        after = Books.of(self.suite, account)
        endless = 0
        if proxy is not None:
            endless = proxy.counts["endless_bytes"]
            proxy.mode = "pass"
        return Seen(answer, seconds, before, after, *(sandbox.requests(kind) for kind in KINDS),
                    list(upstreams.elsewhere.seen), list(upstreams.references.seen), endless)


class UpstreamsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.world = World(cls.addClassCleanup)
        cls.suite, cls.upstreams = cls.world.suite, cls.world.upstreams
        cls.seen = cls.world.run()

    def check(self, form, case):
        seen = self.seen[form.name, case.name]
        if isinstance(seen, Exception):
            raise seen
        expect = case.expected(form)
        self.assertEqual((seen.answer.status, seen.answer.json.get("error", {}).get("code")),
                         (expect.status, expect.code), seen.answer.body[:500])
        self.assertEqual((len(seen.calls_over("first")), len(seen.calls_over("second"))), (expect.first, expect.second),
                         "calls over the first and the second route")
        self.assertLess(seen.seconds, PATIENCE_SECONDS)
        self.assert_books(seen, expect)
        if expect.code is None:
            self.assert_delivered(seen.answer, case, expect)
        else:
            self.assertEqual(seen.answer.headers["x-should-retry"], "true" if expect.status == 503 else "false")
        self.assert_credentials(form, seen)
        getattr(self, f"after_{case.name}", lambda *_: None)(form, seen)

    def assert_books(self, seen, expect):
        """Exactly what was delivered is paid, in one entry, and nothing is held or under way."""
        self.assertEqual(seen.before.balance - seen.after.balance, expect.images * CENT4)
        self.assertEqual((seen.after.held, seen.after.concurrent), (0, 0))
        self.assertEqual(seen.after.entries - seen.before.entries, 1 if expect.images else 0)
        if expect.images:
            self.assertEqual(seen.answer.headers["x-prismatic-cost-usd"], f"{expect.images * 0.04:.2f}")

    def assert_delivered(self, answer, case, expect):
        self.assertEqual(len(answer.json["data"]), expect.images)
        for item in answer.json["data"]:
            forms = [form for form in ("b64_json", "url") if form in item]
            self.assertEqual(len(forms), 1, list(item))
            asked = case.ask.get("response_format", "b64_json")
            if asked is not None:
                self.assertEqual(forms, [asked])
            png = self.picture_of(item)
            self.assertGreater(min(png_size(png)), 0)

    def picture_of(self, item):
        if "b64_json" in item:
            return base64.b64decode(item["b64_json"], validate=True)
        if item["url"].startswith("data:"):
            return base64.b64decode(item["url"].partition(";base64,")[2], validate=True)
        return self.suite.http("GET", item["url"]).body

    def assert_credentials(self, form, seen):
        """Each call and poll has one, and nobody that serves pictures gets any."""
        for call in seen.calls + seen.polls:
            if not call["headers"].get("x-route", "").endswith("credential-missing/first"):
                self.assertIn(form.key_header, call["headers"])
        for picture in seen.pictures:
            self.assertFalse(CREDENTIAL_HEADERS & set(picture["headers"]), picture["path"])
        for _, path, headers in seen.elsewhere + seen.references:
            self.assertFalse(CREDENTIAL_HEADERS & set(headers), path)

    # --- more than the table's columns ---

    def assert_told(self, seen, ignored, changed):
        """What was left out, and what was sent in another way."""
        for words, header in ((ignored, "x-prismatic-ignored-parameters"), (changed, "x-prismatic-changed-parameters")):
            self.assertEqual(seen.answer.headers.get(header, ""), words, header)

    def sent(self, seen):
        """The body of the first call, as it arrived."""
        return seen.calls_over("first")[0]["body"]

    def after_seed_request(self, form, seen):
        self.assert_told(seen, ",".join(form.ignored), form.changed_seed)
        width, height = png_size(seen.answer.images()[0])
        self.assertAlmostEqual(width / height, 16 / 9, delta=0.1)
        body = json.loads(self.sent(seen))
        for words in ("A clean product mockup on a neutral desk", "clutter, text artifacts"):
            self.assertIn(words, json.dumps(body))
        self.assertNotIn(catalog_name(form.name, "seed_request"), self.sent(seen), "a public ID went upstream")
        self.assertEqual((len(seen.pictures), len(seen.references)), (int(form.gives_urls), int(form.needs_bytes)))
        if not form.needs_bytes:
            self.assertIn("https://example.com/reference.png", json.dumps(body))

    def after_as_base64(self, form, seen):
        self.assert_told(seen, "", form.changed)

    def after_as_url(self, form, seen):
        url = seen.answer.json["data"][0]["url"]
        gives = form.gives_urls or form.name == "openai_images"
        self.assertTrue(url.startswith("http://127.0.0.1" if gives else "data:image/png;base64,"), url[:60])

    def after_as_it_comes(self, form, seen):
        item = seen.answer.json["data"][0]
        self.assertEqual("url" in item and item["url"].startswith("http"), form.gives_urls)

    def after_url_given_base64_asked(self, _, seen):
        self.assertEqual([picture["status"] for picture in seen.pictures], [200])

    def after_reference_as_data_url(self, _, seen):
        self.assertIn(SMALL_PNG_BASE64, self.sent(seen).replace("\\/", "/"))
        self.assertEqual(seen.references, [])

    def after_reference_as_url(self, form, seen):
        sent, url = self.sent(seen).replace("\\/", "/"), f"{self.upstreams[form.name].references.address}/reference.png"
        self.assertEqual((url in sent, SMALL_PNG_BASE64 in sent), (not form.needs_bytes, form.needs_bytes))
        self.assertEqual(len(seen.references), int(form.needs_bytes))

    def after_reference_that_is_not_there(self, _, seen):
        self.assertEqual(seen.answer.error["param"], "image_url")

    def after_grid_before_the_pictures(self, form, seen):
        again = self.suite.generate(request_of_name(form, "grid_before_the_pictures"), self.world.keys[form.name])
        self.assertEqual(seen.answer.images(), again.images())

    def after_rate_limited_everywhere(self, _, seen):
        self.assertEqual(seen.answer.headers["retry-after"], "3")

    def after_slow_drip(self, _, seen):
        self.assertLess(seen.seconds, 5)

    after_read_timeout = after_slow_drip

    def after_endless_body(self, _, seen):
        # The cap, what the sockets hold, and no more.
        self.assertLess(seen.endless_bytes, 16 << 20)
        self.assertGreater(seen.endless_bytes, 1 << 20)

    def after_poll_that_fails_and_recovers(self, _, seen):
        self.assertEqual([poll["status"] for poll in reversed(seen.polls)][:2], [503, 503])

    def after_poll_that_finds_no_job(self, _, seen):
        self.assertEqual(len(seen.polls), 1)

    after_poll_that_is_unauthorized = after_poll_that_finds_no_job

    def after_job_that_never_ends(self, _, seen):
        self.assertGreater(len(seen.polls), 1)
        self.assertLess(seen.seconds, 6)

    def after_polling_url_of_another_host(self, _, seen):
        self.assertEqual(seen.elsewhere, [])

    def after_polling_url_without_tls(self, _, seen):
        self.assertLess(seen.seconds, 5)

    def after_picture_at_another_host(self, _, seen):
        self.assertEqual([path for _, path, _ in seen.elsewhere], ["/picture.png"])

    def after_picture_that_takes_too_long(self, _, seen):
        self.assertLess(seen.seconds, 4)


def request_of_name(form, name):
    case = next(case for case in cases_of(form) if case.name == name)
    return {**request_of(case, form, {}), "model": catalog_name(form.name, name)}


def add_tests():
    for form in FORMATS:
        for case in cases_of(form):
            def test(self, form=form, case=case):
                self.check(form, case)
            test.__name__ = f"test_{form.name}_{case.name}"
            setattr(UpstreamsTest, test.__name__, test)


add_tests()

if __name__ == "__main__":
    unittest.main()
