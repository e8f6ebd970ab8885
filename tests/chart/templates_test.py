#!/usr/bin/env python3
"""What the chart renders: accepted by lint and by Kubernetes' own schemas, the same each time and with both Helms, and as reviewed.

templates_test.py --update writes the golden files anew.
"""
import difflib
import os
import re
import shutil
import sys
import tempfile
import unittest

import chart
import yaml

UPDATE = "--update" in sys.argv
if UPDATE:
    sys.argv.remove("--update")
# What the chart copies from elsewhere is compared with its source (copies_test.py).
COPIED = "(a copy: see copies_test.py)"


def golden_text(objects):
    """Objects by kind and name, without what is copied."""
    kept = []
    for one in sorted(objects, key=chart.name_of):
        if one["kind"] == "PrometheusRule":
            one = {**one, "spec": COPIED}
        elif one["kind"] == "ConfigMap" and one["metadata"]["name"].endswith("-dashboards"):
            one = {**one, "data": {name: COPIED for name in one["data"]}}
        kept.append(one)
    return yaml.safe_dump_all(kept, sort_keys=True, width=140)


@chart.needs_tools(*chart.HELMS)
class TemplatesTest(unittest.TestCase):
    def test_there_are_the_value_sets_that_people_start_from(self):
        self.assertLessEqual({"minimal", "production-ha", "external-redis-tls", "sentinel", "everything-on", "networkpolicy-off",
                              "single-replica", "openshift"}, set(chart.value_sets()))

    def test_lint_has_nothing_to_say(self):
        for helm in chart.HELMS:
            for name, path in chart.value_sets().items():
                with self.subTest(helm=helm, values=name):
                    # lint cannot be told that the cluster knows the operator's kinds.
                    answer = chart.run(chart.tool(helm), "lint", "--strict", chart.CHART, "--kube-version", "1.36.0", "-f", path,
                                       "--set", "metrics.serviceMonitor.enabled=false,metrics.prometheusRule.enabled=false")
                    self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
                    self.assertIn("1 chart(s) linted, 0 chart(s) failed", answer.stdout)
                    for word in ("[WARNING]", "[ERROR]", "[INFO]"):
                        self.assertNotIn(word, answer.stdout)

    def test_two_renders_are_identical(self):
        for helm in chart.HELMS:
            for name, path in chart.value_sets().items():
                with self.subTest(helm=helm, values=name):
                    self.assertTrue(chart.rendered(name, helm) == chart.template(helm, path).stdout, "two renders differ")

    def test_both_helms_render_the_same(self):
        for name in chart.value_sets():
            with self.subTest(values=name):
                self.assertEqual(chart.objects(name, "helm3"), chart.objects(name, "helm4"))

    def test_the_objects_are_those_that_were_reviewed(self):
        for name in chart.value_sets():
            with self.subTest(values=name):
                path = os.path.join(chart.HERE, "golden", name + ".yaml")
                text = golden_text(chart.objects(name))
                if UPDATE:
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
                with open(path, encoding="utf-8") as file:
                    difference = list(difflib.unified_diff(file.read().splitlines(), text.splitlines(), "reviewed", "rendered", n=2, lineterm=""))
                if difference:
                    self.fail("\n".join(["scripts/check-chart --update, and review the difference", *difference[:40]]))

    def test_each_golden_file_has_its_value_set(self):
        files = {name.removesuffix(".yaml") for name in os.listdir(os.path.join(chart.HERE, "golden"))}
        self.assertEqual(files, set(chart.value_sets()))

    def test_names_are_unique_and_short_enough(self):
        for name in chart.value_sets():
            names = [chart.name_of(one) for one in chart.objects(name)]
            self.assertEqual(len(names), len(set(names)), name)
        long = chart.template("helm3", chart.value_sets()["everything-on"], "--set", "fullnameOverride=" + "x" * 38)
        for one in filter(None, yaml.safe_load_all(long.stdout)):
            self.assertLessEqual(len(one["metadata"]["name"]), 52 if one["kind"] == "CronJob" else 63, chart.name_of(one))

    def test_a_package_renders_the_same(self):
        for helm in chart.HELMS:
            with self.subTest(helm=helm), tempfile.TemporaryDirectory() as folder:
                packed = chart.run(chart.tool(helm), "package", chart.CHART, "-d", folder)
                self.assertEqual(packed.returncode, 0, packed.stderr)
                (package,) = os.listdir(folder)
                answer = chart.run(chart.tool(helm), "template", chart.RELEASE, os.path.join(folder, package), "-n", chart.NAMESPACE,
                                   *chart.CLUSTER, "-f", chart.value_sets()["everything-on"])
                self.assertEqual([one for one in yaml.safe_load_all(answer.stdout) if one], chart.objects("everything-on"))
                listed = chart.run("tar", "-tzf", os.path.join(folder, package)).stdout
                self.assertIn("prismatic/values.schema.json", listed)
                self.assertNotIn("/ci/", listed)

    def test_an_old_cluster_is_refused(self):
        answer = chart.template("helm3", chart.value_sets()["minimal"], cluster=("--kube-version", "1.26.9"))
        self.assertIn("kubeVersion: >=1.27.0-0", answer.stderr)
        self.assertEqual(chart.template("helm3", chart.value_sets()["minimal"], cluster=("--kube-version", "1.27.3")).returncode, 0)

    def test_names_that_yaml_would_take_for_something_else_stay_texts(self):
        answer = chart.run(chart.tool("helm3"), "template", "123", chart.CHART, "-n", "1e3", *chart.CLUSTER, "-f",
                           chart.value_sets()["everything-on"], "--set-string", "adminToken.existingSecret=0123,redis.auth.existingSecret=1e1",
                           "--set-string", "fullnameOverride=null,gateway.ingress.tlsSecret=7,gateway.ingress.className=8")
        self.assertEqual(answer.returncode, 0, answer.stderr)

        def names(value, key=""):
            if isinstance(value, dict):
                for below, inner in value.items():
                    yield from names(inner, below)
            elif isinstance(value, list):
                for inner in value:
                    yield from names(inner, key)
            elif re.search("[nN]ame(space)?s?$|instance$", key):
                yield value
        for one in yaml.safe_load_all(answer.stdout):
            for name in names(one):
                self.assertIsInstance(name, str, one and chart.name_of(one))

    def test_every_object_says_where_it_belongs(self):
        for name in chart.value_sets():
            for one in chart.objects(name):
                if one["metadata"]["name"] in ("further", f"{chart.RELEASE}-images-text", "registry-of-ours"):  # extraObjects
                    continue
                with self.subTest(values=name, object=chart.name_of(one)):
                    labels = one["metadata"]["labels"]
                    self.assertEqual(labels["app.kubernetes.io/instance"], chart.RELEASE)
                    self.assertEqual(labels["app.kubernetes.io/part-of"], "prismatic")
                    self.assertEqual(one["metadata"]["namespace"], chart.NAMESPACE)
                    if name == "everything-on":
                        self.assertEqual(labels["team"], "images")
                        self.assertEqual(one["metadata"]["annotations"]["example.com/owner"], "images")

    def notes(self, helm, values, *more):
        """`template` leaves NOTES.txt out: a copy of the chart has it as an object."""
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(chart.CHART, os.path.join(folder, "prismatic"))
            with open(os.path.join(copy, "templates/NOTES.txt"), encoding="utf-8") as file:
                notes = '{{- define "notes" }}' + file.read() + "{{- end }}"
            with open(os.path.join(copy, "templates/notes.yaml"), "w", encoding="utf-8") as file:
                file.write(notes + "\nkind: Notes\nmetadata: {name: notes}\ntext: {{ include \"notes\" . | toJson }}\n")
            answer = chart.run(chart.tool(helm), "template", chart.RELEASE, copy, "-n", chart.NAMESPACE, *chart.CLUSTER, "-f", values, *more)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            return next(one for one in yaml.safe_load_all(answer.stdout) if one and one["kind"] == "Notes")["text"]

    def test_the_notes_tell_a_newcomer_what_to_do(self):
        for helm in chart.HELMS:
            for name, path in chart.value_sets().items():
                with self.subTest(helm=helm, values=name):
                    notes = self.notes(helm, path)
                    self.assertIn("prismatic account create demo", notes)
                    self.assertIn("curl $BASE/images/generations", notes)
                    self.assertNotIn("<no value>", notes)
                    self.assertEqual("The sandbox is installed" in notes, name not in ("production-ha", "external-redis-tls"))
        notes = self.notes("helm3", chart.value_sets()["minimal"])
        for words in ("export PRISMATIC_API_KEY=pk_...", "Ship the gateways' logs", "helm -n images test prismatic", "prismatic operator reset-password owner", "Redis is one pod",
                      "port-forward svc/prismatic-gateway 8080:80"):
            self.assertIn(words, notes)
        self.assertNotIn("left out of except", notes)

    def test_the_notes_name_private_networks_that_are_opened(self):
        minimal = chart.value_sets()["minimal"]
        for word, opened in (("except=[]", "10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16"),
                             ("exceptIPv6=[]", "fc00::/7, fe80::/10")):
            notes = self.notes("helm3", minimal, "--set-json", "networkPolicy.egress." + word)
            self.assertIn(f"networkPolicy.egress: {opened} left out of except", notes)


@chart.needs_tools(*chart.HELMS, "kubeconform", "schemas")
class SchemasTest(unittest.TestCase):
    def conform(self, text):
        return chart.run(chart.tool("kubeconform"), "-strict", "-summary", "-verbose", "-schema-location",
                         chart.tool("schemas") + "/{{.ResourceKind}}{{.KindSuffix}}.json", "-", input=text)

    def test_kubernetes_knows_every_field(self):
        for name in chart.value_sets():
            with self.subTest(values=name):
                answer = self.conform(chart.rendered(name))
                self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
                self.assertRegex(answer.stdout, r"Valid: [1-9][0-9]*, Invalid: 0, Errors: 0, Skipped: 0")

    def test_an_unknown_field_would_be_seen(self):
        text = chart.rendered("minimal")
        for right, wrong in (("minReadySeconds: 40", "minReadySecond: 40"), ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"),
                             ("replicas: 2", "replicas: two"), ("unhealthyPodEvictionPolicy", "unhealthyPodEviction")):
            self.assertIn(right, text)
            self.assertNotEqual(self.conform(text.replace(right, wrong)).returncode, 0, wrong)


if __name__ == "__main__":
    unittest.main()
