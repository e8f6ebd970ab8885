#!/usr/bin/env python3
"""What every pod of the chart has: Pod Security "restricted", the right probes, its own account, and flags that its binary knows.

pods_test.py [--bin DIR]: where the binaries are, build/bin if not said.
"""
import functools
import os
import re
import subprocess
import sys
import unittest

import chart
import yaml

BIN = os.path.join(chart.ROOT, "build/bin")
sys.argv = [word for word in sys.argv if word != "--separate"]
if "--bin" in sys.argv:
    at = sys.argv.index("--bin")
    BIN = os.path.abspath(sys.argv[at + 1])
    del sys.argv[at:at + 2]
SERVICES = {"gateway": "prismatic-gateway", "registry": "prismatic-registry", "billing": "prismatic-billing",
            "provider-proxy": "prismatic-provider-proxy", "sandbox": "prismatic-sandbox"}
GRPC = ("registry", "billing", "provider-proxy")


@functools.lru_cache(maxsize=None)
def flags_of(binary):
    """name -> the words behind it in --help."""
    words = subprocess.run([os.path.join(BIN, binary), "--help"], capture_output=True, text=True, check=True, timeout=20).stdout
    return dict(re.findall(r"^  --([a-z0-9-]+)(.*)$", words, re.M))


def pods():
    """(value set, object, pod's metadata, pod's spec) of everything that makes pods."""
    for name in chart.value_sets():
        for one in chart.objects(name):
            made = chart.pod_of(one)
            if made:
                yield name, one, *made


def seconds(duration):
    return int(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


@chart.needs_tools("helm3")
class PodsTest(unittest.TestCase):
    def each(self):
        for name, one, metadata, spec in pods():
            self.place = f"{name}, {chart.name_of(one)}"
            yield name, one, metadata, spec

    def _formatMessage(self, msg, standardMsg):
        """Says where: subTest does not work around a generator's yield."""
        return f"{getattr(self, 'place', '')}: {super()._formatMessage(msg, standardMsg)}"

    def test_pod_security_restricted(self):
        for name, _, _, spec in self.each():
            self.assertTrue(spec["securityContext"]["runAsNonRoot"])
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertEqual(spec["securityContext"].get("runAsUser"), None if name == "openshift" else 65532)
            for field in ("hostNetwork", "hostPID", "hostIPC"):
                self.assertNotIn(field, spec)
            allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected", "downwardAPI", "csi", "ephemeral"}
            for volume in spec.get("volumes", []):
                self.assertLessEqual(set(volume) - {"name"}, allowed)
            for container in chart.containers(spec):
                self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                                "capabilities": {"drop": ["ALL"]}})

    def test_no_account_is_shared_and_none_has_rights(self):
        for name in chart.value_sets():
            accounts = [spec["serviceAccountName"] for set_name, _, _, spec in pods() if set_name == name]
            self.assertEqual(len(accounts), len(set(accounts)), name)
            for one in chart.objects(name):
                self.assertNotIn(one["kind"], ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Secret"))
                if one["kind"] == "ServiceAccount":
                    self.assertIs(one["automountServiceAccountToken"], False)
        for _, _, _, spec in self.each():
            self.assertIs(spec["automountServiceAccountToken"], False)
            self.assertIs(spec["enableServiceLinks"], False)

    def test_probes_say_what_they_are_there_for(self):
        for _, one, metadata, spec in self.each():
            component = metadata["labels"]["app.kubernetes.io/component"]
            container = spec["containers"][0]
            if one["kind"] in ("CronJob", "Pod"):
                continue
            startup, live, ready = (container[kind + "Probe"] for kind in ("startup", "liveness", "readiness"))
            if component in GRPC:
                port = next(port["containerPort"] for port in container["ports"] if port["name"] == "grpc")
                self.assertEqual([startup["grpc"], live["grpc"], ready["grpc"]],
                                 [{"port": port, "service": "liveness"}] * 2 + [{"port": port, "service": "readiness"}])
            elif component == "gateway":
                self.assertEqual([startup["httpGet"]["path"], live["httpGet"]["path"], ready["httpGet"]["path"]],
                                 ["/healthz", "/healthz", "/readyz"])
            # What starts slowly is not killed for it, and readiness is quicker than liveness.
            self.assertGreaterEqual(startup["periodSeconds"] * startup["failureThreshold"], 60)
            self.assertLess(ready["periodSeconds"] * ready["failureThreshold"], live["periodSeconds"] * live["failureThreshold"])

    def test_a_pod_that_ends_has_time_for_what_it_began(self):
        for _, one, metadata, spec in self.each():
            if metadata["labels"]["app.kubernetes.io/component"] in ("gateway", *GRPC):
                delay = next(a.partition("=")[2] for a in spec["containers"][0]["args"] if a.startswith("--drain-delay="))
                self.assertGreater(seconds(delay), 0)
                self.assertGreaterEqual(spec["terminationGracePeriodSeconds"], seconds(delay) + 345)
                self.assertNotIn("lifecycle", spec["containers"][0])
                self.assertEqual(one["spec"]["strategy"]["rollingUpdate"], {"maxUnavailable": 0, "maxSurge": 1})
                self.assertEqual(one["spec"]["minReadySeconds"], 40)

    def test_resources(self):
        for _, _, _, spec in self.each():
            for container in chart.containers(spec):
                resources = container["resources"]
                self.assertIn("memory", resources["limits"])
                self.assertNotIn("cpu", resources["limits"])
                self.assertEqual(set(resources["requests"]), {"cpu", "memory"})

    def test_the_memory_limit_is_what_sizing_asks_for(self):
        sizes = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "mb": 2**20, "gb": 2**30, "Mi": 2**20, "Gi": 2**30}

        def size(text):
            return int(re.match("[0-9]+", text)[0]) * sizes[text.lstrip("0123456789")]
        looked_at = set()
        for _, _, metadata, spec in self.each():
            component, container = metadata["labels"]["app.kubernetes.io/component"], spec["containers"][0]
            limit = size(container["resources"]["limits"]["memory"])
            for argument in container.get("args", []):
                name, _, value = argument.partition("=")
                if name == "--bytes-in-flight-max":
                    self.assertGreaterEqual(limit, 3 * size(value) + 128 * 2**20)
                    looked_at.add(component)
            if component == "redis":
                self.assertGreaterEqual(limit, 2 * size(container["command"][container["command"].index("--maxmemory") + 1]))
                looked_at.add(component)
        self.assertEqual(looked_at, {"gateway", "provider-proxy", "redis"})

    def test_a_memory_limit_may_be_written_as_kubernetes_has_them_or_be_absent(self):
        for limit in ("1664Mi", "2Gi", "1.75G", "2000000000", "2e9", "null"):
            answer = chart.template("helm3", chart.value_sets()["minimal"], "--set", f"gateway.resources.limits.memory={limit}")
            self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_a_budget_only_where_there_are_several(self):
        for name in chart.value_sets():
            objects = chart.objects(name)
            several = {one["metadata"]["name"] for one in objects if one["kind"] == "Deployment" and one["spec"].get("replicas", 2) > 1}
            budgets = {one["metadata"]["name"] for one in objects if one["kind"] == "PodDisruptionBudget"}
            self.assertEqual(budgets, several, name)

    def test_an_autoscaler_has_the_replicas_to_itself(self):
        for name in chart.value_sets():
            objects = chart.objects(name)
            scaled = {one["metadata"]["name"] for one in objects if one["kind"] == "HorizontalPodAutoscaler"}
            for one in objects:
                if one["kind"] == "Deployment":
                    self.assertEqual("replicas" in one["spec"], one["metadata"]["name"] not in scaled, (name, chart.name_of(one)))

    def test_selectors_do_not_change_with_versions_and_replicas_are_spread_by_revision(self):
        for _, one, metadata, spec in self.each():
            # A chart's new version restarts only what is new: above all not Redis.
            self.assertFalse({"helm.sh/chart", "app.kubernetes.io/version"} & set(metadata.get("labels", {})) and one["kind"] != "Pod")
            if one["kind"] == "Deployment":
                self.assertEqual(set(one["spec"]["selector"]["matchLabels"]),
                                 {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"})
                for constraint in spec.get("topologySpreadConstraints", []):
                    self.assertEqual(constraint["matchLabelKeys"], ["pod-template-hash"])
                    self.assertEqual(constraint["labelSelector"]["matchLabels"], one["spec"]["selector"]["matchLabels"])

    def test_secrets_are_files_and_go_where_they_are_needed_alone(self):
        needed = {"prismatic-admin": {"gateway", "registry", "billing", "tools", "ledger-export", "test"},
                  "prismatic-redis": {"registry", "billing", "redis"}, "redis-tls": {"registry", "billing"},
                  "prismatic-providers": {"provider-proxy"}, "upstream-ca": {"provider-proxy"}, "prismatic-meters": {"billing"}}
        for _, _, metadata, spec in self.each():
            component = metadata["labels"]["app.kubernetes.io/component"]
            for volume in spec.get("volumes", []):
                if "secret" in volume:
                    self.assertIn(component, needed[volume["secret"]["secretName"]])
                    self.assertEqual(volume["secret"]["defaultMode"], 0o440)
            for container in chart.containers(spec):
                self.assertNotIn("envFrom", container)
                for variable in container.get("env", []):
                    self.assertNotIn("secretKeyRef", variable.get("valueFrom", {}))
        for _, _, metadata, spec in self.each():
            # Each of the two reads its own password of Redis, and not the other's.
            component = metadata["labels"]["app.kubernetes.io/component"]
            for volume in spec.get("volumes", []):
                if volume["name"] == "redis" and component in ("billing", "registry"):
                    keys = {item["key"] for item in volume["secret"]["items"]} - {"sentinel-password"}
                    self.assertEqual(keys, {f"{component}-password"})

    def test_one_key_may_be_the_password_of_several(self):
        for values, keys, files in (
                ("sentinel", "sentinel.passwordKey=billing-password", {"billing": {"password": "billing-password", "sentinel-password": "billing-password"},
                                                                       "registry": {"password": "registry-password", "sentinel-password": "billing-password"}}),
                ("minimal", "auth.billingPasswordKey=password,redis.auth.registryPasswordKey=password",
                 {"billing": {"password": "password"}, "registry": {"password": "password"}, "redis": {"billing": "password", "registry": "password"}})):
            answer = chart.template("helm3", chart.value_sets()[values], "--set", f"redis.{keys}")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            found = {}
            for metadata, spec in filter(None, map(chart.pod_of, filter(None, yaml.safe_load_all(answer.stdout)))):
                for volume in spec.get("volumes", []):
                    if volume.get("secret", {}).get("secretName") == "prismatic-redis":
                        found[metadata["labels"]["app.kubernetes.io/component"]] = {i["path"]: i["key"] for i in volume["secret"]["items"]}
            self.assertEqual(found, files)

    def test_every_mount_has_its_volume_and_every_file_its_mount(self):
        for _, _, _, spec in self.each():
            volumes = {volume["name"] for volume in spec.get("volumes", [])}
            for container in chart.containers(spec):
                mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
                self.assertLessEqual(set(mounts), volumes)
                for path in re.findall(r"(?<![\w/])/(?:run|etc)/[\w./-]+", " ".join(container.get("args", []))):
                    self.assertTrue(any(path.startswith(mount) for mount in mounts.values()), path)
            used = {mount["name"] for container in chart.containers(spec) for mount in container.get("volumeMounts", [])}
            self.assertEqual(volumes, used)

    @unittest.skipUnless(os.path.exists(os.path.join(BIN, "prismatic-gateway")) or "CI" in os.environ, "no binaries: build, or --bin DIR")
    def test_each_flag_is_known_to_its_binary(self):
        for _, _, metadata, spec in self.each():
            component = metadata["labels"]["app.kubernetes.io/component"]
            if component in SERVICES:
                for argument in spec["containers"][0]["args"]:
                    name, equals, _ = argument.removeprefix("--").partition("=")
                    self.assertTrue(equals, argument)
                    self.assertIn(name, flags_of(SERVICES[component]))

    @unittest.skipUnless(os.path.exists(os.path.join(BIN, "prismatic-gateway")) or "CI" in os.environ, "no binaries: build, or --bin DIR")
    def test_each_required_flag_is_given(self):
        for _, _, metadata, spec in self.each():
            component = metadata["labels"]["app.kubernetes.io/component"]
            if component in SERVICES:
                given = {argument.removeprefix("--").partition("=")[0] for argument in spec["containers"][0]["args"]}
                required = {name for name, words in flags_of(SERVICES[component]).items() if "required" in words}
                self.assertLessEqual(required, given)


if __name__ == "__main__":
    unittest.main()
