"""The chart for its tests: value sets, rendering with both Helms, and the tools that scripts/check-chart builds."""
import functools
import glob
import os
import subprocess
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "deploy/helm/prismatic")
HERE = os.path.join(ROOT, "tests/chart")
TOOLS = os.path.join(ROOT, ".cache/chart-tools")
HELMS = ("helm3", "helm4")
RELEASE, NAMESPACE = "prismatic", "images"
# A Helm built from its module believes that it talks to a very old cluster.
CLUSTER = ("--kube-version", "1.36.0", "--api-versions", "monitoring.coreos.com/v1")


def value_sets():
    """name -> path of each value set of the chart."""
    return {os.path.basename(path).removesuffix("-values.yaml"): path for path in sorted(glob.glob(CHART + "/ci/*-values.yaml"))}


def tool(name):
    return os.path.join(TOOLS, name)


def needs_tools(*names):
    """Skips a test where a tool is missing; with CI set it runs, and fails."""
    missing = [name for name in names if not os.path.exists(tool(name))]
    return unittest.skipIf(missing and "CI" not in os.environ, f"{', '.join(missing)} missing: scripts/check-chart builds them with Go 1.26")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, **options)


def template(helm, values, *more, cluster=CLUSTER, release=RELEASE):
    return run(tool(helm), "template", release, CHART, "--namespace", NAMESPACE, *cluster, "-f", values, *more)


@functools.lru_cache(maxsize=None)
def rendered(name, helm="helm3"):
    """What a value set gives, as text; rendered once."""
    answer = template(helm, value_sets()[name])
    if answer.returncode != 0:
        raise AssertionError(answer.stderr)
    return answer.stdout


@functools.lru_cache(maxsize=None)
def objects(name, helm="helm3"):
    """The same as objects, in Helm's order; to be read only."""
    return [one for one in yaml.safe_load_all(rendered(name, helm)) if one]


def pod_of(one):
    """The pod's metadata and spec in an object; None when it makes no pods."""
    if one["kind"] == "Pod":
        return one["metadata"], one["spec"]
    if one["kind"] in ("Deployment", "StatefulSet"):
        return one["spec"]["template"]["metadata"], one["spec"]["template"]["spec"]
    if one["kind"] == "CronJob":
        made = one["spec"]["jobTemplate"]["spec"]["template"]
        return made["metadata"], made["spec"]
    return None


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def name_of(one):
    return f"{one['kind']}/{one['metadata']['name']}"
