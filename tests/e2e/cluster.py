"""Replicas of every service as a cluster runs them, without one: each replica has an address of its own (127.1.x.y) and
its service's ports, a name server says which are there, gRPC does the rest, and balancers stand in front of the
gateways. Replicas come when they say that they are ready, and go by SIGTERM."""
import itertools
import os
import random
import re
import signal
import socket
import sys

import grpc
import suite as suites
from balancer import Balancer, says_ready
from grpc_health.v1 import health_pb2, health_pb2_grpc
from replicas import SERVICES, with_flags
from suite import ROOT, Suite, ended, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests/support"))
from name_server import NameServer  # noqa: E402

# An address for each, so that suites side by side do not meet.
NUMBERS = itertools.count(random.randrange(2, 1 << 15))
# What the services call one another's ports.
PEERS = {"registry": ("registry", "listen"), "billing": ("billing", "listen"),
         "provider_proxy": ("provider-proxy", "listen"), "registry_admin": ("registry", "admin_listen"),
         "billing_admin": ("billing", "admin_listen")}


class Names:
    """Who has which addresses now, as a cluster's name server says it for a headless service."""

    def __init__(self):
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        self.server = NameServer(bound, {}, ttl_seconds=0)

    def set(self, service, addresses):
        self.server.names[self.full(service)] = list(addresses)

    def target(self, service, port):
        """For gRPC, which then asks here."""
        return f"dns://127.0.0.1:{self.port}/{self.full(service)}:{port}"

    @staticmethod
    def full(service):
        return f"{service}.rolling.test"

    def close(self):
        self.server.close()


class Replica:
    def __init__(self, cluster, service, flags):
        self.cluster, self.service = cluster, service
        number = next(NUMBERS)
        self.host = f"127.1.{number >> 8}.{number & 255}"
        self.name = f"{service}-{number}"
        command, environment = cluster.plan[service]
        listen = {flag: f"{self.host}:{port}" for flag, port in cluster.ports[service].items()}
        peers = {flag: cluster.names.target(peer, cluster.ports[peer][port])
                 for flag, (peer, port) in PEERS.items() if peer != service}
        command = with_flags(command, **listen, **peers)
        # Flags that come later win.
        cluster.commands[self.name] = ([*command, *cluster.flags, *flags], environment)
        cluster.start_again(self.name)
        self.process = cluster.started[self.name]

    def address(self, port="listen"):
        return self.host, self.cluster.ports[self.service][port]

    def says(self, name=""):
        """Whether its health answers SERVING."""
        if self.service == "gateway":
            return says_ready(self.address())
        with grpc.insecure_channel("%s:%d" % self.address()) as channel:
            try:
                asked = health_pb2.HealthCheckRequest(service=name)
                return health_pb2_grpc.HealthStub(channel).Check(asked, timeout=5).status == 1
            except grpc.RpcError:
                return False

    def metric(self, family):
        text = self.cluster.http("GET", "http://%s:%d/metrics" % self.address("metrics_listen")).body.decode()
        lines = re.findall(rf"^{family}(?:\{{.*\}})? (\S+)$", text, re.M)
        return sum(float(value) for value in lines)

    def handled(self):
        """How many calls of others it has answered."""
        return self.metric("prismatic_http_requests_total" if self.service == "gateway" else "grpc_server_handled_total")

    def is_connected_to(self, other, port="listen"):
        """Whether a connection of this process leads there, as the kernel has it."""
        host, number = other.address(port)
        there = "".join(f"{int(part):02X}" for part in reversed(host.split("."))) + f":{number:04X}"
        established = []
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):  # gRPC's sockets speak IPv4 inside of IPv6
            with open(table, encoding="ascii") as lines:
                established += [line.split() for line in lines if line.split()[3] == "01"]
        sockets = {f"socket:[{fields[9]}]" for fields in established if fields[2].endswith(there)}
        folder = f"/proc/{self.process.pid}/fd"
        for name in os.listdir(folder) if sockets else ():
            try:
                if os.readlink(os.path.join(folder, name)) in sockets:
                    return True
            except FileNotFoundError:  # closed meanwhile
                continue
        return False

    def signal(self, number):
        self.process.send_signal(number)


class Cluster(Suite):
    """Two replicas of each service. Redis, the sandbox, the first account and the command line are the suite's."""

    def __init__(self, *flags):
        if "--separate" not in suites.OPTIONS:
            suites.OPTIONS.append("--separate")
        self.flags, self.plan, self.ports = flags, {}, {}
        self.replicas = {service: [] for service in SERVICES}
        self.names, self.door, self.admin_door = Names(), Balancer(), Balancer()
        super().__init__()
        try:
            self.take_over()
        except BaseException:
            self.stop()
            raise

    def take_over(self):
        """Ends the suite's own services, and starts replicas of them in their place."""
        for service in SERVICES:
            self.plan[service] = self.commands[service]
            words = self.plan[service][0]
            self.ports[service] = {flag: int(words[words.index("--" + flag.replace("_", "-")) + 1].rpartition(":")[2])
                                   for flag in ("listen", "admin_listen", "metrics_listen")
                                   if "--" + flag.replace("_", "-") in words}
            os.kill(self.pid(service), signal.SIGTERM)
        for service in SERVICES:
            wait_until(lambda each=service: ended(self.pid(each)), 20, f"the end of {service}")
        for _ in range(2):
            fresh = [Replica(self, service, ()) for service in SERVICES]
            for replica in fresh:
                self.add(replica)
        self.env.update(
            PRISMATIC_BASE_URL=f"http://{self.door.address}/v1", PRISMATIC_ADMIN_URL=f"http://{self.admin_door.address}",
            **{f"PRISMATIC_{name}_ADDR": self.names.target(service, self.ports[service][port])
               for name, (service, port) in (("REGISTRY", PEERS["registry"]), ("BILLING", PEERS["billing"]),
                                             ("PROVIDER", PEERS["provider_proxy"]),
                                             ("REGISTRY_ADMIN", PEERS["registry_admin"]),
                                             ("BILLING_ADMIN", PEERS["billing_admin"]))})
        self.wait_ready()

    def is_known(self, replica):
        """Whether every gateway has found a replica of another service: all that it asks of that service."""
        ports = [flag for flag in ("listen", "admin_listen") if flag in self.ports[replica.service]]
        if replica.service == "registry":
            ports = ["admin_listen"]  # it has one watch, at one of the replicas
        return all(gateway.is_connected_to(replica, port) for gateway in self.replicas["gateway"] for port in ports)

    # --- replicas ---
    def start(self, service, *flags):
        """A replica that nobody knows of yet."""
        return Replica(self, service, flags)

    def add(self, replica, ready=True):
        """It is known from here on, once it is ready; at once, where that is not waited for."""
        if ready:
            wait_until(replica.says, 30, f"{replica.name} to be ready")
        self.replicas[replica.service].append(replica)
        self.publish(replica.service)
        return replica

    def publish(self, service):
        replicas = self.replicas[service]
        self.names.set(service, [replica.host for replica in replicas])
        if service == "gateway":
            self.door.backends = {replica.address(): replica.address() for replica in replicas}
            self.admin_door.backends = {replica.address("admin_listen"): replica.address() for replica in replicas}

    def forget(self, replica):
        """It is in nobody's list any more. (The balancer of the gateways goes by /readyz alone.)"""
        self.replicas[replica.service].remove(replica)
        if replica.service != "gateway":
            self.publish(replica.service)

    def retire(self, replica):
        """As a cluster ends one: it is taken off the list and told, at the same time. Returns at once."""
        replica.signal(signal.SIGTERM)
        self.forget(replica)

    def wait_ended(self, replica):
        """Its exit code."""
        code = replica.process.wait(60)
        self.publish(replica.service)
        return code

    def stop(self):
        for service in SERVICES:
            for replica in list(self.replicas[service]):
                replica.signal(signal.SIGCONT)
        for process in self.started.values():
            if process.poll() is None:
                process.kill()
        for each in (self.names, self.door, self.admin_door):
            each.close()
        super().stop()
