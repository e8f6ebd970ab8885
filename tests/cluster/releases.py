"""Releases of the chart in a real API server, by Helm as people use it."""
import glob
import os
import re
import shutil
import subprocess

import yaml
from apiserver import Refused

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "deploy/helm/prismatic")
# What needs the Prometheus operator's resources.
MONITORING = "monitoring.coreos.com/v1"
# What has a pod template, and where.
TEMPLATES = {"Deployment": ("spec", "template"), "StatefulSet": ("spec", "template"), "Job": ("spec", "template"),
             "CronJob": ("spec", "jobTemplate", "spec", "template")}
RELEASE = "it"


def value_files():
    """The chart's own sets of values, by name."""
    return {os.path.basename(path).removesuffix("-values.yaml"): path
            for path in sorted(glob.glob(os.path.join(CHART, "ci", "*-values.yaml")))}


def chart_with_version(folder, version):
    """A copy of the chart as another version of it, with another version of the suite."""
    copy = os.path.join(folder, f"prismatic-{version}")
    shutil.copytree(CHART, copy)
    path = os.path.join(copy, "Chart.yaml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text, versions = re.subn(r"(?m)^version: .*$", f"version: {version}", text)
    text, applications = re.subn(r"(?m)^appVersion: .*$", f'appVersion: "{version}"', text)
    assert (versions, applications) == (1, 1), "Chart.yaml has no version and appVersion of its own line"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return copy


class Helm:
    """One version of Helm, with a home of its own."""

    def __init__(self, path, server):
        self.path, self.server = path, server
        home = server.path("helm")
        os.makedirs(home, exist_ok=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": server.kubeconfig,
                            "HELM_CACHE_HOME": home, "HELM_CONFIG_HOME": home, "HELM_DATA_HOME": home}

    def run(self, *words):
        """The finished process."""
        return subprocess.run([self.path, *words], capture_output=True, text=True, timeout=180, check=False,
                              env=self.environment)

    def must(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise AssertionError(f"helm {' '.join(words)}:\n{done.stderr}\n{done.stdout[-2000:]}")
        # PodSecurity, deprecations and unknown fields speak here, without failing anything.
        if re.search(r"(?i)\bwarn|would violate|unknown field|deprecat", done.stderr):
            raise AssertionError(f"helm {' '.join(words)} warns:\n{done.stderr}")
        return done.stdout

    def install(self, namespace, *words, chart=CHART):
        return self.must("install", RELEASE, chart, "-n", namespace, *words)

    def upgrade(self, namespace, *words, chart=CHART):
        return self.must("upgrade", RELEASE, chart, "-n", namespace, *words)

    def manifest(self, namespace, what="manifest", revision=None):
        """The release's objects, or what="hooks"."""
        text = self.must("get", what, RELEASE, "-n", namespace, *(["--revision", str(revision)] if revision else []))
        return [item for item in yaml.safe_load_all(text) if item]

    def revisions(self, namespace):
        return [(each["revision"], each["status"]) for each in yaml.safe_load(
            self.must("history", RELEASE, "-n", namespace, "-o", "json"))]


def pod_of(item, name):
    """The pod that a controller would make from an object's template, or the object itself where it is a pod."""
    if item["kind"] == "Pod":
        return {**item, "metadata": {**item["metadata"], "name": name}}
    template = item
    for key in TEMPLATES[item["kind"]]:
        template = template[key]
    metadata = {key: template.get("metadata", {}).get(key) or {} for key in ("labels", "annotations")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": template["spec"]}


def is_runnable(item):
    return item["kind"] == "Pod" or item["kind"] in TEMPLATES


def admit_pods(server, namespace, items):
    """Has the API server admit a pod of each object's stored template, first as a dry run, then really. Their number."""
    runnable = [item if item["kind"] == "Pod" else server.get(item, namespace) for item in items if is_runnable(item)]
    pods = [pod_of(item, f"pod-of-{number}-{item['metadata']['name']}"[:63]) for number, item in enumerate(runnable)]
    for pod in pods:
        server.create(pod, namespace, "?dryRun=All&fieldValidation=Strict")
        server.create(pod, namespace)
    return len(pods)


def named_in(values, key):
    """Each value of a key, anywhere in values."""
    for name, value in values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ():
        if name == key:
            yield value
        yield from named_in(value, key)


def make_what_others_make(server, namespace, path):
    """Service accounts and priority classes that a file of values says are there already, and does not make itself."""
    with open(path, encoding="utf-8") as file:
        values = yaml.safe_load(file)
    own = [item["metadata"]["name"] for item in values.get("extraObjects", ()) if isinstance(item, dict)]
    wanted = [("v1", "ServiceAccount", account["name"], {}) for account in named_in(values, "serviceAccount")
              if account.get("create") is False and account["name"] not in own]
    wanted += [("scheduling.k8s.io/v1", "PriorityClass", name, {"value": 1000}) for name in named_in(values, "priorityClassName")
               if name]
    for version, kind, name, rest in wanted:
        item = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest}
        place = namespace if kind == "ServiceAccount" else None
        if not server.exists(item, place):
            server.create(item, place)


def unknown_fields(server, namespace, items):
    """What the API server says of each object when it may ignore nothing."""
    said = []
    for item in items:
        bare = {**item, "metadata": {**item["metadata"], "name": "strict-" + item["metadata"]["name"][:50]}}
        try:
            server.create(bare, namespace, "?dryRun=All&fieldValidation=Strict")
        except Refused as refused:
            said.append(f"{item['kind']} {item['metadata']['name']}: {refused}")
    return said


def operator_resources(server):
    """The Prometheus operator's two resources: as its module has them where scripts/check-chart has fetched it, else as far as
    a chart's objects need them."""
    for kind, plural in (("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")):
        fetched = glob.glob(os.path.join(ROOT, f".cache/chart-tools/openapi-*/{plural}.yaml"))
        if fetched:
            with open(fetched[-1], encoding="utf-8") as file:
                server.create(yaml.safe_load(file))
        else:
            server.create(minimal_resource(kind, plural))


def minimal_resource(kind, plural):
    group, version = MONITORING.split("/")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {"spec": anything}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced",
                     "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                     "versions": [{"name": version, "served": True, "storage": True, "schema": schema}]}}
