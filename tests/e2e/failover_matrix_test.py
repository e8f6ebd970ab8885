#!/usr/bin/env python3
"""The table of docs/reference/failover.md, read from the page and made in a running suite: each row without and with
`retry_safe`, with another route and without one. And what else the page says of which upstream is asked.

usage: failover_matrix_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import itertools
import json
import os
import re
import sys
import typing
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import ROOT, Answer, Suite, wait_until  # noqa: E402
from upstream_catalog import (CENT4, FORMATS, KEY, Books, Call, Certificate, Upstreams, apply_catalog,  # noqa: E402
                              catalog_name, provider_name, trust)

PAGE = os.path.join(ROOT, "docs/reference/failover.md")
ROUTING = os.path.join(ROOT, "services/provider_proxy/routing")
FORMAT = next(form for form in FORMATS if form.name == "openai_images")
VERDICTS = {"not started", "refused", "rejected", "may have worked", "delivered"}
ASK = {"prompt": "a lighthouse", "size": "256x256", "response_format": "b64_json"}
LANES = 4  # sandboxes that make the rows side by side
# One picture is more than the route allows; the whole answer is so in the second case only.
ABOVE_THE_LIMIT, BEYOND_THE_CAP = 1_300_000, 3 << 20


class Row(typing.NamedTuple):
    """A line of the page's table."""
    seen: str
    verdict: str
    other_route: str
    with_retry_safe: str
    status: str
    code: str
    should_retry: str
    charged: str


class Recipe(typing.NamedTuple):
    """How an upstream is brought to what a row says: by the sandbox's words, a proxy, or an answer of the test's."""
    words: str = ""
    way: typing.Optional[str] = None
    mode: str = "pass"
    status: int = 200
    body: dict = {}
    timeout: int = 20
    provider: dict = {}
    ask: dict = {}
    arrives: bool = True  # at the sandbox, or whoever stands in its place


def scripted(status, **body):
    return Recipe(way="scripted", status=status, body=body)


def error(message, **more):
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, **more}}


RECIPES = {
    "no connection": Recipe(way="plain", mode="refuse", arrives=False),
    "a certificate that is not trusted": Recipe(way="untrusted", arrives=False),
    "our credential cannot be read": Recipe(provider={"credential": "env:PROVIDER_KEY_OF_NOBODY"}, arrives=False),
    "401": Recipe("status=401"),
    "402": Recipe("status=402"),
    "403": Recipe("status=403"),
    "403 that is a page of HTML": Recipe("status=403 body=html"),
    "404": Recipe("status=404"),
    "429": Recipe("status=429"),
    "503 with `Retry-After`": Recipe("status=503 retry_after=2"),
    "503 that says it is overloaded": scripted(503, **error("The model is overloaded.", code="overloaded")),
    "529 with `Retry-After`": Recipe("status=529 retry_after=2"),
    "400 that blames the credential": scripted(400, **error("That key is unknown.", code="invalid_api_key")),
    "400 that blames the account's funds": scripted(400, **error("The limit is reached.",
                                                                code="billing_hard_limit_reached")),
    "400 that names moderation": Recipe("refuse=error"),
    "403 that names moderation": scripted(403, **error("Your input was flagged.", code="moderation_blocked")),
    # As xAI writes it: the code speaks of rights, the message of a team and a key.
    "403 that says the content breaks rules": scripted(
        403, code="The caller does not have permission to execute the specified operation",
        error="Content violates usage guidelines. Team: 7, API key ID: 9, Failed check: SAFETY_CHECK_TYPE_BIO"),
    **{f"{status} that says the prompt was flagged":
       scripted(status, **error("Your prompt was flagged by our safety system.")) for status in (402, 404, 429)},
    "451": Recipe("status=451"),
    "200 whose pictures are withheld": Recipe("refuse=flagged"),
    "400": Recipe("status=400"),
    "413": Recipe("status=413"),
    "422": Recipe("status=422"),
    "429 to a request that no limit can hold": scripted(429, **error(
        "Request too large for m in organization o on images per min: Limit 5, Requested 16.",
        code="rate_limit_exceeded")),
    "500": Recipe("status=500"),
    "502": Recipe("status=502"),
    "503 that says nothing of its own": scripted(503, message="Service Unavailable"),
    "503 that quotes a prompt about overload": scripted(503, **error(
        "Generation failed for prompt: a stadium at capacity")),
    "500 that quotes a prompt about safety": scripted(500, **error(
        "Generation failed for prompt: a poster of a safety system")),
    "409": Recipe("status=409"),
    "a redirect": Recipe("status=302"),
    "408": Recipe("status=408"),
    "504": Recipe("status=504"),
    "524": Recipe("status=524"),
    "no answer in time": Recipe(way="plain", mode="hold", timeout=1),
    "a reset after the request": Recipe(way="plain", mode="reset"),
    "an answer that is cut": Recipe(way="plain", mode="cut"),
    "an answer that is too large": Recipe(f"size_bytes={BEYOND_THE_CAP}"),
    "200 that is a page of HTML": Recipe("body=html"),
    "200 that is broken JSON": Recipe("body=broken_json"),
    "200 with an error inside": scripted(200, **error("Something went wrong.", code="internal_error")),
    "200 without pictures": Recipe("body=empty_data"),
    "200 whose base64 is wrong": Recipe("body=wrong_base64"),
    "200 whose picture is none": Recipe("body=not_image"),
    "200 whose picture is too large": Recipe(f"size_bytes={ABOVE_THE_LIMIT}"),
    "200 whose picture cannot be fetched": Recipe("url_only at=picture status=404"),
    "fewer pictures than asked for": Recipe("images=1", ask={"n": 2}),
}


def rows_of_the_page():
    with open(PAGE, encoding="utf-8") as page:
        section = page.read().partition("\n## The table\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]  # without the head
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


ROWS = rows_of_the_page()


def constants_of_the_page():
    """{name: number} of every `kName` (number ...) in its prose."""
    with open(PAGE, encoding="utf-8") as page:
        return {name: float(number) for name, number in re.findall(r"`(k[A-Z]\w+)`\s+\((\d+(?:\.\d+)?)", page.read())}


def constants_of_routing():
    """{name: number} of what its headers define, times in seconds."""
    text = ""
    for name in sorted(os.listdir(ROUTING)):
        if name.endswith(".h"):
            with open(os.path.join(ROUTING, name), encoding="utf-8") as header:
                text += header.read()
    found = re.findall(r"constexpr [\w:]+ (k\w+) = (?:absl::(Seconds|Minutes)\()?(\d+(?:\.\d+)?)\)?;", text)
    return {name: float(number) * (60 if unit == "Minutes" else 1) for name, unit, number in found}


class PageTest(unittest.TestCase):
    def test_the_constants_are_as_the_page_says(self):
        said, are = constants_of_the_page(), constants_of_routing()
        self.assertGreater(len(said), 10)
        self.assertEqual(said, {name: are.get(name) for name in said})

    def test_the_page_has_every_row_once_and_no_other(self):
        self.assertEqual(sorted(row.seen for row in ROWS), sorted(RECIPES))
        self.assertEqual({row.verdict for row in ROWS}, VERDICTS)
        for row in ROWS:
            self.assertLessEqual({row.other_route, row.with_retry_safe}, {"yes", "no"}, row.seen)


class Way(typing.NamedTuple):
    """One of the four ways in which a row is made."""
    retry_safe: bool
    another: bool  # there is another route


WAYS = tuple(Way(*each) for each in itertools.product((False, True), (False, True)))


class Seen(typing.NamedTuple):
    answer: Answer
    before: Books
    after: Books
    first: int
    second: int


def name_of(row, way):
    return catalog_name("failover", str(ROWS.index(row)), "safe" if way.retry_safe else "unsafe",
                        "another" if way.another else "alone")


class Lane:
    """Makes rows, one after the other, with upstreams and an account of its own."""

    def __init__(self, suite, number, trusted, untrusted):
        self.suite, self.account = suite, f"lane-{number}"
        self.upstreams = Upstreams(suite, FORMAT._replace(name=self.account), trusted, untrusted)
        self.key = suite.new_key(self.account, wallet="100")

    def calls(self, row):
        recipe = RECIPES[row.seen]
        for way in WAYS:
            yield FORMAT, Call(name_of(row, way), self.upstreams.base_url(recipe.way),
                               self.upstreams.base_url(None) if way.another else None, recipe.timeout, recipe.provider,
                               {"retry_safe": way.retry_safe})

    def make(self, row, way):
        recipe, upstreams = RECIPES[row.seen], self.upstreams
        upstreams.sandbox.forget()
        if recipe.words:
            # The other route works; the same one goes on as it began.
            upstreams.sandbox.fault_next(recipe.words, 1 if way.another else 2)
        scripted_to = upstreams.scripted
        scripted_to.status, scripted_to.body = recipe.status, json.dumps(recipe.body).encode()
        scripted_to.seen.clear()
        proxy = upstreams.proxies.get(recipe.way)
        if proxy is not None:
            proxy.mode = recipe.mode
        before = Books.of(self.suite, self.account)
        answer = self.suite.generate({**ASK, **recipe.ask, "model": name_of(row, way)}, self.key)
        after = Books.of(self.suite, self.account)
        if proxy is not None:
            proxy.mode = "pass"
        routes = [call["headers"].get("x-route", "") for call in upstreams.sandbox.requests()]
        first = sum(route.endswith("/first") for route in routes) + len(scripted_to.seen)
        return Seen(answer, before, after, first, sum(route.endswith("/second") for route in routes))


# Models for what the page says below its table: name -> (how the first provider is reached, more of it, of its routes).
OTHERS = {
    "resting": (None, {}, {}),
    "resting-alone": (None, {}, {}),
    "both-fail": ("plain", {}, {}),
    "both-fail-and-may-repeat": (None, {}, {"retry_safe": True}),
    "two-credentials": (None, {"credential": None, "credentials": ["file:wrong", KEY]}, {}),
    "turned-credential": (None, {"credential": "file:turned"}, {}),
    "switched": (None, {}, {}),
}


class FailoverMatrixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        certificate, stranger = Certificate(), Certificate()
        cls.addClassCleanup(certificate.close)
        cls.addClassCleanup(stranger.close)
        cls.credentials = trust(cls.suite, certificate)
        lanes = []
        for number in range(LANES):
            lanes.append(Lane(cls.suite, number, certificate, stranger))
            cls.addClassCleanup(lanes[-1].upstreams.stop)
        shares = [[row for row in ROWS[number::LANES] if row.seen in RECIPES] for number in range(LANES)]
        cls.lane = lanes[0]
        apply_catalog(cls.suite, [
            *(call for lane, rows in zip(lanes, shares) for row in rows for call in lane.calls(row)),
            *((FORMAT, cls.other_call(name)) for name in OTHERS)])
        cls.seen = {}
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            for made in pool.map(cls.make_all, lanes, shares):
                cls.seen.update(made)

    @classmethod
    def other_call(cls, name):
        way, provider, route = OTHERS[name]
        second = None if name.endswith("-alone") else cls.lane.upstreams.base_url(None)
        return Call(name, cls.lane.upstreams.base_url(way), second, provider=provider, route=route)

    @staticmethod
    def make_all(lane, rows):
        return {(row.seen, way): lane.make(row, way) for row in rows for way in WAYS}

    def check(self, row, way):
        seen = self.seen[row.seen, way]
        asks_on = (row.with_retry_safe if way.retry_safe else row.other_route) == "yes"
        delivers = asks_on and way.another or row.status == "200"
        # With nobody else to ask, the one that may be asked twice is.
        again = not way.another and way.retry_safe and row.verdict == "may have worked"
        first = (2 if again else 1) if RECIPES[row.seen].arrives else 0
        self.assertEqual((seen.first, seen.second), (first, int(asks_on and way.another)), seen.answer.body[:300])
        self.assert_answer(row, seen, delivers)
        self.assertEqual(row.charged, "what came" if row.status == "200" else "no")
        self.assertEqual(seen.before.balance - seen.after.balance, CENT4 if delivers else 0)
        self.assertEqual((seen.after.held, seen.after.concurrent), (0, 0))
        self.assertEqual(seen.after.entries - seen.before.entries, int(delivers))

    def assert_answer(self, row, seen, delivers):
        if delivers:
            self.assertEqual((seen.answer.status, len(seen.answer.images())), (200, 1), seen.answer.body[:300])
            return
        self.assertEqual((str(seen.answer.status), f"`{seen.answer.error['code']}`"), (row.status, row.code))
        self.assertEqual(seen.answer.headers["x-should-retry"], row.should_retry)
        self.assertEqual("retry-after" in seen.answer.headers, row.should_retry == "true")

    # --- below the table ---

    def ask(self, model):
        """(answer, calls over the first route, over the second)"""
        sandbox = self.lane.upstreams.sandbox
        before = len(sandbox.requests())
        answer = self.suite.generate({**ASK, "model": model}, self.lane.key)
        calls = sandbox.requests()  # the newest first
        routes = [call["headers"].get("x-route", "").rpartition("/")[2] for call in calls[:len(calls) - before]]
        return answer, routes.count("first"), routes.count("second")

    def assert_asked(self, model, status, first, second):
        answer, *calls = self.ask(model)
        self.assertEqual((answer.status, *calls), (status, first, second), answer.body[:300])
        return answer

    def fault_next(self, directive, count=1):
        self.lane.upstreams.sandbox.forget()
        self.lane.upstreams.sandbox.fault_next(directive, count)

    def test_a_resting_route_is_not_asked(self):
        self.fault_next("status=429 retry_after=30")
        self.assert_asked("resting", 200, 1, 1)
        self.assert_asked("resting", 200, 0, 1)

    def test_a_client_is_told_how_long_the_rest_still_is(self):
        self.fault_next("status=503 retry_after=30")
        self.assertEqual(self.assert_asked("resting-alone", 503, 1, 0).headers["retry-after"], "30")
        answer = self.assert_asked("resting-alone", 503, 0, 0)
        self.assertEqual(answer.error["code"], "model_overloaded")
        self.assertTrue(20 < int(answer.headers["retry-after"]) <= 30, answer.headers["retry-after"])

    def test_the_client_is_told_what_says_most(self):
        """The first route cannot be reached, each time; the second says something else."""
        self.lane.upstreams.proxies["plain"].mode = "refuse"
        self.addCleanup(setattr, self.lane.upstreams.proxies["plain"], "mode", "pass")
        for directive, status, code in (("refuse", 400, "moderation_blocked"), ("status=400", 400, "invalid_value"),
                                        ("status=500", 502, "upstream_error"), ("status=504", 504, "upstream_timeout"),
                                        ("status=401", 503, "model_overloaded")):
            self.fault_next(directive)
            self.assertEqual(self.assert_asked("both-fail", status, 0, 1).error["code"], code)

    def test_with_retry_safe_all_routes_are_asked_before_one_is_asked_again(self):
        self.fault_next("status=500", 2)
        self.assert_asked("both-fail-and-may-repeat", 200, 2, 1)
        self.fault_next("status=500", 9)
        self.assertEqual(self.assert_asked("both-fail-and-may-repeat", 502, 2, 2).error["code"], "upstream_error")

    def test_another_credential_is_tried_before_another_route(self):
        self.write_credential("wrong", "not-the-key")
        self.lane.upstreams.sandbox.forget()
        self.assert_asked("two-credentials", 200, 2, 0)
        for _ in range(3):  # the one that was refused rests
            self.assert_asked("two-credentials", 200, 1, 0)

    def test_a_credential_is_turned_without_a_restart(self):
        self.write_credential("turned", "not-the-key")
        self.lane.upstreams.sandbox.forget()
        self.assert_asked("turned-credential", 200, 1, 1)
        self.write_credential("turned", self.lane.upstreams.sandbox.key)
        self.assert_asked("turned-credential", 200, 1, 0)

    def write_credential(self, name, secret):
        path = os.path.join(self.credentials, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(secret + "\n")
        os.rename(path + ".new", path)

    def test_a_provider_that_is_switched_off_takes_no_part(self):
        self.lane.upstreams.sandbox.forget()
        self.assert_asked("switched", 200, 1, 0)
        self.suite.cli("provider", "images", provider_name(self.other_call("switched"), "first"), "off")
        wait_until(lambda: self.ask("switched")[1:] == (0, 1), 5, "the switch")
        self.suite.cli("provider", "images", provider_name(self.other_call("switched"), "second"), "off")
        wait_until(lambda: self.ask("switched")[0].status == 503, 5, "the other switch")
        self.assertEqual(self.assert_asked("switched", 503, 0, 0).error["code"], "no_image_route")


def add_tests():
    for row, way in itertools.product(ROWS, WAYS):
        def test(self, row=row, way=way):
            self.check(row, way)
        words = "".join(letter if letter.isalnum() else "_" for letter in row.seen)
        test.__name__ = (f"test_{words}_{'with' if way.retry_safe else 'without'}_retry_safe_"
                         f"{'with' if way.another else 'without'}_another_route")
        setattr(FailoverMatrixTest, test.__name__, test)


add_tests()

if __name__ == "__main__":
    unittest.main()
