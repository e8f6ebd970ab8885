"""nginx and haproxy as plain reverse proxies with kept upstream connections, and their word on what they passed on."""
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

NGINX = """
daemon off; master_process off; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  log_format passed escape=json
    '{{"port":$remote_port,"line":"$request","status":$status,'
    '"server":"$upstream_addr","id":"$upstream_http_x_request_id"}}';
  access_log {folder}/requests.log passed;
  upstream gateway {{ server 127.0.0.1:{upstream}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0; {permissive}
    location / {{
      proxy_pass http://gateway; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_request_buffering {buffering}; proxy_next_upstream off;
    }}
  }}
}}
"""
# What an operator may have switched on to let odd clients through.
NGINX_PERMISSIVE = ("ignore_invalid_headers off; underscores_in_headers on; merge_slashes off; "
                    "large_client_header_buffers 4 128k;")
HAPROXY = """
global
  nbthread 1
  tune.bufsize 65536
  log stdout len 65000 format raw local0
defaults
  mode http
  log global
  retries 0
  timeout connect 5s
  timeout client 5s
  timeout server 10s
  timeout http-request 5s
  option http-keep-alive
  http-reuse always
  {permissive}
  log-format "%cp %ST %s %[capture.res.hdr(0)] %r"
frontend in
  bind 127.0.0.1:{port}
  declare capture response len 64
  http-response capture res.hdr(x-request-id) id 0
  default_backend out
backend out
  server gateway 127.0.0.1:{upstream} pool-max-conn 1
"""
HAPROXY_PERMISSIVE = "option accept-invalid-http-request\n  option accept-invalid-http-response"


@dataclasses.dataclass(frozen=True)
class Passed:
    """A request as the proxy saw it."""
    port: int     # the client's
    line: str     # its request line
    status: int   # that the proxy answered with
    sent: bool    # to the gateway
    request_id: str  # that came back


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """Runs in the foreground of a process of its own until stop()."""

    def __init__(self, upstream, permissive):
        self.folder = tempfile.mkdtemp(prefix="prismatic-proxy-")
        self.passed = []
        self._read = 0
        for _ in range(5):  # another process may take the port between the probe and the start
            self.port = free_port()
            self.process = self._start(upstream, permissive)
            if self._ready():
                return
        self.stop()
        raise RuntimeError(f"{type(self).__name__} did not start")

    def _ready(self):
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)
        self._end()
        return False

    def _run(self, *command):
        with open(self._log(), "ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.DEVNULL)

    def _log(self):
        return os.path.join(self.folder, "requests.log")

    def _write_config(self, text):
        path = os.path.join(self.folder, "config")
        with open(path, "w", encoding="utf-8") as config:
            config.write(text)
        return path

    def _end(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop(self):
        self._end()
        shutil.rmtree(self.folder)

    def read(self):
        """Every request that the proxy has ended since its start."""
        with open(self._log(), "rb") as log:
            log.seek(self._read)
            text = log.read()
        complete = text.rfind(b"\n") + 1
        self._read += complete
        for line in text[:complete].splitlines():
            entry = self._parse(line.decode("utf-8", "replace"))
            if entry is not None:
                self.passed.append(entry)
        return self.passed


class Nginx(Proxy):
    def _start(self, upstream, permissive):
        config = NGINX.format(folder=self.folder, port=self.port, upstream=upstream,
                              permissive=NGINX_PERMISSIVE if permissive else "",
                              buffering="off" if permissive else "on")
        return self._run("nginx", "-e", os.path.join(self.folder, "error.log"), "-p", self.folder, "-c",
                         self._write_config(config))

    @staticmethod
    def _parse(line):
        entry = json.loads(line)
        return Passed(entry["port"], entry["line"], entry["status"], entry["server"] not in ("", "-"),
                      entry["id"].strip("-"))


class Haproxy(Proxy):
    def _start(self, upstream, permissive):
        config = HAPROXY.format(port=self.port, upstream=upstream, permissive=HAPROXY_PERMISSIVE if permissive else "")
        return self._run("haproxy", "-db", "-f", self._write_config(config))

    @staticmethod
    def _parse(line):
        words = line.split(" ", 4)
        if len(words) < 5 or not words[0].isdigit():  # what haproxy says of its own start and end
            return None
        port, status, server, request_id, request = words
        return Passed(int(port), request, int(status), server == "gateway", request_id.strip("-"))
