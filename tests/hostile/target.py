"""The suite as the target: what its gateway counted, what Redis holds, what a process takes."""
import os
import re
import socket
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from suite import Suite, png_size, wait_until  # noqa: E402,F401

REQUESTS = re.compile(r'^prismatic_http_requests_total\{([^}]*)\} (\d+)', re.M)


class Target(Suite):
    def __init__(self):
        super().__init__()
        self.key = self.new_key("hostile", wallet="100")
        base = urllib.parse.urlsplit(self.env["PRISMATIC_BASE_URL"])
        self.address = (base.hostname, base.port)
        self.gateway = self.pid("gateway" if self.separate else "all-in-one")

    def fill(self, data):
        return data.replace(b"<KEY>", self.key.encode())

    def counted(self):
        """Requests by (route, status) since the start."""
        counts = {}
        url = self.env["PRISMATIC_METRICS_URLS"].split(",")[0]
        for labels, number in REQUESTS.findall(self.http("GET", url).body.decode()):
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            counts[(label["route"], int(label["code"]))] = int(number)
        return counts

    def counted_since(self, before):
        now = self.counted()
        return {key: number - before.get(key, 0) for key, number in now.items() if number != before.get(key, 0)}

    def redis_keys(self):
        """Every key with its value, as Redis dumps it; but whose turn it is to look at the books, which changes by
        itself."""
        url = urllib.parse.urlsplit(self.env["PRISMATIC_REDIS_URL"])
        with socket.create_connection((url.hostname, url.port), timeout=10) as client, client.makefile("rb") as reader:
            names = sorted(name for name in _ask(client, reader, b"KEYS", b"*") if not name.endswith(b":books:turn"))
            return {name: _ask(client, reader, b"DUMP", name) for name in names}

    def resident_bytes(self):
        with open(f"/proc/{self.gateway}/statm", encoding="utf-8") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.gateway}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.gateway}/task"))

    def check_health(self, test):
        base = self.env["PRISMATIC_BASE_URL"].removesuffix("/v1")
        for path in ("/healthz", "/readyz"):
            test.assertEqual(self.http("GET", base + path).status, 200, path)
        picture = self.generate()
        test.assertEqual(picture.status, 200, picture.body)
        test.assertEqual(png_size(picture.images()[0]), (256, 256))


def _ask(client, reader, *words):
    client.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    return _reply(reader)


def _reply(reader):
    line = reader.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"*":
        return [_reply(reader) for _ in range(int(rest))]
    if kind == b"$":
        return None if rest == b"-1" else reader.read(int(rest) + 2)[:-2]
    return rest
