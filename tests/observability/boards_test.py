#!/usr/bin/env python3
"""The boards of deploy/grafana keep the fifteen rules that Grafana's own dashboard-linter has, written anew here, and ours."""
import json
import os
import re
import subprocess
import sys
import unittest

import prometheus
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

UNITS = {value for name, value in vars(units).items() if name.isidentifier() and isinstance(value, str) and not name.startswith("_")}
# Members that Grafana writes and reads, and its models do not have.
NOT_MODELLED = {"definition"}
SOURCE = {"type": "prometheus", "uid": "$datasource"}
COUNTER = re.compile(r"_(total|bucket|sum|count)$")
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}(\[[^\]]*\])?")


def exclusions():
    """{rule: {(board's title, panel's title)}} of deploy/grafana/.lint, each with a reason."""
    with open(os.path.join(prometheus.ROOT, "deploy/grafana/.lint"), encoding="utf-8") as file:
        found = yaml.safe_load(file)["exclusions"]
    for rule, exclusion in found.items():
        if len(exclusion["reason"]) < 40:
            raise ValueError(f"{rule}: an exclusion needs a reason")
    return {rule: {(entry["dashboard"], entry["panel"]) for entry in exclusion["entries"]} for rule, exclusion in found.items()}


def variables(board):
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def lost(before, after, path=""):
    """Where two JSON values differ, but for what only the second one has."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from lost(value, after[key], f"{path}/{key}")
            elif key not in NOT_MODELLED:
                yield f"{path}/{key}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{path}/{index}")
    elif before != after:
        yield path


class BoardsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.boards = prometheus.boards()

    def setUp(self):
        self.where = ""  # the panel that is looked at, for what a failure says

    def _formatMessage(self, msg, standardMsg):
        return f"{self.where} {super()._formatMessage(msg, standardMsg)}"

    def each_panel(self, rule=None):
        """(board, panel) of each panel that is not excluded from a rule."""
        excluded = exclusions().get(rule, set())
        for board in self.boards.values():
            for panel in prometheus.panels(board):
                if (board["title"], panel["title"]) not in excluded:
                    self.where = f"{board['title']}, {panel['title']}"
                    yield board, panel

    def each_target(self, rule=None):
        for board, panel in self.each_panel(rule):
            for target in panel["targets"]:
                yield board, panel, target["expr"]

    # --- the linter's rules ---
    def test_template_datasource_rule(self):
        for name, board in self.boards.items():
            source = variables(board)["datasource"]
            self.assertEqual((source["type"], source["query"], source["label"]), ("datasource", "prometheus", "Data source"), name)

    def test_template_job_and_instance_rules(self):
        for name, board in self.boards.items():
            for variable, label in (("job", "Job"), ("instance", "Instance"), ("namespace", "Namespace")):
                found = variables(board)[variable]
                self.assertEqual((found["type"], found["label"], found["multi"], found["includeAll"]), ("query", label, True, True), name)
                self.assertEqual(found["datasource"], SOURCE)
                self.assertEqual(found["allValue"], ".*" if variable == "namespace" else ".+")

    def test_template_label_promql_rule(self):
        queries = set()
        for board in self.boards.values():
            for variable in board["templating"]["list"]:
                if variable["type"] == "query":
                    query = re.fullmatch(r"label_values\((.+), ([a-z]+)\)", variable["query"])
                    self.assertIsNotNone(query, variable["query"])
                    self.assertEqual(query[2], variable["name"])
                    queries.add(prometheus.plain(query[1]))
        self.assertEqual(prometheus.misread(sorted(queries)), "")

    def test_template_on_time_change_reload_rule(self):
        for board in self.boards.values():
            for variable in board["templating"]["list"]:
                if variable["type"] == "query":
                    self.assertEqual(variable["refresh"], 2)

    def test_panel_datasource_rule(self):
        for _, panel in self.each_panel("panel-datasource-rule"):
            self.assertEqual(panel["datasource"], SOURCE)
            for target in panel["targets"]:
                self.assertEqual(target["datasource"], SOURCE)

    def test_panel_title_description_rule(self):
        for _, panel in self.each_panel("panel-title-description-rule"):
            self.assertGreater(len(panel["title"]), 4)
            self.assertIn("?", panel["description"], "a panel answers a question, and its description says which")

    def test_panel_units_rule(self):
        for _, panel in self.each_panel("panel-units-rule"):
            self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS)

    def test_panel_no_targets_rule(self):
        for _, panel in self.each_panel("panel-no-targets-rule"):
            self.assertTrue(panel["targets"])
            self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]))

    def test_target_promql_rule(self):
        self.assertEqual(prometheus.misread(sorted({prometheus.plain(expr) for _, _, expr in self.each_target()})), "")

    def test_target_rate_interval_rule(self):
        for _, _, expr in self.each_target("target-rate-interval-rule"):
            for _, _, window in SELECTOR.findall(expr):
                self.assertIn(window, ("", "[$__rate_interval]"))

    def test_target_job_and_instance_rules(self):
        for label in ("namespace", "job", "instance"):
            for _, _, expr in self.each_target(f"target-{label}-rule"):
                read = prometheus.NO_METRICS.sub(" ", expr.replace("$__rate_interval", "5m"))
                names = prometheus.METRIC_NAME.findall(read) + re.findall(r"prismatic:[a-z_:0-9]+", read)
                selectors = SELECTOR.findall(expr)
                self.assertEqual(len(names), len(selectors), f"a metric without matchers: {expr}")
                for _, matchers, _ in selectors:
                    self.assertIn(f'{label}=~"${label}"', matchers.split(","))

    def test_target_counter_agg_rule(self):
        for _, _, expr in self.each_target("target-counter-agg-rule"):
            for found in SELECTOR.finditer(expr):
                counter, before = COUNTER.search(found[1]), expr[:found.start()]
                self.assertEqual(bool(counter), before.endswith("rate("), f"{found[1]}: counters are read as rates, gauges as they are")
                if counter:
                    self.assertRegex(before, r"sum(?: by \([a-z_, ]*\))? \(rate\($|sum\(rate\($")

    def test_uneditable_dashboard_rule(self):
        for board in self.boards.values():
            self.assertIs(board["editable"], False)

    def test_every_exclusion_is_of_a_panel_that_is_there(self):
        there = {(board["title"], panel["title"]) for board in self.boards.values() for panel in prometheus.panels(board)}
        for rule, entries in exclusions().items():
            self.assertLessEqual(entries, there, rule)

    # --- our own ---
    def test_boards_are_what_their_source_says(self):
        done = subprocess.run([sys.executable, os.path.join(prometheus.ROOT, "scripts/lib/boards.py"), "--check"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_grafanas_own_models_know_every_member_of_a_board(self):
        register_default_plugins()
        for name, board in self.boards.items():
            read = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
            self.assertEqual(list(lost(board, read)), [], name)
            wrong = json.loads(json.dumps(board).replace("reduceOptions", "reduceOption"))
            if wrong != board:
                read = json.loads(json.dumps(Dashboard.from_json(wrong), cls=JSONEncoder))
                self.assertTrue(list(lost(wrong, read)), "a misspelt member is not found")

    def test_boards_have_stable_names_and_one_form(self):
        self.assertEqual(list(self.boards), ["billing.json", "overview.json", "providers.json", "runtime.json"])
        for name, board in self.boards.items():
            self.assertEqual(board["uid"], "prismatic-" + name.removesuffix(".json"))
            self.assertNotIn("id", board)
            self.assertEqual(board["schemaVersion"], 39)

    def test_no_identifier_of_a_data_source_is_in_a_board(self):
        def sources(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    if key == "datasource":
                        yield inner
                    yield from sources(inner)
            elif isinstance(value, list):
                for inner in value:
                    yield from sources(inner)
        for board in self.boards.values():
            self.assertEqual({json.dumps(source) for source in sources(board)}, {json.dumps(SOURCE)})
            self.assertNotIn("__inputs", board)

    def test_boards_lead_to_one_another_and_keep_what_was_chosen(self):
        for board in self.boards.values():
            link, = board["links"]
            self.assertEqual((link["type"], link["includeVars"], link["keepTime"]), ("dashboards", True, True))
            self.assertLessEqual(set(link["tags"]), set(board["tags"]))

    def test_panels_have_numbers_and_places_of_their_own(self):
        for name, board in self.boards.items():
            numbers = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(set(numbers)), len(numbers), name)
            taken = {}
            for panel in board["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24)
                for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
                    self.assertEqual(taken.setdefault(cell, panel["title"]), panel["title"], f"{name}: panels overlap")
            titles = [panel["title"] for panel in board["panels"]]
            self.assertEqual(len(set(titles)), len(titles), name)


if __name__ == "__main__":
    prometheus.needed()
    unittest.main()
