"""One host, set up as docs/how-to/single-host-systemd.md says, in a folder of its own: the same files, the same command
lines, credentials where systemd would put them; other paths and ports."""
import base64
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

from oracle import Redis
from sentinels import free_port
from suite import OPTIONS, ROOT, wait_until
from units import FOLDER, INSTALLED, SERVICES, settings

BIN = os.path.abspath(OPTIONS[OPTIONS.index("--bin") + 1]) if "--bin" in OPTIONS else os.path.join(ROOT, "build/bin")
PORTS = ("public", "admin", "registry", "registry_admin", "billing", "billing_admin", "provider", "redis", "sandbox",
         "metrics_registry", "metrics_billing", "metrics_provider-proxy", "metrics_gateway")
# What /etc/prismatic/NAME.env says of other ports.
ADDRESSES = {
    "registry": {"LISTEN": "registry", "ADMIN_LISTEN": "registry_admin", "METRICS_LISTEN": "metrics_registry"},
    "billing": {"LISTEN": "billing", "ADMIN_LISTEN": "billing_admin", "METRICS_LISTEN": "metrics_billing",
                "REGISTRY": "registry"},
    "provider-proxy": {"LISTEN": "provider", "METRICS_LISTEN": "metrics_provider-proxy", "REGISTRY": "registry"},
    "gateway": {"LISTEN": "public", "ADMIN_LISTEN": "admin", "METRICS_LISTEN": "metrics_gateway",
                "REGISTRY": "registry", "BILLING": "billing", "PROVIDER_PROXY": "provider",
                "REGISTRY_ADMIN": "registry_admin", "BILLING_ADMIN": "billing_admin"},
    "all-in-one": {"LISTEN": "public", "ADMIN_LISTEN": "admin", "METRICS_LISTEN": "metrics_gateway",
                   "REGISTRY_LISTEN": "registry", "REGISTRY_ADMIN_LISTEN": "registry_admin",
                   "BILLING_LISTEN": "billing", "BILLING_ADMIN_LISTEN": "billing_admin",
                   "PROVIDER_PROXY_LISTEN": "provider"}}
PASSWORDS = ("operator", "backup", "registry", "billing", "all-in-one")


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("PRISMATIC_", "PROVIDER_KEY_")) and "proxy" not in name.lower()}


class Host:
    def __init__(self, in_memory=False):
        """`in_memory`, where there is such a place: a sentinel that waits for a slow disk looks away for half a minute."""
        place = "/dev/shm" if in_memory and os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="prismatic-host-", dir=place)
        self.processes, self.ports, self.more = {}, {}, {}  # more: {service: {VARIABLE: value}}
        for name in PORTS:
            while self.ports.get(name) is None or list(self.ports.values()).count(self.ports[name]) > 1:
                self.ports[name] = free_port()
        self.passwords = {name: secrets.token_hex(12) for name in PASSWORDS}
        for name in ("etc", "secrets", "secrets/providers", "redis", "credentials", "state", "traces"):
            os.makedirs(self.path(name), mode=0o700)
        self.write("secrets/admin-token", secrets.token_hex(24))
        for name in ("registry", "billing", "all-in-one", "backup", "operator"):
            self.write("secrets/redis-" + name, self.passwords[name])
        self.write("secrets/providers/sandbox", secrets.token_hex(12))
        self.write("secrets/providers.env", "PROVIDER_KEY_SANDBOX=" + self.read("secrets/providers/sandbox") + "\n")
        with open(os.path.join(ROOT, "deploy/catalog/sandbox.yaml"), encoding="utf-8") as file:
            self.catalog = file.read().replace("127.0.0.1:9100", self.address("sandbox"))
        self.write("redis.conf", self.redis_settings())
        self.write("users.acl", self.users())

    # --- files ---
    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        if name.startswith("secrets/"):
            os.chmod(self.path(name), 0o600)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def address(self, port):
        return f"127.0.0.1:{self.ports[port]}"

    @staticmethod
    def file_of_deploy(name):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            return file.read()

    def redis_settings(self):
        text = self.file_of_deploy("redis-prismatic.conf")
        for name, value in (("port", self.ports["redis"]), ("dir", self.path("redis")),
                            ("pidfile", self.path("redis.pid")), ("aclfile", self.path("users.acl"))):
            text, times = re.subn(rf"^{name} .*$", f"{name} {value}", text, flags=re.M)
            if times != 1:
                raise AssertionError(f"{name} is there {times} times")
        return text

    def users(self):
        """The users of the manual, each with a password of our own; all may log in."""
        text = self.file_of_deploy("prismatic-users.acl").replace(
            "user prismatic-all-in-one off", "user prismatic-all-in-one on >change-this-all-in-one-password")
        for name, password in self.passwords.items():
            text, times = re.subn(rf">change-this-{name}-password", ">" + password, text)
            if times != 1:
                raise AssertionError(f"{name} has {times} passwords")
        return text

    # --- processes ---
    def start(self, name, command, environment=None):
        with open(self.path(name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(  # pylint: disable=consider-using-with
                command, cwd=self.folder, env={**clean_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return self.processes[name]

    def start_redis(self, users=None, *flags):
        if users is not None:
            self.write("users.acl", users)
        redis = self.start("redis", ["redis-server", self.path("redis.conf"), *flags])
        wait_until(lambda: redis.poll() is not None or self.redis("PING") == b"PONG", 20, "Redis")
        if redis.poll() is not None:
            raise AssertionError("Redis ended:" + self.logs())

    def redis(self, *words, user="operator"):
        """The answer to one command; None where Redis cannot be reached."""
        try:
            client = Redis(f"redis://{self.address('redis')}")
        except OSError:
            return None
        try:
            return client.pipeline([("AUTH", user, self.passwords[user]), words])[1]
        except (OSError, RuntimeError, ValueError):
            return None
        finally:
            client.close()

    def start_sandbox(self):
        self.start("sandbox", [os.path.join(BIN, "prismatic-sandbox"), "--listen", self.address("sandbox")],
                   {"PRISMATIC_API_KEY": self.read("secrets/providers/sandbox")})

    def start_service(self, service, traced=False):
        """By its ExecStart=, with its Environment=, EnvironmentFile= and LoadCredential=, and a drop-in of provider keys."""
        unit = settings(service)
        loads = ["sandbox:/etc/prismatic/secrets/providers/sandbox"] if service == "provider-proxy" else []
        variables = {"CREDENTIALS_DIRECTORY": self.path("credentials/" + service)}
        os.makedirs(variables["CREDENTIALS_DIRECTORY"], exist_ok=True)
        for line in [*unit.get("LoadCredential", []), *loads]:
            name, _, source = line.partition(":")
            shutil.copy(self.placed(source), os.path.join(variables["CREDENTIALS_DIRECTORY"], name))
        for name in unit.get("StateDirectory", []):
            variables["STATE_DIRECTORY"] = self.path("state/" + name)
            os.makedirs(variables["STATE_DIRECTORY"], exist_ok=True)
        for line in unit.get("Environment", []):
            name, _, value = line.strip('"').partition("=")
            value = value.replace("%d", variables["CREDENTIALS_DIRECTORY"]).replace("127.0.0.1:6379", self.address("redis"))
            variables[name] = self.placed(value)
        self.write(f"etc/{service}.env", "".join(
            f"PRISMATIC_{name}={value}\n" for name, value in [
                *((name, self.address(port)) for name, port in ADDRESSES[service].items()),
                *self.more.get(service, {}).items()]))
        for path in unit.get("EnvironmentFile", []):
            for line in self.read(self.placed(path.removeprefix("-"))).splitlines():
                name, _, value = line.partition("=")
                variables[name] = value
        words = [re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], word)
                 for word in unit["ExecStart"][0].replace(INSTALLED, BIN + "/").split()]
        trace = ["strace", "-D", "-f", "-qq", "-s", "200", "-o", self.path(f"traces/{service}")] if traced else []
        return self.start(service, [*trace, *words], variables)

    def placed(self, path):
        return path.replace("/etc/prismatic/secrets/", self.path("secrets/")).replace(
            "/etc/prismatic/", self.path("etc/"))

    def end(self, name, seconds=60):
        """Its exit code after SIGTERM."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(seconds)

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self):
        for name in list(self.processes):
            self.kill(name)
        shutil.rmtree(self.folder)

    # --- its clients ---
    def wait_ready(self, seconds=60):
        """Until the front says that it is, and somebody has asked billing and the registry."""
        wait_until(lambda: self.get("public", "/readyz") == 200, seconds, "the gateway")
        wait_until(lambda: self.cli("provider", "list").returncode == 0, seconds, "the registry")
        wait_until(lambda: self.cli("account", "list").returncode == 0, seconds, "billing")

    def get(self, port, path):
        try:
            return self.http(port, "GET", path)[0]
        except OSError:
            return None

    def http(self, port, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def generate(self, key, **fields):
        body = {"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256", **fields}
        return self.http("public", "POST", "/v1/images/generations", json.dumps(body),
                         {"Authorization": "Bearer " + key, "Content-Type": "application/json"})

    def picture(self, key):
        status, body = self.generate(key, response_format="b64_json")
        if status != 200:
            raise AssertionError(body)
        return base64.b64decode(json.loads(body)["data"][0]["b64_json"])

    def settings_of_cli(self):
        return {"PRISMATIC_BILLING_ADMIN_ADDR": self.address("billing_admin"),
                "PRISMATIC_BILLING_ADDR": self.address("billing"),
                "PRISMATIC_REGISTRY_ADMIN_ADDR": self.address("registry_admin"),
                "PRISMATIC_REGISTRY_ADDR": self.address("registry"),
                "PRISMATIC_PROVIDER_ADDR": self.address("provider"),
                "PRISMATIC_BASE_URL": f"http://{self.address('public')}/v1",
                "PRISMATIC_ADMIN_TOKEN_FILE": self.path("secrets/admin-token")}

    def cli(self, *words):
        return subprocess.run([os.path.join(BIN, "prismatic"), *words, "--output", "json"], capture_output=True,
                              text=True, timeout=120, check=False, env={**clean_environment(), **self.settings_of_cli()})

    def told(self, *words):
        done = self.cli(*words)
        if done.returncode != 0:
            raise AssertionError(f"prismatic {' '.join(words)}: {done.returncode} {done.stderr}{self.logs()}")
        return json.loads(done.stdout)

    def new_key(self, account, wallet):
        self.told("account", "create", account, "--wallet-usd", wallet)
        return self.told("key", "create", "--account", account)["api_key"]

    def logs(self):
        return "".join(f"\n--- {name}\n{self.read(name)[-2000:]}" for name in sorted(os.listdir(self.folder))
                       if name.endswith(".log"))


def start_all(host, services=SERVICES, traced=False):
    """Redis, the sandbox and the services, until all are ready."""
    key = "file:sandbox" if "provider-proxy" in services else "env:PROVIDER_KEY_SANDBOX"
    host.write("etc/catalog.yaml", host.catalog.replace("env:PROVIDER_KEY_SANDBOX", key))
    host.start_redis()
    host.start_sandbox()
    for service in services:
        host.start_service(service, traced)
    host.wait_ready()
