#!/usr/bin/env python3
"""Writes the Grafana boards of deploy/grafana from board_*.py beside it; `--check` only compares.

A board is a list of rows, a row a title and its panels, which are laid out from left to right, 24 columns wide. In
expressions `@` stands for the matchers of the boards' variables, in each series that is read.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import board_billing  # noqa: E402
import board_overview  # noqa: E402
import board_providers  # noqa: E402
import board_runtime  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "deploy", "grafana")
BOARDS = (board_overview, board_providers, board_billing, board_runtime)
# The form of the JSON, not a version of Grafana: 11 writes 39, and later ones convert it when they load it.
SCHEMA_VERSION = 39
MATCHERS = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"'
SOURCE = {"type": "prometheus", "uid": "$datasource"}
HEIGHT = 8


def variable(name, label, query, all_value):
    return {
        "name": name, "label": label, "type": "query", "datasource": SOURCE, "query": query, "definition": query,
        "multi": True, "includeAll": True, "allValue": all_value, "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "refresh": 2,  # when the time range changes: processes come and go
        "sort": 1, "regex": "", "hide": 0, "skipUrlSync": False, "options": []}


def variables():
    source = {
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {},
        "multi": False, "includeAll": False, "refresh": 1, "regex": "", "hide": 0, "skipUrlSync": False, "options": []}
    return [
        source,
        # `.*` for all of them also finds targets that have no such label.
        variable("namespace", "Namespace", "label_values(prismatic_build_info, namespace)", ".*"),
        variable("job", "Job", 'label_values(prismatic_build_info{namespace=~"$namespace"}, job)', ".+"),
        variable("instance", "Instance",
                 'label_values(prismatic_build_info{namespace=~"$namespace",job=~"$job"}, instance)', ".+")]


def custom_of(panel):
    if panel["kind"] != "timeseries":
        return {}
    stacked = panel.get("stack", False)
    return {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 25 if stacked else 5, "showPoints": "never",
            "spanNulls": False, "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            **({"thresholdsStyle": {"mode": "line"}} if "thresholds" in panel else {})}


def options_of(panel):
    if panel["kind"] == "stat":
        return {"colorMode": "background", "graphMode": "area", "justifyMode": "auto", "orientation": "auto",
                "textMode": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    if panel["kind"] == "state-timeline":
        return {"legend": legend, "mergeValues": True, "showValue": "auto", "alignValue": "left", "rowHeight": 0.9,
                "tooltip": {"mode": "single", "sort": "none"}}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def thresholds_of(panel):
    steps = [{"color": "green", "value": None}]
    steps += [{"color": color, "value": value} for value, color in panel.get("thresholds", [])]
    return {"mode": "absolute", "steps": steps}


def mappings_of(panel):
    if "states" not in panel:
        return []
    options = {str(value): {"text": text, "color": color, "index": index}
               for index, (value, text, color) in enumerate(panel["states"])}
    return [{"type": "value", "options": options}]


def targets_of(panel):
    return [{"datasource": SOURCE, "editorMode": "code", "expr": expr.replace("@", MATCHERS), "legendFormat": legend,
             "instant": False, "range": True, "refId": chr(ord("A") + index)}
            for index, (expr, legend) in enumerate(panel["targets"])]


def panel_json(panel, number, place):
    return {
        "id": number, "type": panel["kind"], "title": panel["title"], "description": panel["description"],
        "datasource": SOURCE, "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel["unit"], "min": panel.get("min", 0), "color": {"mode": panel.get("color", "palette-classic")},
                         "custom": custom_of(panel), "mappings": mappings_of(panel), "thresholds": thresholds_of(panel)},
            "overrides": []},
        "options": options_of(panel), "targets": targets_of(panel)}


def panels_json(rows):
    panels, y = [], 0
    for title, row in rows:
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        y, x = y + 1, 0
        for panel in row:
            if x + panel["width"] > 24:
                y, x = y + HEIGHT, 0
            place = {"h": HEIGHT, "w": panel["width"], "x": x, "y": y}
            panels.append(panel_json(panel, len(panels) + 1, place))
            x += panel["width"]
        y += HEIGHT
    return panels


def link():
    return {"title": "Prismatic", "type": "dashboards", "tags": ["prismatic"], "asDropdown": False, "icon": "external link",
            "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": "", "url": ""}


def board_json(board):
    return {
        "uid": board.UID, "title": board.TITLE, "description": board.DESCRIPTION, "tags": ["prismatic"],
        "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": False, "graphTooltip": 1, "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"}, "timepicker": {}, "timezone": "", "weekStart": "", "fiscalYearStartMonth": 0,
        "liveNow": False, "annotations": {"list": []}, "links": [link()], "templating": {"list": variables()},
        "panels": panels_json(board.ROWS)}


def written(board):
    """JSON with a line for each member, and for each panel and variable: a change of one is a line of the difference."""
    def line(value):
        return json.dumps(value, ensure_ascii=False)

    def lines(values):
        return "[\n    " + ",\n    ".join(map(line, values)) + "\n  ]"

    members = {name: line(value) for name, value in board.items()}
    members["panels"] = lines(board["panels"])
    members["templating"] = '{"list": ' + lines(board["templating"]["list"]) + "}"
    return "{\n" + ",\n".join(f"  {line(name)}: {text}" for name, text in members.items()) + "\n}\n"


def file_of(board):
    return os.path.join(FOLDER, board.UID.removeprefix("prismatic-") + ".json")


def main():
    stale = []
    for board in BOARDS:
        text = written(board_json(board))
        if "--check" in sys.argv:
            with open(file_of(board), encoding="utf-8") as file:
                stale += [] if file.read() == text else [os.path.relpath(file_of(board), ROOT)]
            continue
        with open(file_of(board), "w", encoding="utf-8") as file:
            file.write(text)
    if stale:
        print(f"Not what scripts/lib/boards.py writes; run it: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
