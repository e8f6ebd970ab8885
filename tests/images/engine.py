"""Images and containers for tests, by podman, in the namespaces that scripts/check-images gives them.

podman keeps everything in the folders that CONTAINERS_CONF and CONTAINERS_STORAGE_CONF name; networks, mounts and
processes end with the namespaces."""
import ast
import contextlib
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PREFIX = "localhost/prismatic-check/"
USER = 65532
# The scripts that the chart mounts into containers of the image of `tools`.
CHART_SCRIPTS = os.path.join(ROOT, "deploy/helm/prismatic/files")
# A container that starts beside others on a busy machine.
START_SECONDS = 60


def podman(*arguments, check=True, timeout=300):
    """What it printed; an error names what it said."""
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"podman {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()


def inspect(kind, name):
    return json.loads(podman(kind, "inspect", name))[0]


def chart_programs():
    """PROGRAMS of tests/chart/jobs_test.py, which runs the chart's scripts with these programs and no others."""
    with open(os.path.join(ROOT, "tests/chart/jobs_test.py"), encoding="utf-8") as file:
        statements = ast.parse(file.read()).body
    return next(ast.literal_eval(statement.value) for statement in statements if isinstance(statement, ast.Assign)
                and [ast.unparse(target) for target in statement.targets] == ["PROGRAMS"])


@contextlib.contextmanager
def mounted(image):
    """The files of an image, as a folder."""
    yield podman("image", "mount", image)
    podman("image", "unmount", "--force", image)


def wait_until(true, seconds, what):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def http_status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def grpc_health(address, service=""):
    """SERVING, NOT_SERVING, SERVICE_UNKNOWN; the code's name when there was no answer."""
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
        except grpc.RpcError as error:
            return error.code().name
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


class Containers:
    """A network and the containers on it, started as a cautious host starts them."""

    def __init__(self, network):
        self.network, self.names = network, []
        podman("network", "create", network)
        self.folder = tempfile.TemporaryDirectory(prefix="prismatic-images-")  # pylint: disable=consider-using-with
        os.chmod(self.folder.name, 0o755)

    def file(self, name, content):
        """The path on the host of a file that every container may read."""
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, 0o444)
        return path

    def start(self, name, *flags, image=None, options=()):
        """A container of the image with its name, or of another: nothing of it can be written to, no capability."""
        podman("run", "--detach", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt",
               "no-new-privileges", "--network", self.network, "--name", name, *options, PREFIX + (image or name), *flags)
        self.names.append(name)

    def address(self, name, port):
        networks = inspect("container", name)["NetworkSettings"]["Networks"]
        return f"{networks[self.network]['IPAddress']}:{port}"

    def process(self, name):
        """/proc/PID/status of its first process, by field."""
        with open(f"/proc/{inspect('container', name)['State']['Pid']}/status", encoding="utf-8") as lines:
            return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)

    def logs(self, name):
        done = subprocess.run(["podman", "logs", "--tail", "20", name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def stop(self):
        for name in self.names:
            podman("rm", "--force", "--time", "10", name, check=False)
        podman("network", "rm", "--force", self.network, check=False)
        self.folder.cleanup()
