"""A whole suite for tests: its own Redis, ports and folder, through scripts/run; and a client for it."""
import base64
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Taken from the command line before unittest reads it.
OPTIONS = []
for flag, words in (("--separate", 1), ("--bin", 2)):
    if flag in sys.argv:
        at = sys.argv.index(flag)
        OPTIONS += sys.argv[at:at + words]
        del sys.argv[at:at + words]
SEED_REQUEST = {
    "model": "imagen-4", "prompt": "A clean product mockup on a neutral desk",
    "image_url": ["https://example.com/reference.png"], "negative_prompt": "clutter, text artifacts",
    "aspect_ratio": "16:9", "quality": "high", "style": "natural", "seed": 42, "response_format": "b64_json", "n": 1}


def free_port_base(count=64):
    """The first of `count` ports that nobody listens on; where there is room, below those that the kernel gives
    to outgoing connections, which come and go."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as numbers:
        first_outgoing = int(numbers.read().split()[0])
    bases = (10_000, first_outgoing - count) if first_outgoing > 20_000 else (10_000, 65_535 - count)
    for _ in range(100):
        base = random.randrange(*bases)
        try:
            for offset in (0, 1, 10, 11, 20, 21, 30, 40, 50, 60, 61, 62, 63):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
    raise RuntimeError("no free range of ports")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    def images(self):
        return [base64.b64decode(item["b64_json"], validate=True) for item in self.json["data"]]


def png_size(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
    assert data[-8:-4] == b"IEND", "the PNG is cut"
    return struct.unpack(">II", data[16:24])


class Suite:
    """Started by scripts/run --detach in a folder of its own; stop() ends and removes it.

    The tests' own arguments --separate and --bin DIR are handed on."""

    def __init__(self):
        separate = "--separate" in OPTIONS
        binaries = OPTIONS[OPTIONS.index("--bin") + 1] if "--bin" in OPTIONS else None
        self.state = tempfile.mkdtemp(prefix="prismatic-e2e-")
        self.separate = separate
        self.cli_path = os.path.join(binaries or os.path.join(ROOT, "build/bin"), "prismatic")
        for attempt in range(3):  # another process may take a port between the probe and the start
            command = [os.path.join(ROOT, "scripts/run"), "--detach", "--no-build", "--state", self.state,
                       "--port-base", str(free_port_base())]
            command += (["--separate"] if separate else []) + (["--bin", binaries] if binaries else [])
            started = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            if started.returncode == 0:
                break
        else:
            raise RuntimeError(f"the suite did not start:\n{started.stdout}\n{started.stderr}\n{self.logs()}")
        self.env = {}
        with open(os.path.join(self.state, "env"), encoding="utf-8") as lines:
            for line in lines:
                name, _, value = line.strip().removeprefix("export ").partition("=")
                self.env[name] = value
        self.key = self.env["PRISMATIC_API_KEY"]
        self.started = {}
        self.commands = {name[:-4]: started_as(self.pid(name[:-4])) for name in os.listdir(self.state)
                         if name.endswith(".pid")}

    def stop(self):
        subprocess.run([os.path.join(ROOT, "scripts/stop"), "--state", self.state], check=True, capture_output=True,
                       timeout=60)
        for process in self.started.values():
            process.wait()
        shutil.rmtree(self.state)

    def pid(self, name):
        """The number of a process of the suite: all-in-one, gateway, billing, registry, provider-proxy, ..."""
        with open(os.path.join(self.state, name + ".pid"), encoding="utf-8") as file:
            return int(file.read().split()[0])

    # --- its processes ---
    @property
    def front(self):
        """The name of the process that clients talk to."""
        return "gateway" if self.separate else "all-in-one"

    def kill(self, name):
        """Ends a process as a crash does."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: ended(pid), 10, f"the end of {name}")
        if name in self.started:
            self.started[name].wait()

    def start_again(self, name, *flags):
        """Starts a process that has ended as it was started before, with further flags."""
        command, environment = self.commands[name]
        with open(os.path.join(self.state, name + ".log"), "ab") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [*command, *flags], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.started[name] = process
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stat:
            started = stat.read().rpartition(") ")[2].split()[19]
        with open(os.path.join(self.state, name + ".pid"), "w", encoding="utf-8") as file:
            file.write(f"{process.pid} {started}\n")

    def restart(self, name, *flags):
        if not ended(self.pid(name)):
            self.kill(name)
        self.start_again(name, *flags)
        self.wait_ready()

    def wait_ready(self):
        """Until a request that changes nothing goes through the gateway, billing and Redis, and an admin's too."""
        def ready():
            try:
                return self.api("GET", "/models").status == 200
            except OSError:
                return False
        wait_until(ready, 30, "the suite")
        wait_until(lambda: isinstance(self.cli("provider", "list", check=False), dict), 30, "the registry")

    @contextlib.contextmanager
    def stopped(self, name):
        """A process that hangs: it keeps its connections and says nothing."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def log(self, name):
        with open(os.path.join(self.state, name + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def logs(self):
        text = ""
        for name in sorted(os.listdir(self.state)):
            if name.endswith(".log"):
                with open(os.path.join(self.state, name), encoding="utf-8", errors="replace") as log:
                    text += f"--- {name}\n{log.read()[-3000:]}\n"
        return text

    # --- HTTP ---
    def http(self, method, url, body=None, headers=None, timeout=60):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        try:
            target = parts.path + ("?" + parts.query if parts.query else "")
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def api(self, method, path, body=None, key=None, headers=None):
        send = {"Authorization": f"Bearer {self.key if key is None else key}"} if key != "" else {}
        if body is not None:
            send["Content-Type"] = "application/json"
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.http(method, self.env["PRISMATIC_BASE_URL"] + path, body, {**send, **(headers or {})})

    def generate(self, body=None, key=None, headers=None, **fields):
        body = dict(body or {"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256"}, **fields)
        return self.api("POST", "/images/generations", body, key, headers)

    def await_upstream(self):
        """A test before may have had the upstream say "later": then it is left alone for a while."""
        wait_until(lambda: self.generate().status == 200, 20, "an upstream that is asked again")

    # --- the sandbox, as an upstream that remembers ---
    def upstream_total(self):
        return self.http("GET", self.env["PRISMATIC_SANDBOX_URL"] + "/_sandbox/requests?limit=1").json["total"]

    def upstream_requests(self, limit=10):
        answer = self.http("GET", f"{self.env['PRISMATIC_SANDBOX_URL']}/_sandbox/requests?limit={limit}").json
        return answer["requests"]

    def fault_next(self, directive, count=1):
        """Steers the sandbox's next requests, so that a request can stay the same, word for word."""
        self.http("POST", self.env["PRISMATIC_SANDBOX_URL"] + "/_sandbox/faults",
                  json.dumps({"count": count, "directive": directive}))

    # --- the command line ---
    def cli(self, *words, check=True):
        env = {name: value for name, value in os.environ.items() if not name.startswith("PRISMATIC_")}
        done = subprocess.run([self.cli_path, *words, "--output", "json"], capture_output=True, text=True, timeout=60,
                              check=False, env={**env, **self.env})
        if check and done.returncode != 0:
            raise RuntimeError(f"prismatic {' '.join(words)}: {done.returncode} {done.stderr}")
        return json.loads(done.stdout) if done.returncode == 0 else done

    def new_key(self, account, *flags, wallet=None, account_flags=()):
        self.cli("account", "create", account, *(["--wallet-usd", wallet] if wallet else []), *account_flags)
        return self.cli("key", "create", "--account", account, *flags)["api_key"]

    def account(self, name):
        return self.cli("account", "show", name)

    def ledger(self, name):
        return self.cli("ledger", "list", "--account", name, "--all")["entries"]

    def metric(self, name, process="gateway"):
        """The sum of a metric's series in the process that does this one's work."""
        urls = self.env["PRISMATIC_METRICS_URLS"].split(",")
        place = ("gateway", "registry", "billing", "provider-proxy").index(process)
        text = self.http("GET", urls[place if self.separate else 0]).body.decode()
        lines = (line.rpartition(" ") for line in text.splitlines())
        return sum(float(value) for series, _, value in lines if series.partition("{")[0] == name)

    def metrics(self):
        return "".join(self.http("GET", url).body.decode() for url in self.env["PRISMATIC_METRICS_URLS"].split(","))


def started_as(pid):
    """(command, environment) of a running process."""
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as words:
        command = words.read().split("\0")[:-1]
    with open(f"/proc/{pid}/environ", encoding="utf-8") as variables:
        return command, dict(line.split("=", 1) for line in variables.read().split("\0") if "=" in line)


def ended(pid):
    """Whether a process has ended, buried or not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def wait_until(condition, seconds=10, what="the condition"):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)
