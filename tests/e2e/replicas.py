"""A suite with two replicas of every service, on one Redis: the second ones have ports of their own and know only
one another."""
import os
import re
import signal
import socket
import time

import grpc
import suite as suites
from grpc_client import Service
from suite import Suite, ended, wait_until

SERVICES = ("registry", "billing", "provider-proxy", "gateway")


def free_ports(count):
    """Ports that nobody listens on. Their sockets are closed together, so that no port comes twice."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def with_flags(command, **flags):
    """A command line in which some flags have other values; `admin_listen` is --admin-listen. Those that it does not
    have are left alone."""
    changed = list(command)
    for name, value in flags.items():
        flag = "--" + name.replace("_", "-")
        if flag in changed:
            changed[changed.index(flag) + 1] = value
    return changed


class ReplicaSuite(Suite):
    def __init__(self):
        if "--separate" not in suites.OPTIONS:
            suites.OPTIONS.append("--separate")
        super().__init__()
        try:
            self.second = self.start_second()
        except BaseException:
            self.stop()
            raise

    def start_second(self):
        """Addresses of the second replicas by what they are."""
        names = ("registry", "registry_admin", "billing", "billing_admin", "provider", "public", "admin",
                 "metrics_registry", "metrics_billing", "metrics_provider-proxy", "metrics_gateway")
        at = dict(zip(names, (f"127.0.0.1:{port}" for port in free_ports(len(names)))))
        listen = {"registry": {"listen": at["registry"], "admin_listen": at["registry_admin"]},
                  "billing": {"listen": at["billing"], "admin_listen": at["billing_admin"],
                              "registry": at["registry"]},
                  "provider-proxy": {"listen": at["provider"], "registry": at["registry"]},
                  "gateway": {"listen": at["public"], "admin_listen": at["admin"], "registry": at["registry"],
                              "billing": at["billing"], "provider_proxy": at["provider"],
                              "registry_admin": at["registry_admin"], "billing_admin": at["billing_admin"]}}
        for name in SERVICES:
            command, environment = self.commands[name]
            flags = dict(listen[name], metrics_listen=at["metrics_" + name])
            self.commands[name + "-2"] = (with_flags(command, **flags), environment)
            self.start_again(name + "-2")
        wait_until(lambda: self.answers(f"http://{at['public']}/readyz"), 30, "the second gateway")
        return at

    def answers(self, url):
        try:
            return self.http("GET", url).status == 200
        except OSError:
            return False

    def stop(self):
        for name in SERVICES:
            if name + "-2" in self.started and not ended(self.pid(name + "-2")):
                os.kill(self.pid(name + "-2"), signal.SIGKILL)
        super().stop()

    def restart_registries(self):
        for name in ("registry", "registry-2"):
            if not ended(self.pid(name)):
                self.kill(name)
            self.start_again(name)
        for replica in (1, 2):
            wait_until(lambda each=replica: self.lists_providers(each), 30, f"registry {replica}")
        self.wait_ready()

    def lists_providers(self, replica):
        try:
            with self.registry_admin(replica) as registry:
                return registry.ListProviders().catalog_version > 0
        except grpc.RpcError:
            return False

    def registry_admin(self, replica):
        address = self.env["PRISMATIC_REGISTRY_ADMIN_ADDR"] if replica == 1 else self.second["registry_admin"]
        return Service(address, "prismatic.model_registry.v1.ModelRegistryAdmin",
                       (("authorization", "Bearer " + self.env["PRISMATIC_ADMIN_TOKEN"]),))

    def metrics_urls(self):
        first = self.env["PRISMATIC_METRICS_URLS"].split(",")
        return first + [f"http://{self.second['metrics_' + name]}/metrics" for name in SERVICES]

    def catalog_versions(self):
        """What each of the eight processes holds."""
        return [int(float(re.search(r"^prismatic_catalog_version(?:\{.*\})? (\S+)$", self.http("GET", url).body.decode(),
                                    re.M).group(1))) for url in self.metrics_urls()]

    def seconds_until_everywhere(self, version, since):
        """How long after `since` every process held the version."""
        waiting = set(self.metrics_urls())
        pattern = re.compile(r"^prismatic_catalog_version(?:\{.*\})? (\S+)$", re.M)
        while waiting:
            for url in list(waiting):
                held = float(pattern.search(self.http("GET", url).body.decode()).group(1))
                if held >= version:
                    waiting.discard(url)
            if time.monotonic() - since > 30:
                raise RuntimeError(f"{waiting} do not have version {version}")
        return time.monotonic() - since
