"""A master, a replica and three sentinels of our own, on loopback, each in a folder of its own."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from oracle import Redis
from suite import wait_until

SENTINELS = 3
SERVER = ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
# Shorter than in the manual, where it would be most of the test; longer than a busy machine's own stalls.
WATCH = """port {port}
dir {folder}
sentinel monitor main 127.0.0.1 {master} 2
sentinel down-after-milliseconds main 1000
sentinel failover-timeout main 2000
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sentinels:
    """`servers` are two; which of them is the master is asked of the sentinels."""

    def __init__(self):
        # In memory where there is such a place: a sentinel that waits for a slow disk for two seconds looks away for
        # half a minute (TILT). What a disk keeps is not the question here.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="prismatic-sentinels-", dir=memory)
        self.processes = {}
        self.servers = [free_port(), free_port()]
        self.sentinels = []
        try:
            self.start(self.servers[0])
            self.start(self.servers[1], "--replicaof", "127.0.0.1", str(self.servers[0]))
            wait_until(lambda: self.replicas(self.servers[0]) == 1, 60, "the replica")
            for _ in range(SENTINELS):
                self.start_sentinel(free_port())
            wait_until(self.agree, 60, "the sentinels to find one another")
        except BaseException:
            self.close()
            raise

    def spawn(self, port, *command):
        folder = os.path.join(self.folder, str(port))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "log"), "ab") as log:
            self.processes[port] = subprocess.Popen(  # pylint: disable=consider-using-with
                [*command], cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.ask(port, "PING") is not None, 10, f"the Redis at {port}")

    def start(self, port, *flags):
        """A server, with what it kept of before."""
        self.spawn(port, "redis-server", "--bind", "127.0.0.1", "--port", str(port), *SERVER, *flags)

    def start_sentinel(self, port):
        folder = os.path.join(self.folder, str(port))
        os.makedirs(folder)
        config = os.path.join(folder, "sentinel.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(WATCH.format(port=port, folder=folder, master=self.servers[0]))
        self.sentinels.append(port)
        self.spawn(port, "redis-server", config, "--sentinel", "--bind", "127.0.0.1")

    def kill(self, port):
        self.processes[port].kill()
        self.processes[port].wait()

    def stop(self, port):
        """It hangs: keeps its connections and says nothing."""
        self.processes[port].send_signal(signal.SIGSTOP)

    def go_on(self, port):
        self.processes[port].send_signal(signal.SIGCONT)

    def mend(self):
        """Both servers run, and one of them follows the other; for the test after one that failed."""
        wait_until(self.master, 30, "a master")
        follower = self.other(self.master())
        if self.processes[follower].poll() is not None:
            self.start(follower, "--replicaof", "127.0.0.1", str(self.master()))
        self.go_on(follower)
        wait_until(lambda: self.replicas(self.master()) == 1, 60, "the replica")

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)

    @staticmethod
    def ask(port, *words):
        """The answer; None when nobody answers."""
        try:
            client = Redis(f"redis://127.0.0.1:{port}")
        except OSError:
            return None
        try:
            return client.call(*words)
        except (OSError, RuntimeError, ValueError):
            return None
        finally:
            client.close()

    def replicas(self, port):
        """How many replicas have what the server has."""
        info = (self.ask(port, "INFO", "replication") or b"").decode()
        return sum("state=online" in line and "offset=0," not in line for line in info.splitlines())

    def agree(self):
        wanted = f"status=ok,address=127.0.0.1:{self.servers[0]},slaves=1,sentinels={SENTINELS}"
        return all(wanted in (self.ask(port, "INFO", "sentinel") or b"").decode() for port in self.sentinels)

    def master(self):
        """Its port, when all sentinels that answer agree, else None."""
        answers = [self.ask(port, "SENTINEL", "get-master-addr-by-name", "main") for port in self.sentinels]
        ports = {int(answer[1]) for answer in answers if answer}
        return ports.pop() if len(ports) == 1 else None

    def other(self, port):
        return self.servers[1] if port == self.servers[0] else self.servers[0]

    def url(self, options="wait=1"):
        nodes = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://{nodes}/main?{options}"
