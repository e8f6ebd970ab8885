"""The suite with flags for both of its ends, upstreams of the test's own in its catalog, and clients that go on and
on."""
import collections
import json
import os
import re
import sys
import time
import typing

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", folder) for folder in ("load", "e2e", "support")]
from connections import Connection, request  # noqa: E402
from load_suite import LoadSuite, Process  # noqa: E402
from suite import OPTIONS, wait_until  # noqa: E402

PATH = "/v1/images/generations"
# The gateway's code for a reservation that Redis had no time for (100 ms): a busy machine's doing, no upstream's.
LATE = "billing_unavailable"
LATE_SHARE_MAX = 0.02


class UpstreamSuite(LoadSuite):
    """`edge_flags` are for the process that clients talk to, `proxy_flags` for the one that talks to upstreams, which
    may be the same."""

    def __init__(self, edge_flags=(), proxy_flags=()):
        self.edge_flags, self.proxy_flags = tuple(edge_flags), tuple(proxy_flags)
        super().__init__(*(edge_flags if "--separate" in OPTIONS else self.all_flags))
        if self.separate:
            self.restart("provider-proxy", *proxy_flags)
        with open(os.path.join(self.state, "catalog.yaml"), encoding="utf-8") as catalog:
            self.catalog = catalog.read()

    @property
    def all_flags(self):
        """For one process that is both; what both were given it gets once."""
        given = self.proxy_flags != self.edge_flags
        return self.edge_flags + (self.proxy_flags if given else ())

    def refresh(self):
        """What images pass through begins anew, with the flags that it had."""
        self.restart(self.front, *(self.edge_flags if self.separate else self.all_flags))
        if self.separate:
            self.restart("provider-proxy", *self.proxy_flags)

    @property
    def speaker(self):
        """The name of the process that talks to upstreams."""
        return "provider-proxy" if self.separate else self.front

    def talker(self):
        return Process(self.pid(self.speaker))

    def carriers(self):
        """The processes that images pass through."""
        return {name: Process(self.pid(name)) for name in sorted({self.front, self.speaker})}

    def offer(self, providers, models):
        """Adds them to the catalog that the suite began with, and waits until they are sold."""
        before, after = self.catalog.split("\nmodels:\n")
        lines = [[f"  - {json.dumps(one)}" for one in some] for some in (providers, models)]
        path = os.path.join(self.state, "offered.yaml")
        with open(path, "w", encoding="utf-8") as catalog:
            catalog.write("\n".join([before.rstrip(), *lines[0], "models:", after.rstrip(), *lines[1], ""]))
        self.cli("catalog", "apply", path)
        self.wait_for_catalog()
        listed = {model["id"] for model in self.api("GET", "/models").json["data"]}
        missing = {model["name"] for model in models} - listed
        if missing:
            raise AssertionError(f"not sold: {missing}")

    def wait_for_catalog(self):
        """Until both ends have the registry's version."""
        def versions():
            return {self.metric("prismatic_catalog_version", name) for name in ("registry", "gateway", "billing",
                                                                                 "provider-proxy")}
        wait_until(lambda: len(versions()) == 1, 10, "the new catalog everywhere")

    def series(self, name, **labels):
        """A metric of provider-proxy's by some of its labels; the sum of what fits."""
        url = self.env["PRISMATIC_METRICS_URLS"].split(",")[3 if self.separate else 0]
        total = 0
        for line in self.http("GET", url).body.decode().splitlines():
            series, _, value = line.rpartition(" ")
            has = dict(re.findall(r'(\w+)="([^"]*)"', series))
            if series.partition("{")[0] == name and labels.items() <= has.items():
                total += float(value)
        return total


def provider(name, base_url, **fields):
    fields = {"wire_format": "openai_images", "credential": "env:PROVIDER_KEY_SANDBOX", "images_enabled": True,
              "fetch_hosts": ["127.0.0.1"], "max_concurrent": 2000, "timeout_seconds": 60, **fields}
    fields = {key: value for key, value in fields.items() if value is not None}
    return {"name": name, "base_url": base_url + "/v1", **fields}


def model(name, *providers, **fields):
    """Made by each of the providers alike."""
    fields = {"supported_parameters": ["n", "size", "seed", "response_format"], "max_images_per_call": 4,
              "upstream_model": "sandbox-image", **fields}
    return {"name": name, "public_ids": [name], "capabilities": ["image_generation"], "retail_generation_usd": "0.04",
            "routes": [{"provider": each, **fields} for each in providers]}


class Sent(typing.NamedTuple):
    """One request of a client and its answer."""
    number: int
    sent_at: float  # time.monotonic()
    answered_at: float
    status: int  # 0: the connection broke
    code: typing.Optional[str]
    headers: dict


class Clients:
    """So many clients, each with a connection of its own, that send the next request when they have the answer to the
    last one. Beginners come within `within` seconds, not in the same instant."""

    def __init__(self, loop, suite, body_of, count, key=None, within=1.0):
        self.loop, self.address, self.body_of = loop, suite.address, body_of
        self.key, self.count, self.within = key or suite.key, count, within
        self.sent, self.under_way, self.going_on = [], {}, True
        self.begun = 0

    def start(self):
        for index in range(self.count):
            self.loop.after(index * self.within / self.count, self.connect)
        return self

    def connect(self):
        if self.going_on:
            self.send(Connection(self.loop, self.address, on_answer=self.answered, on_closed=self.closed))

    def send(self, connection):
        number, self.begun = self.begun, self.begun + 1
        self.under_way[connection] = number, time.monotonic()
        connection.send(request("POST", PATH, self.key, self.body_of(number)))

    def answered(self, connection, answer):
        number, sent_at = self.under_way.pop(connection)
        self.sent.append(Sent(number, sent_at, answer.at, answer.status, answer.code, answer.headers))
        if self.going_on and not connection.closed:
            self.send(connection)
        else:
            connection.close()

    def closed(self, connection):
        if connection in self.under_way:
            number, sent_at = self.under_way.pop(connection)
            self.sent.append(Sent(number, sent_at, connection.closed_at, 0, None, {}))
        self.connect()

    def run(self, seconds):
        self.loop.run(seconds)
        return self

    def run_until(self, condition, seconds, what):
        self.loop.run_until(condition, seconds, what)
        return self

    def finish(self, seconds=30):
        """No more requests; waits for the answers."""
        self.going_on = False
        self.loop.run_until(lambda: not self.under_way, seconds, "the last answers")
        return self

    @property
    def outcomes(self):
        return outcomes_of(self.sent)


def outcomes_of(sent):
    return collections.Counter(one.code or one.status for one in sent)


def share_failed(sent):
    """Of what the machine had time for. None may be closed without an answer."""
    outcomes = outcomes_of(sent)
    late = outcomes.pop(LATE, 0)
    if late > LATE_SHARE_MAX * len(sent):
        raise AssertionError(f"the machine is too busy for this: {late} of {len(sent)} reservations were late")
    total = sum(outcomes.values())
    return (total - outcomes[200]) / total if total else 1


__all__ = ["Clients", "LATE", "PATH", "Process", "UpstreamSuite", "model", "outcomes_of", "provider", "request",
           "share_failed", "wait_until"]
