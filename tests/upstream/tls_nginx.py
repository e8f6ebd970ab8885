"""nginx in front of a sandbox: TLS with HTTP/2, and its word on what came over which connection."""
import dataclasses
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hostile"))
from proxies import Proxy  # noqa: E402

CONFIG = """
daemon off; master_process off; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  log_format passed escape=json
    '{{"protocol":"$server_protocol","tls":"$ssl_protocol","connection":$connection,'
    '"status":$status,"line":"$request"}}';
  access_log {folder}/requests.log passed;
  upstream sandbox {{ server 127.0.0.1:{upstream}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port} ssl {protocol};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};
    client_max_body_size 0; keepalive_requests 100000;
    location / {{
      proxy_pass http://sandbox; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;
      proxy_next_upstream off;
    }}
  }}
}}
"""


@dataclasses.dataclass(frozen=True)
class Passed:
    """A request as nginx saw it."""
    protocol: str
    tls: str
    connection: int
    status: int
    line: str


class TlsNginx(Proxy):
    """`protocol` is `http2`, or empty for HTTP/1.1 alone."""

    def __init__(self, upstream, certificate, protocol="http2"):
        self.certificate, self.protocol = certificate, protocol
        super().__init__(upstream, permissive=False)

    @property
    def address(self):
        return f"https://127.0.0.1:{self.port}"

    def _start(self, upstream, permissive):
        config = CONFIG.format(folder=self.folder, port=self.port, upstream=upstream, protocol=self.protocol,
                               certificate=self.certificate.cert, key=self.certificate.key)
        return self._run("nginx", "-e", os.path.join(self.folder, "error.log"), "-p", self.folder, "-c",
                         self._write_config(config))

    @staticmethod
    def _parse(line):
        return Passed(**json.loads(line))

    def generations(self):
        return [one for one in self.read() if "/images/generations" in one.line]
