"""A real kube-apiserver with etcd, without nodes and controllers: what it accepts, a cluster accepts."""
import atexit
import base64
import http.client
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

STARTS_SECONDS = 90  # an apiserver takes ten on a machine with nothing else to do


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Refused(Exception):
    """An answer of the API server that is no success."""

    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer.get('message', answer)}")
        self.status, self.message = status, answer.get("message", "")


class ApiServer:
    """etcd and kube-apiserver on loopback ports and in a folder of their own; close() ends and removes both."""

    def __init__(self, apiserver, etcd):
        self.folder = tempfile.mkdtemp(prefix="prismatic-cluster-")
        self.processes, self.connection = [], None
        self.token = secrets.token_hex(16)
        atexit.register(self.close)  # also where a test is interrupted
        try:
            self._make_certificates()
            self._start_etcd(etcd)
            self._start_apiserver(apiserver)
            self._write_kubeconfig()
        except BaseException:
            print(self.logs())
            self.close()
            raise

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def _make_certificates(self):
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, timeout=60)

        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        openssl("genrsa", "-out", "accounts.key", "2048")
        self.write("tokens.csv", f"{self.token},administrator,administrator,system:masters\n")

    def _start(self, name, command):
        with open(self.path(name + ".log"), "wb") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": self.folder})
        self.processes.append((name, process))

    def _start_etcd(self, etcd):
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._start("etcd", [etcd, "--data-dir", self.path("etcd"), "--listen-client-urls", client,
                             "--advertise-client-urls", client, "--listen-peer-urls", peer,
                             "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"])
        self.etcd_url = client

    def _start_apiserver(self, apiserver):
        self.port = free_port()
        self._start("kube-apiserver", [
            apiserver, f"--etcd-servers={self.etcd_url}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            "--tls-cert-file=server.crt", "--tls-private-key-file=server.key", "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC", "--allow-privileged=true",  # PodSecurity is to refuse it
            "--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=accounts.key", "--service-account-signing-key-file=accounts.key",
            f"--cert-dir={self.path('run')}"])
        deadline = time.monotonic() + STARTS_SECONDS
        while not self._ready():
            for name, process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with {process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"no API server within {STARTS_SECONDS} s")
            time.sleep(0.1)

    def _ready(self):
        try:
            return self._send("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def _write_kubeconfig(self):
        with open(self.path("server.crt"), "rb") as file:
            authority = base64.b64encode(file.read()).decode()
        self.kubeconfig = self.write("kubeconfig", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": f"https://127.0.0.1:{self.port}",
                                                    "certificate-authority-data": authority}}],
            "users": [{"name": "it", "user": {"token": self.token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}))
        os.chmod(self.kubeconfig, 0o600)

    def _send(self, method, path, body=None, kind="application/json"):
        for again in (True, False):  # a connection that was kept may have been closed
            if self.connection is None:
                context = ssl.create_default_context(cafile=self.path("server.crt"))
                self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
            try:
                self.connection.request(method, path, body, {"Authorization": "Bearer " + self.token, "Content-Type": kind})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.connection.close()
                self.connection = None
                if not again or not isinstance(error, http.client.RemoteDisconnected):
                    raise

    # --- objects ---
    def call(self, method, path, body=None, kind="application/json"):
        """The answer's JSON; Refused when it is no success."""
        status, text = self._send(method, path, None if body is None else json.dumps(body), kind)
        answer = json.loads(text) if text.startswith(b"{") else {"message": text.decode()}
        if status >= 300:
            raise Refused(status, answer)
        return answer

    def create(self, item, namespace=None, query=""):
        return self.call("POST", collection(item, namespace) + query, item)

    def get(self, item, namespace=None):
        """The stored object of the same kind and name."""
        return self.call("GET", f"{collection(item, namespace)}/{item['metadata']['name']}")

    def exists(self, item, namespace=None):
        try:
            self.get(item, namespace)
            return True
        except Refused as refused:
            if refused.status != 404:
                raise
            return False

    def patch(self, item, change, namespace=None, subresource=""):
        return self.call("PATCH", f"{collection(item, namespace)}/{item['metadata']['name']}{subresource}", change,
                         "application/merge-patch+json")

    def namespace(self, name):
        """A namespace that admits pods of Pod Security "restricted" alone."""
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
            "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}}})
        return name

    def logs(self):
        text = ""
        for name, _ in self.processes:
            with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as log:
                text += f"--- {name}\n{log.read()[-3000:]}\n"
        return text

    def close(self):
        atexit.unregister(self.close)
        for _, process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)


def collection(item, namespace=None):
    """The path of an object's collection."""
    version, kind = item["apiVersion"], item["kind"]
    plural = re.sub("ys$", "ies", kind.lower() + ("es" if kind.endswith("s") else "s"))
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = namespace or item["metadata"].get("namespace")
    return f"{root}/namespaces/{namespace}/{plural}" if namespace and kind != "Namespace" else f"{root}/{plural}"
