"""The suite with limits of the test's choice at its edge, and what the kernel knows of its processes."""
import os
import resource
import sys
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from suite import Suite, wait_until  # noqa: E402,F401

# The soft limit of open files that programs are usually started with.
USUAL_FILES_MAX = 1024
LISTENING = "0A"
PAGE = os.sysconf("SC_PAGE_SIZE")


def limit_files(soft_max=None):
    """The soft limit of open files of this process, and of what it starts from now on; None: all there are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft_max is None else min(hard, soft_max), hard))


class LoadSuite(Suite):
    """Its processes start with as few files as usual, and this one ends up with as many as there are."""

    def __init__(self, *edge_flags):
        limit_files(USUAL_FILES_MAX)
        super().__init__()
        try:
            self.restart(self.front, *edge_flags)
        except BaseException:
            print(self.logs(), file=sys.stderr)
            self.stop()
            raise
        limit_files()

    @property
    def address(self):
        parts = urllib.parse.urlsplit(self.env["PRISMATIC_BASE_URL"])
        return parts.hostname, parts.port

    def edge(self):
        """The process that owns the clients' connections."""
        return Process(self.pid(self.front))

    def processes(self):
        """Those that a generation goes through."""
        names = ("gateway", "billing", "provider-proxy") if self.separate else ("all-in-one",)
        return {name: Process(self.pid(name)) for name in names}


class Process:
    """A process as /proc shows it."""

    def __init__(self, pid):
        self.pid = pid

    def status(self, field):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))

    def threads(self):
        return self.status("Threads")

    def thread_names(self):
        names = []
        for task in sorted(os.listdir(f"/proc/{self.pid}/task")):
            with open(f"/proc/{self.pid}/task/{task}/comm", encoding="utf-8") as name:
                names.append(name.read().strip())
        return ", ".join(names)

    def rss(self):
        """Bytes resident now."""
        with open(f"/proc/{self.pid}/statm", encoding="utf-8") as statm:
            return int(statm.read().split()[1]) * PAGE

    def peak(self):
        """The most that was resident since `forget_peak`, in bytes."""
        return self.status("VmHWM") * 1024

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")

    def cpu_seconds(self):
        """Of all its threads, to the nanosecond."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as stat:
                    total += int(stat.read().split()[0]) / 1e9
            except (FileNotFoundError, ProcessLookupError):
                pass
        return total


def connections_of(port):
    """(connections, bytes) of the server at this port: those it has open, and what the kernel still keeps to be
    sent, also for connections that the server has closed."""
    connections = unsent = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            _, local, _, state, queues, _, _, _, _, inode, *_ = line.split()
            if int(local.split(":")[1], 16) == port and state != LISTENING:
                connections += inode != "0"
                unsent += int(queues.split(":")[0], 16)
    return connections, unsent


def mebibytes(count):
    return f"{count / (1 << 20):.1f} MiB"


def settle(seconds=0.3):
    """Lets what was just begun come to rest before a process is measured; nothing waits for it."""
    time.sleep(seconds)
