#!/usr/bin/env python3
"""The chart in a real API server with etcd: it is installed, upgraded, rolled back and uninstalled by Helm 3 and 4, in
namespaces that admit nothing below Pod Security "restricted".

There are no nodes and no controllers: a Deployment's pods are made by the test, from the template as it is stored.

Where the programs are: HELM3, HELM4, KUBE_APISERVER, ETCD; else in .cache/chart-tools and in PATH. scripts/check-chart makes
them. Skipped where one is missing, with its name.

usage: cluster_test.py [unittest arguments]
"""
import copy
import functools
import json
import os
import shutil
import tempfile
import time
import unittest

from apiserver import ApiServer, Refused
from releases import (CHART, MONITORING, RELEASE, ROOT, Helm, admit_pods, chart_with_version, make_what_others_make,
                      operator_resources, pod_of, unknown_fields, value_files)


def program(variable, name):
    built = os.path.join(ROOT, ".cache/chart-tools", name)
    return os.environ.get(variable) or (built if os.access(built, os.X_OK) else shutil.which(name))


PROGRAMS = {"HELM3": program("HELM3", "helm3"), "HELM4": program("HELM4", "helm4"),
            "KUBE_APISERVER": program("KUBE_APISERVER", "kube-apiserver"), "ETCD": program("ETCD", "etcd")}
MISSING = [variable for variable, path in PROGRAMS.items() if not path]
MINIMAL = ("-f", value_files().get("minimal", ""))
WITH_AUTOSCALING = ("--set", "gateway.autoscaling.enabled=true")


def setUpModule():  # pylint: disable=invalid-name
    if MISSING:
        raise unittest.SkipTest("SKIPPED, no cluster: missing " + ", ".join(MISSING))
    ClusterTest.server = ApiServer(PROGRAMS["KUBE_APISERVER"], PROGRAMS["ETCD"])
    unittest.addModuleCleanup(ClusterTest.server.close)
    folder = tempfile.mkdtemp(prefix="prismatic-charts-")
    unittest.addModuleCleanup(shutil.rmtree, folder)
    ClusterTest.previous = chart_with_version(folder, "0.0.1")
    ClusterTest.helms = {name: Helm(PROGRAMS[name.upper()], ClusterTest.server) for name in ("helm3", "helm4")}
    refuse_without_operator()
    operator_resources(ClusterTest.server)
    ClusterTest.server.create({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "grows"},
                               "provisioner": "example.com/none", "allowVolumeExpansion": True})
    await_kinds(ClusterTest.helms["helm3"])


def refuse_without_operator():
    """Before the Prometheus operator's resources are there, whoever wants its objects is told what to do."""
    for name, helm in ClusterTest.helms.items():
        namespace = ClusterTest.server.namespace(f"no-operator-{name}")
        done = helm.run("install", RELEASE, CHART, "-n", namespace, *MINIMAL, "--set", "metrics.serviceMonitor.enabled=true")
        assert done.returncode != 0 and MONITORING in done.stderr and "Prometheus operator" in done.stderr, done.stderr
        assert helm.run("status", RELEASE, "-n", namespace).returncode != 0, "half a release is there"


def await_kinds(helm):
    """Until the resources are served, and Helm sees them."""
    deadline = time.monotonic() + 60
    while helm.run("install", "probe", CHART, "-n", "default", "--dry-run=server", *MINIMAL, "--set",
                   "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true").returncode != 0:
        assert time.monotonic() < deadline, ClusterTest.server.logs()
        time.sleep(0.2)


def with_each_helm(test):
    """Runs a test once for each Helm, which it is given."""
    @functools.wraps(test)
    def run(self):
        for name, helm in self.helms.items():
            with self.subTest(helm=name):
                test(self, helm)
    return run


class ClusterTest(unittest.TestCase):
    server, helms, previous = None, {}, None
    maxDiff = None

    def namespace(self, *words):
        return self.server.namespace("-".join([*words, str(time.monotonic_ns() % 10**9)]))

    def assert_stored(self, helm, namespace):
        """Every object of the release is there, as Helm's; the objects."""
        items = helm.manifest(namespace)
        self.assertTrue(items)
        for item in items:
            stored = self.server.get(item, namespace)
            self.assertEqual(stored["metadata"]["annotations"]["meta.helm.sh/release-name"], RELEASE)
        return items

    def object(self, namespace, kind, component, version="apps/v1"):
        return self.server.get({"apiVersion": version, "kind": kind,
                                "metadata": {"name": f"{RELEASE}-prismatic-{component}"}}, namespace)


class InstallTest(ClusterTest):
    def test_there_are_value_sets(self):
        self.assertGreaterEqual(len(value_files()), 7, value_files())

    @with_each_helm
    def test_every_value_set_is_installed_and_its_pods_are_admitted(self, helm):
        for name, path in value_files().items():
            with self.subTest(values=name):
                namespace = self.namespace(name)
                make_what_others_make(self.server, namespace, path)
                helm.install(namespace, "-f", path)
                items = self.assert_stored(helm, namespace) + helm.manifest(namespace, "hooks")
                self.assertEqual(unknown_fields(self.server, namespace, items), [])
                self.assertGreaterEqual(admit_pods(self.server, namespace, items), 5)  # four services and the test

    def test_helm_4_applies_on_the_server_and_owns_what_it_wrote(self):
        for words in ((), ("--server-side=true",)):
            with self.subTest(words=words):
                namespace = self.namespace("server-side")
                self.helms["helm4"].install(namespace, *MINIMAL, *words)
                for item in self.assert_stored(self.helms["helm4"], namespace):
                    fields = self.server.get(item, namespace)["metadata"]["managedFields"]
                    self.assertEqual([one["operation"] for one in fields if one["manager"] == "helm"], ["Apply"], fields)

    def test_a_pod_that_is_less_than_restricted_is_refused(self):
        namespace = self.namespace("bad")
        self.helms["helm3"].install(namespace, *MINIMAL)
        deployment = self.object(namespace, "Deployment", "gateway")
        spoilt = {
            "privileged": lambda spec, container: container.update(privileged=True, allowPrivilegeEscalation=True),
            "capabilities": lambda spec, container: container.pop("capabilities"),
            "root": lambda spec, container: spec["securityContext"].update(runAsNonRoot=False, runAsUser=0),
            "system-calls": lambda spec, container: spec["securityContext"].pop("seccompProfile"),
            "the-nodes-processes": lambda spec, container: spec.update(hostPID=True)}
        for name, spoil in spoilt.items():
            with self.subTest(name):
                pod = pod_of(deployment, f"bad-{name}")
                spec = pod["spec"] = copy.deepcopy(pod["spec"])
                self.server.create(pod, namespace, "?dryRun=All")
                spoil(spec, spec["containers"][0]["securityContext"])
                with self.assertRaises(Refused) as refused:
                    self.server.create(pod, namespace)
                self.assertEqual(refused.exception.status, 403, refused.exception)
                self.assertIn("violates PodSecurity", refused.exception.message)

    @with_each_helm
    def test_what_the_api_server_warns_of_fails_an_install(self, helm):
        """Such as a Deployment whose pods would not be admitted: Helm itself only prints it."""
        careless = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "careless"}, "spec": {
            "selector": {"matchLabels": {"a": "b"}}, "template": {
                "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "c"}]}}}}
        with self.assertRaisesRegex(AssertionError, "(?s)warns.*would violate PodSecurity"):
            helm.install(self.namespace("careless"), *MINIMAL, "--set-json", "extraObjects=" + json.dumps([careless]))

    @with_each_helm
    def test_namespaces_whose_names_yaml_would_take_for_something_else(self, helm):
        for namespace in ("y", "123", "null"):
            with self.subTest(namespace=namespace):
                if not self.server.exists({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}):
                    self.server.namespace(namespace)
                helm.install(namespace, *MINIMAL)
                helm.must("uninstall", RELEASE, "-n", namespace)


class ChangeTest(ClusterTest):
    @with_each_helm
    def test_an_upgrade_from_the_previous_chart_and_back(self, helm):
        namespace = self.namespace("upgrade")
        helm.install(namespace, *MINIMAL, chart=self.previous)
        before = self.assert_stored(helm, namespace)
        helm.upgrade(namespace, *MINIMAL, "--set", "gateway.workers=3,redis.bundled.maxmemory=256mb")
        gateway = self.object(namespace, "Deployment", "gateway")
        self.assertIn("--workers=3", gateway["spec"]["template"]["spec"]["containers"][0]["args"])
        self.assertNotIn("0.0.1", str(gateway["spec"]))
        admit_pods(self.server, namespace, self.assert_stored(helm, namespace))
        helm.must("rollback", RELEASE, "1", "-n", namespace)
        gateway = self.object(namespace, "Deployment", "gateway")
        self.assertIn("--workers=2", gateway["spec"]["template"]["spec"]["containers"][0]["args"])
        self.assertTrue(gateway["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":0.0.1"))
        self.assertEqual([item["metadata"]["name"] for item in self.assert_stored(helm, namespace)],
                         [item["metadata"]["name"] for item in before])
        self.assertEqual([status for _, status in helm.revisions(namespace)], ["superseded", "superseded", "deployed"])

    @with_each_helm
    def test_what_the_api_server_lets_nobody_change_is_the_same_in_all_value_sets(self, helm):
        """Selectors, a StatefulSet's names, claims: one release goes through all of them and back."""
        namespace = self.namespace("changes")
        helm.install(namespace, *MINIMAL)
        for name, path in [*value_files().items(), ("minimal again", MINIMAL[1])]:
            with self.subTest(values=name):
                helm.upgrade(namespace, "-f", path)
                self.assert_stored(helm, namespace)

    @with_each_helm
    def test_an_unchanged_upgrade_changes_nothing(self, helm):
        namespace = self.namespace("same")
        helm.install(namespace, *MINIMAL)
        first = self.generations(helm, namespace)
        helm.upgrade(namespace, *MINIMAL)
        self.assertEqual(self.generations(helm, namespace), first)

    def generations(self, helm, namespace):
        return {(item["kind"], item["metadata"]["name"]): self.server.get(item, namespace)["metadata"].get("generation")
                for item in helm.manifest(namespace)}

    def test_each_helm_goes_on_with_the_others_release(self):
        for first, second in (("helm3", "helm4"), ("helm4", "helm3")):
            with self.subTest(first=first):
                namespace = self.namespace("over")
                self.helms[first].install(namespace, *MINIMAL, chart=self.previous)
                for number, helm in enumerate((self.helms[second], self.helms[first]), 3):
                    helm.upgrade(namespace, *MINIMAL, "--set", f"gateway.workers={number}")
                    gateway = self.object(namespace, "Deployment", "gateway")
                    self.assertIn(f"--workers={number}", gateway["spec"]["template"]["spec"]["containers"][0]["args"])
                    self.assert_stored(helm, namespace)
                self.helms[second].must("rollback", RELEASE, "1", "-n", namespace)
                self.helms[first].must("uninstall", RELEASE, "-n", namespace)

    @with_each_helm
    def test_an_upgrade_leaves_the_replicas_to_the_autoscaler(self, helm):
        namespace = self.namespace("scale")
        helm.install(namespace, *MINIMAL, *WITH_AUTOSCALING)
        gateway = self.object(namespace, "Deployment", "gateway")
        self.assertEqual(self.object(namespace, "HorizontalPodAutoscaler", "gateway", "autoscaling/v2")["spec"]["minReplicas"], 2)
        self.server.patch(gateway, {"spec": {"replicas": 5}}, namespace, "/scale")  # as an autoscaler does
        helm.upgrade(namespace, *MINIMAL, *WITH_AUTOSCALING, "--set", "gateway.workers=3")
        self.assertEqual(self.object(namespace, "Deployment", "gateway")["spec"]["replicas"], 5)

    @with_each_helm
    def test_autoscaling_can_be_switched_on_and_off(self, helm):
        namespace = self.namespace("switch")
        helm.install(namespace, *MINIMAL)
        self.assertEqual(self.object(namespace, "Deployment", "gateway")["spec"]["replicas"], 2)
        helm.upgrade(namespace, *MINIMAL, *WITH_AUTOSCALING)
        self.assertGreaterEqual(self.object(namespace, "Deployment", "gateway")["spec"]["replicas"], 2)
        helm.upgrade(namespace, *MINIMAL)
        self.assertEqual(self.object(namespace, "Deployment", "gateway")["spec"]["replicas"], 2)

    @with_each_helm
    def test_a_claim_grows_with_an_upgrade(self, helm):
        """Where its storage class lets it. The test binds the claim, as a cluster's controllers do."""
        namespace = self.namespace("grow")
        words = (*MINIMAL, "--set", "redis.bundled.persistence.storageClassName=grows")
        helm.install(namespace, *words)
        claim = self.object(namespace, "PersistentVolumeClaim", "redis", "v1")
        self.server.patch(claim, {"spec": {"volumeName": "volume-" + namespace}}, namespace)
        self.server.patch(claim, {"status": {"phase": "Bound", "capacity": {"storage": "8Gi"}}}, namespace, "/status")
        helm.upgrade(namespace, *words, "--set", "redis.bundled.persistence.size=16Gi")
        claim = self.object(namespace, "PersistentVolumeClaim", "redis", "v1")
        self.assertEqual(claim["spec"]["resources"]["requests"]["storage"], "16Gi")
        self.assertEqual(claim["spec"]["volumeName"], "volume-" + namespace)


class UninstallTest(ClusterTest):
    @with_each_helm
    def test_the_claim_stays_and_a_new_install_takes_it_up(self, helm):
        namespace = self.namespace("away")
        helm.install(namespace, *MINIMAL)
        items = self.assert_stored(helm, namespace)
        claims = [item for item in items if item["kind"] == "PersistentVolumeClaim"]
        self.assertTrue(claims)
        identity = [self.server.get(claim, namespace)["metadata"]["uid"] for claim in claims]
        helm.must("uninstall", RELEASE, "-n", namespace)
        left = [item["kind"] for item in items if self.server.exists(item, namespace)]
        self.assertEqual(left, ["PersistentVolumeClaim"] * len(claims))
        helm.install(namespace, *MINIMAL)
        self.assert_stored(helm, namespace)
        self.assertEqual([self.server.get(claim, namespace)["metadata"]["uid"] for claim in claims], identity)

    @with_each_helm
    def test_mode_external_leaves_the_claim_too(self, helm):
        """Who moves to a Redis elsewhere keeps the old books until they are deleted by hand."""
        namespace = self.namespace("moved")
        helm.install(namespace, *MINIMAL)
        claims = [item for item in helm.manifest(namespace) if item["kind"] == "PersistentVolumeClaim"]
        helm.upgrade(namespace, *MINIMAL, "--set", "redis.mode=external,redis.external.host=redis.example.com", "--set-json",
                     'networkPolicy.redis.to=[{"ipBlock":{"cidr":"10.0.5.0/24"}}]')
        self.assertTrue(claims and all(self.server.exists(claim, namespace) for claim in claims))



if __name__ == "__main__":
    unittest.main(verbosity=2)
