#!/usr/bin/env python3
"""A real Prometheus scrapes the suite under load: every panel, rule and alert of deploy/ has something to say."""
import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import prometheus
import yaml
from expressions import looked_at

if "--separate" not in sys.argv:
    sys.argv.append("--separate")  # a job for each service, as where it is deployed; read when the suite is imported
from traffic import Suite, every_kind, wait_until  # noqa: E402 pylint: disable=wrong-import-position

JOBS = ("prismatic-gateway", "prismatic-registry", "prismatic-billing", "prismatic-provider-proxy")
RATE_INTERVAL = "15s"  # as Grafana would choose for scrapes a few seconds apart


def config(suite, extra_rules):
    """deploy/prometheus/prometheus.yaml with the suite's ports, a scrape and an evaluation each second."""
    with open(os.path.join(prometheus.FOLDER, "prometheus.yaml"), encoding="utf-8") as file:
        found = yaml.safe_load(file)
    found["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    found["rule_files"] = [prometheus.RULES, extra_rules]
    urls = dict(zip(JOBS, suite.env["PRISMATIC_METRICS_URLS"].split(",")))
    assert [job["job_name"] for job in found["scrape_configs"]] == list(JOBS), "prometheus.yaml has other jobs"
    for job in found["scrape_configs"]:
        job["static_configs"][0]["targets"] = [urls[job["job_name"]].split("/")[2]]
    return found


def always_firing(path):
    """Writes alerts with the words of ours that fire without a threshold, so that their words are filled in."""
    rules = []
    for alert in prometheus.rules("alert"):
        words = {name: text for name, text in alert["annotations"].items() if name != "runbook_url"}
        rules.append({"alert": alert["alert"], "expr": looked_at(alert["expr"])[0], "annotations": words,
                      "labels": {"always": alert["labels"]["severity"]}})
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump({"groups": [{"name": "always", "rules": rules}]}, file)


def commands():
    """The commands of the runbooks, in their order; a name alone, in the middle of a sentence, is none."""
    with open(os.path.join(prometheus.ROOT, "docs/how-to/runbooks.md"), encoding="utf-8") as file:
        for line in file:
            found = [line.strip()] if line.startswith("prismatic ") else re.findall(r"`(prismatic [^`]+)`", line)
            for words in map(shlex.split, found):
                if line.startswith("prismatic ") or len(words) > 3:
                    yield words[1:]


class QueriesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        path = os.path.join(cls.suite.state, "always.yaml")
        always_firing(path)
        cls.prometheus = prometheus.Prometheus(config(cls.suite, path))
        cls.addClassCleanup(cls.prometheus.stop)
        wait_until(lambda: cls.prometheus.value("sum(up)") == len(JOBS), 30, "a scrape of every target")
        cls.begin = time.time() - 1
        every_kind(cls.suite)
        # So that something happens in what the load has made, too.
        for model in [model["id"] for model in cls.suite.api("GET", "/models").json["data"]] * 2:
            cls.suite.generate(model=model)
        loaded = time.time()
        wait_until(lambda: cls.prometheus.evaluated() > loaded + 2, 30, "an evaluation of all rules")
        cls.end = time.time()

    def found(self, expr):
        return self.prometheus.series(expr, self.begin, self.end)

    def all_found(self, expressions):
        """{expression: [labels]}; several are asked at a time."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return dict(zip(expressions, pool.map(self.found, expressions)))

    def test_every_target_is_reached(self):
        self.assertEqual(self.prometheus.value(f"sum(up) / {len(JOBS)}"), 1)

    def test_every_panel_shows_something(self):
        targets = [(board["title"], panel["title"], prometheus.plain(target["expr"], RATE_INTERVAL), target["legendFormat"])
                   for board in prometheus.boards().values() for panel in prometheus.panels(board) for target in panel["targets"]]
        found = self.all_found(sorted({expr for _, _, expr, _ in targets}))
        for board, panel, expr, legend in targets:
            with self.subTest(board=board, panel=panel, expr=expr):
                self.assertTrue(found[expr], "nothing")
                for label in re.findall(r"{{(\w+)}}", legend):
                    self.assertTrue(all(label in labels for labels in found[expr]), f"no label {label}")

    def test_every_recording_rule_gives_something(self):
        found = self.all_found([rule["record"] for rule in prometheus.rules("record")])
        for record, series in found.items():
            with self.subTest(record):
                self.assertTrue(series, "nothing")
                self.assertTrue(all({"namespace", "job"} <= set(labels) for labels in series), series)

    def test_what_is_counted_as_failed_is_what_failed(self):
        """That outcomes are called what the rules call them: two providers have never failed, two others always have."""
        def counted(record, provider):
            rule, = [rule for rule in prometheus.rules("record") if rule["record"] == record]
            selector = re.search(r"\b(prismatic_upstream_requests_total{)([^}]*})", rule["expr"])
            return self.prometheus.value(f'sum({selector[1]}provider="{provider}",{selector[2]})') or 0
        for provider in ("sandbox-gemini", "sandbox-chat", "failing", "busy"):
            calls = counted("prismatic:upstream_calls:rate10m", provider)
            self.assertGreater(calls, 0, provider)
            self.assertEqual(counted("prismatic:upstream_failures:rate10m", provider), calls if provider == "failing" else 0, provider)
            self.assertEqual(counted("prismatic:upstream_throttled:rate10m", provider), calls if provider == "busy" else 0, provider)

    def test_what_is_counted_as_ours_is_what_we_did(self):
        """What the rules take off, as caused by providers, is among the 5xx, and what we say of ourselves is in the rest."""
        def sum_of(metric, matchers):
            return self.prometheus.value(f"sum({metric}{{{matchers}}})") or 0
        rule, = [rule["expr"] for rule in prometheus.rules("record") if rule["record"] == "prismatic:http_errors:rate5m"]
        by_providers = sum_of("prismatic_generations_total", re.search(r'outcome=~"[^"]*"', rule)[0])
        failed = sum_of("prismatic_http_requests_total", 'route="generations",code=~"5.."')
        ours = sum_of("prismatic_generations_total", 'outcome=~"billing_unavailable|server_is_overloaded|internal_error|catalog_behind"')
        self.assertGreater(by_providers, 0)
        self.assertGreaterEqual(failed - by_providers, ours)

    def test_everything_that_an_alert_compares_is_there(self):
        operands = [(alert["alert"], operand) for alert in prometheus.rules("alert") for operand in looked_at(alert["expr"])]
        found = self.all_found(sorted({operand for _, operand in operands}))
        for alert, operand in operands:
            with self.subTest(alert, operand=operand):
                self.assertTrue(found[operand], "nothing")
                self.assertTrue(all({"namespace", "job"} <= set(labels) for labels in found[operand]), found[operand])

    def test_the_words_of_alerts_can_be_filled_in(self):
        fired = {}
        for alert in self.prometheus.get("alerts")["alerts"]:
            if "always" in alert["labels"]:
                fired[(alert["labels"]["alertname"], alert["labels"]["always"])] = " ".join(alert["annotations"].values())
        self.assertEqual(set(fired), {(alert["alert"], alert["labels"]["severity"]) for alert in prometheus.rules("alert")})
        for alert, words in fired.items():
            for wrong in ("error", "<no value>", "{{"):
                self.assertNotIn(f"{wrong} expanding" if wrong == "error" else wrong, words, alert)

    def test_the_commands_of_the_runbooks_can_be_typed(self):
        suite = self.suite
        suite.new_key("acme", wallet="10")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PRISMATIC_")}
        tried = []
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(os.path.join(suite.state, "catalog.yaml"), folder)
            shutil.copy(os.path.join(suite.state, "gateway.log"), folder)
            for words in commands():
                with self.subTest(" ".join(words)):
                    done = subprocess.run([os.path.abspath(suite.cli_path), *words], cwd=folder, capture_output=True, text=True,
                                          timeout=60, check=False, env={**environment, **suite.env})
                    # What the load's models lack at the sandbox is found by a check that works.
                    if "PROVIDER_CHECK_FAILED" not in done.stderr:
                        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    tried.append(words)
        self.assertGreater(len(tried), 20)

    def test_no_rule_fails(self):
        for group in self.prometheus.get("rules")["groups"]:
            for rule in group["rules"]:
                self.assertEqual(rule["health"], "ok", f"{rule['name']}: {rule.get('lastError')}")

    def test_an_expression_of_nothing_is_found_to_be_nothing(self):
        self.assertEqual(self.found('prismatic_http_requests_total{code="299"}'), [])
        self.assertEqual(self.found("0 / (0 * prismatic_build_info)"), [])
        with self.assertRaises(ValueError):
            looked_at("up == on (job) prismatic_build_info")
        self.assertEqual(looked_at("a > 1 unless on (x) (b or c) > 2"), ["a", "( b or c )"])


if __name__ == "__main__":
    prometheus.needed()
    unittest.main()
