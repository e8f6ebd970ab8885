#!/usr/bin/env python3
"""The rules of deploy/prometheus: Prometheus reads them, they do what rules_test.yaml says, and every alert leads somewhere."""
import os
import re
import tempfile
import unittest

import prometheus
import yaml

RUNBOOKS = os.path.join(prometheus.ROOT, "docs/how-to/runbooks.md")
REFERENCE = os.path.join(prometheus.ROOT, "docs/reference/metrics.md")
# What the words of an alert may be made of: labels, the value, and functions that Prometheus 2.42 has.
TEMPLATE = re.compile(r"\$labels\.(namespace|job|instance|provider|model|lane)|\$value( \| (humanize|humanizePercentage|humanizeDuration))?")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def cases():
    """[(expression, whether it gives something)] of rules_test.yaml."""
    with open(os.path.join(prometheus.FOLDER, "rules_test.yaml"), encoding="utf-8") as file:
        tests = yaml.safe_load(file)["tests"]
    return [(case["expr"], bool(case["exp_samples"])) for test in tests for case in test["promql_expr_test"]]


class RulesTest(unittest.TestCase):
    def test_prometheus_reads_the_rules(self):
        status, output = prometheus.promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
        self.assertEqual(status, 0, output)

    def test_rules_do_what_their_tests_say(self):
        status, output = prometheus.promtool("test", "rules", "rules_test.yaml")
        self.assertEqual(status, 0, output)

    def test_a_wrong_expectation_is_found(self):
        """That `promtool test rules` looks at the cases at all."""
        text = read(os.path.join(prometheus.FOLDER, "rules_test.yaml"))
        wrong, changed = re.subn(r"(PrismaticImagesOffEverywhere.*exp_samples: )\[\]", r"\1[{labels: up, value: 1}]", text)
        self.assertEqual(changed, 1)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in (("rules.yaml", read(prometheus.RULES)), ("rules_test.yaml", wrong)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(content)
            status, output = prometheus.promtool("test", "rules", "rules_test.yaml", cwd=folder)
        self.assertNotEqual(status, 0, output)

    def test_prometheus_reads_the_configuration(self):
        status, output = prometheus.promtool("check", "config", "prometheus.yaml")
        self.assertEqual(status, 0, output)

    def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(self):
        seen = cases()
        for alert in prometheus.rules("alert"):
            words = f'alertname="{alert["alert"]}",severity="{alert["labels"]["severity"]}",alertstate="firing"'
            with self.subTest(words):
                self.assertEqual({fires for expr, fires in seen if expr == f"ALERTS{{{words}}}"}, {True, False})

    def test_every_recording_rule_has_a_case(self):
        seen = " ".join(expr for expr, gives in cases() if gives)
        for rule in prometheus.rules("record"):
            self.assertRegex(seen, rf"{rule['record']}\b")

    def test_every_alert_says_how_urgent_it_is_and_what_it_means(self):
        for alert in prometheus.rules("alert"):
            with self.subTest(alert["alert"]):
                self.assertIn(alert["labels"]["severity"], ("page", "ticket"))
                self.assertEqual(set(alert["annotations"]), {"summary", "description", "runbook_url"})
                for words in alert["annotations"].values():
                    for template in re.findall(r"{{(.*?)}}", words):
                        self.assertTrue(TEMPLATE.fullmatch(template.strip()), template)
                self.assertLess(len(alert["annotations"]["summary"]), 110)
                self.assertGreater(len(alert["annotations"]["description"]), 110)

    def test_installations_do_not_add_up(self):
        for rule in prometheus.rules("alert") + prometheus.rules("record"):
            with self.subTest(rule.get("alert", rule.get("record"))):
                by = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
                self.assertTrue(by or "prismatic:" in rule["expr"], rule["expr"])
                for labels in by:
                    self.assertTrue(labels.startswith("namespace, job"), labels)

    def test_every_alert_has_its_page_of_the_runbooks_and_every_page_its_alert(self):
        headings = re.findall(r"^## (Prismatic\w+)$", read(RUNBOOKS), re.M)
        names = {alert["alert"] for alert in prometheus.rules("alert")}
        self.assertEqual(sorted(headings), sorted(names))
        for alert in prometheus.rules("alert"):
            self.assertRegex(alert["annotations"]["runbook_url"], rf"/docs/how-to/runbooks\.md#{alert['alert'].lower()}$")

    def test_runbooks_name_nothing_that_is_not_there(self):
        commands = read(os.path.join(prometheus.ROOT, "docs/reference/cli.md"))
        text = read(RUNBOOKS)
        for words in re.findall(r"`prismatic ([a-z-]+(?: [a-z-]+)?)", text):
            self.assertIn(f"`{words}", commands, "a command that the reference does not have")
        for path in re.findall(r"\]\((\.\.?/[^)#]+)", text):
            self.assertTrue(os.path.exists(os.path.join(os.path.dirname(RUNBOOKS), path)), path)

    def test_queries_of_the_runbooks_can_be_asked(self):
        queries = [query for block in re.findall(r"```promql\n(.*?)```", read(RUNBOOKS), re.S) for query in block.splitlines()]
        self.assertGreater(len(queries), 10)
        self.assertEqual(prometheus.misread(queries), "")

    def test_every_metric_that_is_read_is_in_the_reference(self):
        if not os.path.exists(REFERENCE):
            self.skipTest("docs/reference/metrics.md is not there yet")
        reference = set(prometheus.METRIC_NAME.findall(read(REFERENCE)))
        rules = [rule["expr"] for rule in prometheus.rules("alert") + prometheus.rules("record")]
        targets = [prometheus.plain(target["expr"]) for board in prometheus.boards().values()
                   for panel in prometheus.panels(board) for target in panel["targets"]]
        for expr in rules + targets + [line for line in read(RUNBOOKS).splitlines() if "prismatic_" in line]:
            self.assertLessEqual(prometheus.metrics_of(expr), reference, expr)


if __name__ == "__main__":
    prometheus.needed()
    unittest.main()
