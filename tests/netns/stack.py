"""The suite as the chart lays it out: each role in a namespace of its own, found by the names of its Services."""
import json
import os
import secrets
import socket
import subprocess
import sys
import time

import connections
from namespaces import Network, clean_environment

sys.path.insert(0, os.path.join(connections.ROOT, "tests/support"))
from name_server import NameServer  # noqa: E402

RELEASE, NAMESPACE = "prismatic", "images"
SERVICES = ("registry", "billing", "provider-proxy", "gateway")
# Pods of the chart that come and go.
JOBS = ("ledger-export", "test", "tools")
# Pods of others: the chart says whom of its own they reach, not how they look names up.
PEERS = ("ingress", "admin-ingress", "prometheus", "billing-clients", "meters", "stranger")
INTERNET, PRIVATE = "203.0.113.2", "172.31.7.2"
# Where nothing but a namespace that plays the part may listen: metadata services and private networks.
FORBIDDEN = {"metadata": "169.254.169.254", "private-10": "10.66.0.2", "private-192": "192.168.66.2",
             "shared-100": "100.64.66.2"}
METERS_NAME = "text-gateway"
STARTS_SECONDS = 30


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Stack:
    """One suite. `redis` is bundled, external or sentinel; components in `twice` have a second replica, NAME-2."""

    def __init__(self, binaries, redis="bundled", twice=()):
        self.binaries, self.redis, self.twice = binaries, redis, twice
        self.table = connections.Table()
        self.network = Network()
        self.name_server = None
        self.api_key = ""
        try:
            self._lay_out()
            self.open_all()
            self._write_secrets()
            self._start_all()
        except BaseException:
            print(self.network.logs())
            self.close()
            raise

    # --- layout ---
    def _lay_out(self):
        state = {"bundled": ["redis"], "external": ["redis-external"], "sentinel": ["redis-external", "sentinels"]}[self.redis]
        pods = [*SERVICES, *(second(role) for role in self.twice), *state, "sandbox", *JOBS, *PEERS]
        for number, role in enumerate(pods):
            self.network.add(role, f"10.203.{number + 1}.2")
        self.network.add("dns", "10.203.250.2")
        self.network.add(connections.INTERNET, INTERNET)
        self.network.add(connections.PROVIDER_NETWORKS, PRIVATE)
        for role, address in FORBIDDEN.items():
            self.network.add(role, address)
        names = {"images.example.com": [INTERNET], "images.corp.example": [PRIVATE]}
        for role in ("redis-external", "sentinels"):
            if role in self.addresses:
                names[f"{role}.example"] = [self.addresses[role]]
        for role in (*SERVICES, "redis", "sandbox"):
            for service in (role, role + "-headless", role + "-admin"):
                names[host(service)] = self.replicas(role)
        bound = self.network.listen("dns", "0.0.0.0", 53, socket.SOCK_DGRAM)
        self.name_server = NameServer(bound, names)
        self.network.name_server(self.addresses["dns"])

    @property
    def addresses(self):
        return self.network.addresses

    def replicas(self, role):
        """Addresses of a component's replicas."""
        return [self.addresses[each] for each in (role, second(role)) if each in self.addresses]

    def rows(self):
        return self.table.between(self.addresses)

    def open_all(self, but=None, cut=()):
        """Just what the table has; `but` one row. Between the pairs of roles in `cut` packets vanish without a word."""
        addresses = {role: "{ " + ", ".join(self.replicas(role)) + " }" for role in self.addresses}
        rules = self.table.rules([row for row in self.rows() if row != but], addresses)
        rules += [(self.addresses[peer], self.addresses["dns"], "udp", 53) for peer in PEERS]
        if "sentinels" in self.addresses:  # a sentinel asks its servers: not the suite's connection, not in its table
            rules.append((self.addresses["sentinels"], self.addresses["redis-external"], "tcp", 6379))
        self.network.allow(rules, [(self.addresses[one], self.addresses[other]) for one, other in cut])

    # --- files ---
    def file(self, name, content=None):
        path = os.path.join(self.network.folder, name)
        if content is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        return path

    def _write_secrets(self):
        self.admin_token, self.provider_key = secrets.token_hex(24), secrets.token_hex(24)
        self.file("secrets/admin-token", self.admin_token)
        self.file("credentials/sandbox", self.provider_key)
        for user in ("billing", "registry"):
            self.file(f"secrets/{user}", secrets.token_hex(24))
        with open(os.path.join(connections.CHART, "files/sandbox-catalog.yaml"), encoding="utf-8") as file:
            catalog = file.read().replace("SANDBOX", f"{host('sandbox')}:{self.port('sandbox', 'http')}")
        self.file("catalog.yaml", with_provider(with_provider(catalog, "elsewhere", "http://images.example.com:443/v1"),
                                                "corporate", "http://images.corp.example:9100/v1"))
        self._write_certificates()

    def _write_certificates(self):
        """Authority, billing's certificate for its port for meters, and a meter's."""
        folder = os.path.join(self.network.folder, "tls")
        os.makedirs(folder)

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=30)

        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=meters of a test")
        for name, common_name in (("billing", host("billing")), ("meter", METERS_NAME)):
            openssl("req", "-x509", *key, "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out", f"{name}.crt",
                    "-subj", f"/CN={common_name}", "-addext", f"subjectAltName=DNS:{common_name}",
                    "-addext", "basicConstraints=critical,CA:FALSE")

    def _write_acl(self):
        """The bundled Redis' users, written by the script that its pod runs."""
        files = os.path.join(connections.CHART, "files")
        target = self.file("redis/users.acl", "")
        auth = self.table.values["redis"]["auth"]
        subprocess.run(["sh", os.path.join(files, "redis-acl.sh")], check=True, timeout=30, env={
            **clean_environment(), "PASSWORDS": self.file("secrets"), "TEMPLATE": os.path.join(files, "redis-users.acl"),
            "TARGET": target, "BILLING_USER": auth["billingUser"], "REGISTRY_USER": auth["registryUser"]})
        return target

    # --- processes ---
    def port(self, role, name):
        return self.ports(role)[name]

    def place(self, role, name, service=None):
        """host:port by the name of a Service."""
        return f"{host(service or role + '-headless')}:{self.port(role, name)}"

    def redis_url(self, user):
        auth = self.table.values["redis"]["auth"][user + "User"]
        password = f"?password_file={self.file('secrets/' + user)}"
        return {"bundled": f"redis://{auth}@{host('redis')}:{6379}{password}",
                "external": "redis://redis-external.example:6379",
                "sentinel": "redis+sentinel://sentinels.example/main"}[self.redis]

    def ports(self, role):
        """A component's ports, by their names."""
        return self.table.ports[role.removesuffix("-2")]

    def listen(self, role, **flags):
        words = []
        for flag, name in flags.items():
            if name in self.ports(role):
                words += ["--" + flag.replace("_", "-"), f"0.0.0.0:{self.port(role, name)}"]
        return words

    def command(self, role):
        registry = ["--registry", "dns:///" + self.place("registry", "grpc")]
        token = self.file("secrets/admin-token")
        component = role.removesuffix("-2")
        flags = {
            "registry": lambda: [*self.listen(role, listen="grpc", admin_listen="admin", metrics_listen="metrics"),
                                 "--redis", self.redis_url("registry"), "--catalog", self.file("catalog.yaml"),
                                 "--admin-token-file", token, "--owner-password-file", self.file("secrets/owner")],
            "billing": lambda: [*self.listen(role, listen="grpc", admin_listen="admin", metrics_listen="metrics",
                                             meters_listen="meters"),
                                "--redis", self.redis_url("billing"), *registry, "--admin-token-file", token,
                                "--meters-cert-file", self.file("tls/billing.crt"), "--meters-key-file",
                                self.file("tls/billing.key"), "--meters-client-ca-file", self.file("tls/ca.crt"),
                                "--trusted-meters", METERS_NAME],
            "provider-proxy": lambda: [*self.listen(role, listen="grpc", metrics_listen="metrics"), *registry,
                                       "--credentials-dir", self.file("credentials")],
            "gateway": lambda: [*self.listen(role, listen="http", admin_listen="admin", metrics_listen="metrics"), *registry,
                                "--billing", "dns:///" + self.place("billing", "grpc"),
                                "--provider-proxy", "dns:///" + self.place("provider-proxy", "grpc"),
                                "--registry-admin", "dns:///" + self.place("registry", "admin", "registry-admin"),
                                "--billing-admin", "dns:///" + self.place("billing", "admin", "billing-admin"),
                                "--billing-admin-token-file", token],
            "sandbox": lambda: [*self.listen(role, listen="http", metrics="metrics")],
        }[component]()
        return [os.path.join(self.binaries, "prismatic-" + component), *flags]

    def start(self, role):
        self.network.start(role, self.command(role))
        self.await_listening(role)

    def await_listening(self, role):
        wait_until(lambda: self.listens(role, min(self.ports(role).values())), STARTS_SECONDS, f"the start of {role}")

    def restart(self, role):
        self.network.kill(role)
        self.start(role)

    def listens(self, role, port, address="127.0.0.1"):
        if role in self.network.processes and self.network.processes[role].poll() is not None:
            raise AssertionError(f"{role} ended")
        try:
            self.network.connect(role, address, port).close()
            return True
        except OSError:
            return False

    def _start_redis(self):
        role = "redis" if self.redis == "bundled" else "redis-external"
        with open(os.path.join(connections.CHART, "files/redis.conf"), encoding="utf-8") as file:
            conf = file.read().replace("dir /data", "dir " + os.path.dirname(self.file("redis/log", "")))
        users = f"aclfile {self._write_acl()}" if self.redis == "bundled" else ""
        conf = conf.replace("aclfile /etc/redis/acl/users.acl", users)
        self.network.start(role, ["redis-server", self.file("redis.conf", conf)])
        wait_until(lambda: self.listens(role, 6379), STARTS_SECONDS, "Redis")
        if self.redis == "sentinel":
            conf = self.file("sentinel.conf", f"port {connections.SENTINEL_PORT}\nprotected-mode no\n"
                             f"sentinel monitor main {self.addresses[role]} 6379 1\n")
            self.network.start("sentinels", ["redis-server", conf, "--sentinel"])
            wait_until(lambda: self.listens("sentinels", connections.SENTINEL_PORT), STARTS_SECONDS, "the sentinel")

    def _start_all(self):
        self._start_redis()
        for role in ("sandbox", *SERVICES[:-1], *(second(role) for role in self.twice), SERVICES[-1]):
            self.start(role)
        for role, address, port in ((connections.INTERNET, INTERNET, 443), (connections.PROVIDER_NETWORKS, PRIVATE, 9100)):
            self.network.start(role, [os.path.join(self.binaries, "prismatic-sandbox"), "--listen", f"{address}:{port}"])
            wait_until(lambda where=(role, port, address): self.listens(*where), STARTS_SECONDS, role)

    def cli_environment(self):
        """The addresses that the chart gives to its pods with the command line."""
        return {"PRISMATIC_BASE_URL": f"http://{host('gateway')}:{self.port('gateway', 'http')}/v1",
                "PRISMATIC_REGISTRY_ADDR": self.place("registry", "grpc", "registry"),
                "PRISMATIC_REGISTRY_ADMIN_ADDR": self.place("registry", "admin", "registry-admin"),
                "PRISMATIC_BILLING_ADDR": self.place("billing", "grpc", "billing"),
                "PRISMATIC_BILLING_ADMIN_ADDR": self.place("billing", "admin", "billing-admin"),
                "PRISMATIC_PROVIDER_ADDR": self.place("provider-proxy", "grpc", "provider-proxy"),
                "PRISMATIC_ADMIN_TOKEN_FILE": self.file("secrets/admin-token"), "PRISMATIC_ACTOR": "netns",
                "PATH": f"{self.binaries}:{os.environ['PATH']}"}

    def cli(self, role, *words):
        """`prismatic WORDS` in a role's namespace, with the key of the account that pays for this test."""
        return self.network.call(role, ["prismatic", *words, "--output", "json"],
                                 {**self.cli_environment(), "PRISMATIC_API_KEY": self.api_key})

    def script(self, role, name, **environment):
        """A script of the chart's, as its pod runs it."""
        return self.network.call(role, ["sh", os.path.join(connections.CHART, "files", name)],
                                 {**self.cli_environment(), **environment})

    def open_account(self, role="tools"):
        """An account with money, whose key every client of this test uses."""
        wait_until(lambda: self.cli(role, "account", "create", "demo", "--wallet-usd", "1000").returncode == 0, STARTS_SECONDS,
                   "an account")
        made = self.cli(role, "key", "create", "--account", "demo")
        self.api_key = json.loads(made.stdout)["api_key"]

    def close(self):
        if self.name_server:
            self.name_server.close()
        self.network.close()


def second(role):
    """The name of a component's second replica."""
    return role + "-2"


def host(service):
    return f"{RELEASE}-{service}.{NAMESPACE}.svc"


def with_provider(catalog, name, base_url):
    """The trial catalog and one more provider, which serves a model of its own name."""
    head, models, tail = catalog.partition("models:\n")
    provider = (f"  - {{name: {name}, wire_format: openai_images, base_url: \"{base_url}\", images_enabled: true, "
                "max_concurrent: 100}\n")
    model = (f"  - {{name: {name}, public_ids: [{name}], capabilities: [image_generation], retail_generation_usd: \"0.04\",\n"
             f"     routes: [{{provider: {name}, upstream_model: {name}}}]}}\n")
    return head + provider + models + model + tail
