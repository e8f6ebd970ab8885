"""A network of namespaces: one for each role, all behind one router whose nftables let through what a test opens.

Each namespace has one address and one default route. The router forwards packets that a rule lets through; all others
are refused at once (a TCP reset, an ICMP message), so that what is closed fails fast instead of timing out. The rules
know no state: closing a connection also ends what runs over it.
"""
import atexit
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
ROUTER = "router"
# Who tried in vain to open what.
REFUSED = """  set refused {
    type ipv4_addr . ipv4_addr . inet_proto . inet_service
    flags dynamic
    counter
    size 4096
  }"""
REMEMBER_TCP = ("    tcp flags & (fin | syn | rst | ack) == syn "
                "add @refused { ip saddr . ip daddr . ip protocol . tcp dport }")
REMEMBER_UDP = "    meta l4proto udp add @refused { ip saddr . ip daddr . ip protocol . udp dport }"
# Runs a command that sees only the name server of this network.
WITH_RESOLV_CONF = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


def why_not():
    """Why this machine cannot have such a network, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nft", "unshare", "mount"):
        if subprocess.run(["sh", "-c", f"command -v {tool}"], stdout=subprocess.DEVNULL, check=False).returncode != 0:
            return f"{tool} is missing (packages iproute2, nftables, util-linux, mount)"
    name = f"prismatic-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"ip netns add: {made.stderr.strip()}"
    ruled = subprocess.run(["ip", "netns", "exec", name, "nft", "add", "table", "inet", "probe"], capture_output=True,
                           text=True, check=False)
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None if ruled.returncode == 0 else f"nft in a namespace: {ruled.stderr.strip()}"


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}\n{text or ''}")
    return done.stdout


class Network:
    """Namespaces by the names of roles; close() ends what was started in them, and takes them and the folder away."""

    def __init__(self):
        self.prefix = f"prismatic-{os.getpid()}-"
        self.folder = tempfile.mkdtemp(prefix="prismatic-netns-")
        self.addresses = {}
        self.processes = {}
        atexit.register(self.close)  # also where a test is interrupted
        self._add_namespace(ROUTER)
        self._ip(ROUTER, "link", "set", "lo", "up")
        self._sysctl(ROUTER, "net/ipv4/ip_forward", "1")
        self.allow([])

    def add(self, role, address):
        """A namespace with one address; the first address of its /24 is the router's."""
        gateway = address.rpartition(".")[0] + ".1"
        link = f"to-{len(self.addresses)}"
        self._add_namespace(role)
        run("ip", "link", "add", "eth0", "netns", self.prefix + role, "type", "veth", "peer", "name", link, "netns",
            self.prefix + ROUTER)
        self._ip(ROUTER, "address", "add", gateway + "/24", "dev", link)
        self._ip(ROUTER, "link", "set", link, "up")
        self._ip(role, "link", "set", "lo", "up")
        self._ip(role, "address", "add", address + "/24", "dev", "eth0")
        self._ip(role, "link", "set", "eth0", "up")
        self._ip(role, "route", "add", "default", "via", gateway)
        self.addresses[role] = address

    def _add_namespace(self, role):
        run("ip", "netns", "add", self.prefix + role)

    def _ip(self, role, *words):
        run("ip", "-n", self.prefix + role, *words)

    def _sysctl(self, role, name, value):
        with self.inside(role), open(f"/proc/sys/{name}", "w", encoding="ascii") as setting:
            setting.write(value)

    @contextlib.contextmanager
    def inside(self, role):
        """Sockets that this thread opens and processes that it starts meanwhile belong to the role's namespace."""
        with open("/proc/thread-self/ns/net", "rb") as before, open(f"/run/netns/{self.prefix}{role}", "rb") as there:
            enter(there)
            try:
                yield
            finally:
                enter(before)

    def allow(self, rules, cut=()):
        """Replaces all rules at once and forgets what was refused. Between the pairs of addresses in `cut` packets vanish. Each
        rule is (from, to, protocol, port), where from and to
        are addresses as nftables has them, such as `10.1.0.2`, or `!= { 10.0.0.0/8, 100.64.0.0/10 }` for all others; port
        None is any."""
        lines = ["table inet policies", "delete table inet policies", "table inet policies {", REFUSED, "  chain forward {",
                 "    type filter hook forward priority 0; policy drop;"]
        for one, other in (*cut, *((other, one) for one, other in cut)):
            lines.append(f"    ip saddr {one} ip daddr {other} drop")
        for source, target, protocol, port in rules:
            asks, answers = (f"{protocol} {side} {port}" if port else f"meta l4proto {protocol}" for side in ("dport", "sport"))
            if protocol == "tcp":
                answers += " tcp flags & (syn | ack) != syn"
            lines.append(f"    ip saddr {source} ip daddr {target} {asks} accept")
            lines.append(f"    ip saddr {target} ip daddr {source} {answers} accept")
        lines += [REMEMBER_TCP, REMEMBER_UDP, "    meta l4proto tcp reject with tcp reset", "    reject", "  }", "}"]
        with self.inside(ROUTER):
            run("nft", "-f", "-", text="\n".join(lines) + "\n")

    def refused(self):
        """(from, to, protocol, port) -> how often it was tried in vain since the rules were set; roles by their names."""
        with self.inside(ROUTER):
            listed = json.loads(run("nft", "-j", "list", "set", "inet", "policies", "refused"))
        elements = next(item["set"] for item in listed["nftables"] if "set" in item).get("elem", ())
        roles = {address: role for role, address in self.addresses.items()}
        tried = {}
        for element in elements:
            source, target, protocol, port = element["elem"]["val"]["concat"]
            tried[roles.get(source, source), roles.get(target, target), protocol, port] = element["elem"]["counter"]["packets"]
        return tried

    def start(self, role, command, environment=None, name=None):
        """Starts a process in a role's namespace; its output goes to NAME.log in the network's folder."""
        name = name or role
        with open(os.path.join(self.folder, name + ".log"), "ab") as log, self.inside(role):
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                self._command(command), env={**clean_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.processes[name] = process
        return process

    def call(self, role, command, environment=None, timeout=20):
        """Runs a command in a role's namespace to its end."""
        with self.inside(role):
            process = subprocess.Popen(self._command(command), env={**clean_environment(), **(environment or {})},
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       start_new_session=True)
        with process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                err += f"\nended after {timeout} s"
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def _command(self, command):
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", WITH_RESOLV_CONF,
                os.path.join(self.folder, "resolv.conf"), *command]

    def name_server(self, address):
        with open(os.path.join(self.folder, "resolv.conf"), "w", encoding="ascii") as conf:
            conf.write(f"nameserver {address}\noptions timeout:1 attempts:1\n")

    def kill(self, name):
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()

    def connect(self, role, address, port, timeout=2):
        """A TCP connection from a role, or the OSError that it ends with."""
        with self.inside(role):
            probe = socket.socket()
        probe.settimeout(timeout)
        try:
            probe.connect((address, port))
        except OSError:
            probe.close()
            raise
        return probe

    def listen(self, role, address, port, kind=socket.SOCK_STREAM):
        with self.inside(role):
            listener = socket.socket(socket.AF_INET, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        if kind == socket.SOCK_STREAM:
            listener.listen(16)
        return listener

    def logs(self):
        text = ""
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as log:
                    text += f"--- {name}\n{log.read()[-2000:]}\n"
        return text

    def close(self):
        atexit.unregister(self.close)
        for name in list(self.processes):
            self.kill(name)
        for role in os.listdir("/run/netns"):
            if role.startswith(self.prefix):
                run("ip", "netns", "del", role)
        shutil.rmtree(self.folder)


def enter(namespace):
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def clean_environment():
    """What this process was given, less what our programs and curl would take for settings."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith("PRISMATIC_") and not name.lower().endswith("_proxy")}
