#!/usr/bin/env python3
"""docs/reference/metrics.md has every family that a running suite tells, with its type and labels, and a suite under
traffic of every kind tells every family of the page; Prometheus' own tool finds nothing wrong with them.

usage: metrics_reference_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import math
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from traffic import ROOT, Suite, all_families, endpoints, every_kind, wait_until  # noqa: E402

PAGE = os.path.join(ROOT, "docs/reference/metrics.md")
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \|([^|]*)\| (.+) \|$", re.M)
# Its families need what a suite of a test has not.
ELSEWHERE = "### With Sentinel only"
GRPC_OF_THE_REQUEST_PATH = "prismatic.billing.v1.Billing"


def documented(page):
    """{name: (type, labels)}."""
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in ROW.findall(page)}


class MetricsReferenceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        every_kind(cls.suite)
        with open(PAGE, encoding="utf-8") as page:
            cls.page = page.read()
        # NaN, which is no number and equals none, until a look has gone well again.
        drift = "prismatic_ledger_drift_accounts"
        wait_until(lambda: cls.suite.metric(drift, "billing") >= 0, 60, "a look through all books")
        cls.told = all_families(cls.suite)
        assert len(cls.told) > 60, sorted(cls.told)

    def test_every_family_is_documented_with_its_type_and_labels(self):
        known = documented(self.page)
        for name, family in self.told.items():
            with self.subTest(name):
                self.assertIn(name, known)
                self.assertEqual((family.type, family.labels), known[name])

    def test_every_documented_family_is_told(self):
        at = self.page.index(ELSEWHERE)
        end = self.page.index("\n## ", at)
        expected = documented(self.page[:at] + self.page[end:])
        self.assertEqual(sorted(set(expected) - {name for name, family in self.told.items() if family.series}), [])

    def test_each_family_has_one_row(self):
        names = [name for name, *_ in ROW.findall(self.page)]
        self.assertEqual(sorted(names), sorted(set(names)))
        rows = [line for line in self.page.splitlines() if line.startswith("| `prismatic_")]
        self.assertEqual(len(rows), len([name for name in names if name.startswith("prismatic_")]),
                         "a row that is not read")

    def test_promtool_finds_nothing(self):
        for text in endpoints(self.suite):
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True,
                                     check=False, timeout=30)
            self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))

    def test_no_secret_and_no_account_is_a_label(self):
        text = "".join(endpoints(self.suite))
        for word in ("subscriber", "repeated", "caller-1", "pk_", "no-such-model", "lighthouse"):
            self.assertNotIn(word, text)

    def test_traffic_of_every_kind_has_been_made(self):
        def total(name, **labels):
            wanted = set(labels.items())
            return sum(value for (_, _, pairs), value in self.told[name].series.items() if wanted <= set(pairs))
        for reason in ("auth", "bad_request", "rate_limit", "too_large"):
            self.assertGreater(total("prismatic_http_rejected_total", reason=reason), 0, reason)
        for operation in ("reserve", "settle", "release"):
            self.assertGreater(total("prismatic_idempotent_replays_total", operation=operation), 0, operation)
        self.assertGreater(total("prismatic_insufficient_funds_total"), 0)
        self.assertGreater(total("prismatic_fallbacks_total", **{"from": "busy"}), 0)
        self.assertEqual(total("prismatic_provider_concurrency_limit", provider="sandbox"), 2000)
        self.assertEqual(total("prismatic_generations_total", model="_other", outcome="model_not_found"), 1)
        client_calls = total("grpc_client_started_total", grpc_service=GRPC_OF_THE_REQUEST_PATH)
        self.assertEqual(client_calls > 0, self.suite.separate)

    def test_the_books_agree_after_all_of_it(self):
        for name in ("prismatic_ledger_drift_accounts", "prismatic_ledger_drift_nano_usd",
                     "prismatic_reservations_overdue", "prismatic_books_unchecked_accounts"):
            values = [value for value in self.told[name].series.values() if not math.isnan(value)]
            self.assertEqual(values, [0.0], name)


if __name__ == "__main__":
    unittest.main()
