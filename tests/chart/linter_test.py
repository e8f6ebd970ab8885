#!/usr/bin/env python3
"""kube-linter finds nothing but what .kube-linter.yaml argues: its default checks as written here, and itself where it is installed."""
import copy
import os
import shutil
import unittest

import chart
import linter_checks
import yaml

CONFIG = os.path.join(chart.CHART, ".kube-linter.yaml")
KUBE_LINTER = os.environ.get("KUBE_LINTER") or shutil.which("kube-linter")
with open(CONFIG, encoding="utf-8") as config_file:
    EXCLUDED = yaml.safe_load(config_file)["checks"]["exclude"]


def pod_spec(objects, name):
    return chart.pod_of(next(one for one in objects if chart.name_of(one) == name))[1]


def damaged(check, objects):
    """Makes the one thing wrong that a check is there for."""
    spec = pod_spec(objects, "Deployment/prismatic-gateway")
    container = spec["containers"][0]
    service = next(one for one in objects if chart.name_of(one) == "Service/prismatic-gateway")
    budget = next(one for one in objects if one["kind"] == "PodDisruptionBudget")["spec"]
    changes = {
        "dangling-service": lambda: service["spec"]["selector"].update({"app.kubernetes.io/component": "getaway"}),
        "deprecated-service-account-field": lambda: spec.update(serviceAccount="x"),
        "docker-sock": lambda: spec.setdefault("volumes", []).append({"name": "x", "hostPath": {"path": "/var/run/docker.sock"}}),
        "drop-net-raw-capability": lambda: container["securityContext"].update(capabilities={}),
        "duplicate-env-var": lambda: container.update(env=[{"name": "A", "value": "1"}] * 2),
        "env-var-secret": lambda: container.update(env=[{"name": "A_SECRET", "value": "1"}]),
        "host-ipc": lambda: spec.update(hostIPC=True),
        "host-network": lambda: spec.update(hostNetwork=True),
        "host-pid": lambda: spec.update(hostPID=True),
        "invalid-target-ports": lambda: service["spec"]["ports"][0].update(targetPort="https"),
        "job-ttl-seconds-after-finished": lambda: objects.append({"kind": "Job", "metadata": {"name": "x"}, "apiVersion": "batch/v1", "spec": {}}),
        "latest-tag": lambda: container.update(image="gateway:latest"),
        "liveness-port": lambda: container["livenessProbe"]["httpGet"].update(port="https"),
        "mismatching-selector": lambda: next(one for one in objects if one["kind"] == "Deployment")["spec"]["selector"]["matchLabels"].update(a="b"),
        "no-anti-affinity": lambda: None,
        "no-extensions-v1beta": lambda: service.update(apiVersion="extensions/v1beta1"),
        "no-read-only-root-fs": lambda: container["securityContext"].update(readOnlyRootFilesystem=False),
        "non-existent-service-account": lambda: spec.update(serviceAccountName="nobody"),
        "pdb-max-unavailable": lambda: budget.update(maxUnavailable=0),
        "pdb-min-available": lambda: budget.update(minAvailable="100%"),
        "pdb-unhealthy-pod-eviction-policy": lambda: budget.pop("unhealthyPodEvictionPolicy"),
        "privilege-escalation-container": lambda: container["securityContext"].pop("allowPrivilegeEscalation"),
        "privileged-container": lambda: container["securityContext"].update(privileged=True),
        "readiness-port": lambda: container["readinessProbe"]["httpGet"].update(port="https"),
        "run-as-non-root": lambda: spec["securityContext"].pop("runAsNonRoot"),
        "sensitive-host-mounts": lambda: spec.setdefault("volumes", []).append({"name": "x", "hostPath": {"path": "/etc"}}),
        "ssh-port": lambda: container["ports"].append({"name": "ssh", "containerPort": 22}),
        "startup-port": lambda: container["startupProbe"]["httpGet"].update(port="https"),
        "unsafe-sysctls": lambda: spec["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
        "unset-cpu-requirements": lambda: container["resources"]["requests"].pop("cpu"),
        "unset-memory-requirements": lambda: container["resources"]["limits"].pop("memory"),
    }
    changes[check]()


@chart.needs_tools("helm3")
class LinterTest(unittest.TestCase):
    def test_the_default_checks_find_nothing(self):
        for name in chart.value_sets():
            for check, look in linter_checks.CHECKS.items():
                if check not in EXCLUDED:
                    with self.subTest(values=name, check=check):
                        self.assertEqual([(chart.name_of(one), what) for one, what in look(chart.objects(name))], [])

    def test_each_check_finds_what_it_is_there_for(self):
        for check, look in linter_checks.CHECKS.items():
            with self.subTest(check=check):
                objects = copy.deepcopy(chart.objects("minimal"))
                damaged(check, objects)
                self.assertTrue(list(look(objects)))

    def test_each_exception_is_of_a_check(self):
        self.assertLessEqual(set(EXCLUDED), set(linter_checks.CHECKS))

    if KUBE_LINTER:  # no skipped test where it cannot be had: its default checks run above
        def test_kube_linter_itself_finds_nothing(self):
            for name in chart.value_sets():
                with self.subTest(values=name):
                    answer = chart.run(KUBE_LINTER, "lint", "--config", CONFIG, "-", input=chart.rendered(name))
                    self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)


if __name__ == "__main__":
    unittest.main()
