#!/usr/bin/env python3
"""The rendered network policies allow what files/connections.yaml says, and nothing else."""
import itertools
import os
import unittest

import chart
import yaml
from policies import Host, Pod, Policies

with open(os.path.join(chart.CHART, "files/connections.yaml"), encoding="utf-8") as table_file:
    TABLE = yaml.safe_load(table_file)
# Those whose peers are the defaults of values.yaml.
SETS = ("minimal", "everything-on", "production-ha", "external-redis-tls", "sentinel", "single-replica")
STRANGERS = {
    "a pod of the namespace": Pod({"app": "other"}),
    "a pod of another namespace": Pod({"app": "other"}, "default"),
    "one that calls itself the gateway elsewhere": Pod({"app.kubernetes.io/component": "gateway"}, "default"),
    "a host of the internet": Host("198.51.100.7"),
}
# The switches of `when`.
SWITCHES = {"admin": "--admin-listen=0.0.0.0:8081", "meters": "--meters-listen=0.0.0.0:7203"}
ALL_PORTS = {number for ports in TABLE["ports"].values() for number in ports.values()}


def component_pods(objects):
    """component -> a pod with its labels."""
    found = {}
    for one in objects:
        made = chart.pod_of(one)
        if made:
            labels = made[0]["labels"]
            found[labels["app.kubernetes.io/component"]] = Pod(labels)
    return found


def others(objects):
    """Peers of the table that are no component of the chart, by the defaults of values.yaml."""
    peers = {
        "ingress": Pod({"app": "nginx"}, "ingress-nginx"),
        "prometheus": Pod({"app": "prometheus"}, "monitoring"),
        "billing-clients": Pod({"app": "text", "prismatic.dev/billing-client": "true"}),
        "meters": Pod({"app": "text", "prismatic.dev/billing-client": "true"}),
    }
    if any(one["kind"] == "Ingress" and one["metadata"]["name"].endswith("-admin") for one in objects):
        peers["admin-ingress"] = Pod({"app": "nginx"}, "ingress-internal")
    return peers


@chart.needs_tools("helm3")
class PolicyTest(unittest.TestCase):
    def expected(self, objects, ends):
        """(from, to, port) of the table's rows that count."""
        arguments = {argument for one in objects if one["kind"] == "Deployment" for c in chart.pod_of(one)[1]["containers"]
                     for argument in c.get("args", [])}
        return {(row["from"], row["to"], TABLE["ports"][row["to"]][row["port"]]) for row in TABLE["connections"]
                if row["from"] in ends and row["to"] in TABLE["ports"] and row["to"] in ends
                and ("when" not in row or SWITCHES[row["when"]] in arguments)}

    def test_between_the_pods_each_row_is_open_and_nothing_else(self):
        for name in SETS:
            with self.subTest(values=name):
                objects = chart.objects(name)
                policies, pods = Policies(objects, chart.NAMESPACE), component_pods(objects)
                ends = {**pods, **others(objects)}
                open_ones = {(source, target, port) for source, target, port in itertools.product(ends, pods, ALL_PORTS)
                             if policies.allow(ends[source], pods[target], port)}
                expected = self.expected(objects, ends)
                self.assertGreater(len(expected), 10)
                # The two kinds of callers of billing are the same pods by default.
                for source, target, port in list(expected):
                    twin = {"meters": "billing-clients", "billing-clients": "meters"}.get(source)
                    if twin:
                        expected.add((twin, target, port))
                self.assertEqual(open_ones, expected)

    def test_strangers_reach_nothing(self):
        for name in SETS:
            objects = chart.objects(name)
            policies = Policies(objects, chart.NAMESPACE)
            for (component, pod), (who, stranger), port in itertools.product(component_pods(objects).items(), STRANGERS.items(), ALL_PORTS):
                self.assertFalse(policies.allow(stranger, pod, port), f"{name}: {who} reaches {component}:{port}")

    def test_names_can_be_looked_up_by_whom_the_table_lets(self):
        dns = Pod({"k8s-app": "kube-dns"}, "kube-system")
        asking = {row["from"] for row in TABLE["connections"] if row["to"] == "dns"}
        for name in SETS:
            objects = chart.objects(name)
            policies = Policies(objects, chart.NAMESPACE)
            for component, pod in component_pods(objects).items():
                for protocol in ("UDP", "TCP"):
                    self.assertEqual(policies.allow(pod, dns, 53, protocol), component in asking, (name, component))
                self.assertFalse(policies.allow(pod, dns, 9153), component)

    def test_provider_proxy_alone_reaches_the_internet_and_no_private_network(self):
        public = ("1.1.1.1", "203.0.113.9", "172.15.255.255", "172.32.0.1", "2606:4700::1111")
        private = ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255",
                   "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fd00::1", "fe80::1", "fd00:ec2::254",
                   "64:ff9b::a9fe:a9fe", "ff02::1")
        for name in SETS:
            objects = chart.objects(name)
            policies = Policies(objects, chart.NAMESPACE)
            for component, pod in component_pods(objects).items():
                lets = component == "provider-proxy" and name != "single-replica"
                for address in public:
                    self.assertEqual(policies.allow(pod, Host(address), 443), lets, (name, component, address))
                    self.assertFalse(policies.allow(pod, Host(address), 80), (name, component, address))
                for address in private:
                    self.assertFalse(policies.allow(pod, Host(address), 443), (name, component, address))

    def test_what_egress_allow_names_is_open_to_provider_proxy_alone(self):
        objects = chart.objects("everything-on")
        policies = Policies(objects, chart.NAMESPACE)
        for component, pod in component_pods(objects).items():
            self.assertEqual(policies.allow(pod, Host("10.1.2.3"), 3128), component == "provider-proxy", component)
            self.assertFalse(policies.allow(pod, Host("10.1.2.4"), 3128), component)

    def test_an_outside_redis_is_reached_by_billing_and_the_registry_alone(self):
        for name, address, ports in (("external-redis-tls", "192.0.2.17", (6380,)), ("production-ha", "10.0.5.9", (6379, 26379, 26380))):
            objects = chart.objects(name)
            policies = Policies(objects, chart.NAMESPACE)
            for (component, pod), port in itertools.product(component_pods(objects).items(), ports):
                self.assertEqual(policies.allow(pod, Host(address), port), component in ("billing", "registry"), (name, component, port))
        objects = chart.objects("sentinel")
        policies, redis = Policies(objects, chart.NAMESPACE), Pod({"app": "redis"}, "data")
        for (component, pod), port in itertools.product(component_pods(objects).items(), (6379, 26379)):
            self.assertEqual(policies.allow(pod, redis, port), component in ("billing", "registry"), (component, port))

    def test_every_pod_is_selected_even_where_it_has_no_row(self):
        for name in SETS:
            objects = chart.objects(name)
            deny = next(one["spec"] for one in objects if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].endswith("default-deny"))
            self.assertEqual((sorted(deny["policyTypes"]), deny.get("ingress"), deny.get("egress")), (["Egress", "Ingress"], None, None))
            for component, pod in component_pods(objects).items():
                for key, value in deny["podSelector"]["matchLabels"].items():
                    self.assertEqual(pod.labels[key], value, (name, component))

    def test_switched_off_there_is_none(self):
        self.assertFalse([one for one in chart.objects("networkpolicy-off") if one["kind"] == "NetworkPolicy"])

    def test_ports_are_those_of_the_containers_and_services(self):
        for name in chart.value_sets():
            for one in chart.objects(name):
                made = chart.pod_of(one)
                if made and made[0]["labels"]["app.kubernetes.io/component"] in TABLE["ports"]:
                    numbers = TABLE["ports"][made[0]["labels"]["app.kubernetes.io/component"]]
                    for port in made[1]["containers"][0]["ports"]:
                        self.assertEqual(port["containerPort"], numbers[port["name"]])


if __name__ == "__main__":
    unittest.main()
