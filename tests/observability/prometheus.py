"""Prometheus for tests: the rules and boards of this tree, promtool, and a server of its own on loopback."""
import datetime
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "deploy", "prometheus")
RULES = os.path.join(FOLDER, "rules.yaml")
METRIC_NAME = re.compile(r"\b(?:prismatic|grpc|process)_[a-z_0-9]+\b")
# In these a name is another word: matchers, texts, labels by which is added up, windows.
NO_METRICS = re.compile(r'\{[^}]*\}|"(?:[^"\\]|\\.)*"|\b(?:by|without|on|ignoring)\s*\([^)]*\)|\[[^\]]*\]')
HISTOGRAM_PART = re.compile(r"_(bucket|sum|count)$")


def rules(kind):
    """All rules of a kind: `alert` or `record`."""
    with open(RULES, encoding="utf-8") as file:
        groups = yaml.safe_load(file)["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def boards():
    """{file's name: board}"""
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "deploy", "grafana", "*.json"))):
        with open(path, encoding="utf-8") as file:
            found[os.path.basename(path)] = json.load(file)
    return found


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def plain(expr, rate_interval="5m"):
    """An expression of a board with its variables filled in, each with all that there is."""
    for name, value in (("$__rate_interval", rate_interval), ("$namespace", ".*"), ("$job", ".+"), ("$instance", ".+")):
        expr = expr.replace(name, value)
    if "$" in expr:
        raise ValueError(f"a variable that no test knows: {expr}")
    return expr


def metrics_of(expr):
    """The families of our own that an expression reads."""
    return {HISTOGRAM_PART.sub("", name) for name in METRIC_NAME.findall(NO_METRICS.sub(" ", expr))}


def promtool(*words, cwd=FOLDER):
    done = subprocess.run(["promtool", *words], cwd=cwd, capture_output=True, text=True, timeout=400, check=False)
    return done.returncode, done.stdout + done.stderr


def misread(expressions):
    """What promtool says of expressions that it cannot read; nothing when it can read all."""
    rows = [{"record": f"x:expression_{number}", "expr": expr} for number, expr in enumerate(expressions)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump({"groups": [{"name": "all", "rules": rows}]}, file)
        file.flush()
        status, output = promtool("check", "rules", file.name)
    return "" if status == 0 else output


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """A server of its own, with its own folder, that scrapes and evaluates each second."""

    def __init__(self, config):
        self.folder = tempfile.mkdtemp(prefix="prismatic-prometheus-")
        with open(os.path.join(self.folder, "prometheus.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        self.log = open(os.path.join(self.folder, "log"), "wb")  # pylint: disable=consider-using-with
        for _ in range(3):  # another process may take the port first
            self.url = f"http://127.0.0.1:{free_port()}"
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                ["prometheus", f"--config.file={self.folder}/prometheus.yaml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address={self.url.removeprefix('http://')}"],
                stdout=self.log, stderr=self.log, start_new_session=True)
            if self._becomes_ready():
                return
        self.stop()
        raise RuntimeError("Prometheus did not start")

    def _becomes_ready(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url + "/-/ready", timeout=5):
                    return True
            except OSError:
                time.sleep(0.05)
        return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def get(self, path, **query):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            return json.load(answer)["data"]

    def series(self, expr, begin, end):
        """[labels] of what an expression gives somewhere between two times; NaN is nothing."""
        found = self.get("query_range", query=expr, start=begin, end=end, step=1)["result"]
        return [series["metric"] for series in found if any(value != "NaN" for _, value in series["values"])]

    def evaluated(self):
        """When the group of rules that has waited longest was evaluated last, Unix time."""
        return min(datetime.datetime.fromisoformat(group["lastEvaluation"]).timestamp() for group in self.get("rules")["groups"])

    def value(self, expr):
        """The sum of what an expression gives now; None when it is nothing."""
        found = self.get("query", query=expr)["result"]
        return sum(float(series["value"][1]) for series in found) if found else None


def needed():
    """Says what to install where Prometheus is missing, and ends."""
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        sys.exit("Debian's package prometheus is needed: scripts/test installs it.")
