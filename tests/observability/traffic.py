"""Traffic of every kind that metrics tell of, and what a metrics endpoint tells, read."""
import concurrent.futures
import json
import os
import re
import sys
import typing

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from admin_client import Admin, Person, owner_password  # noqa: E402
from grpc_client import Service, billing, billing_admin, uuid7  # noqa: E402
from suite import Suite, wait_until  # noqa: E402,F401
from wire import Wire  # noqa: E402

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# Enough failures of one provider, from several callers, to have it ejected; see routing/circuit.h.
FAILURES = 32


class Family(typing.NamedTuple):
    type: str
    help: str
    labels: set  # but for le
    series: dict  # (sample's name, its labels) -> value


def families(text):
    """{name: Family} of one endpoint's text."""
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, _, words = line.removeprefix("# HELP ").partition(" ")
            found[name] = Family("", words, set(), {})
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ")
            found[name] = found.get(name, Family("", "", set(), {}))._replace(type=kind)
        elif line:
            sample, labels, value = SAMPLE.match(line).groups()
            assert sample.removeprefix(name) in ("", "_bucket", "_sum", "_count"), f"{sample} is not of {name}"
            pairs = tuple(sorted(LABEL.findall(labels or "")))
            found[name].labels.update(key for key, _ in pairs if key != "le")
            found[name].series[sample, pairs] = float(value)
    return found


def endpoints(suite):
    """The text of each endpoint of a suite."""
    return [suite.http("GET", url).body.decode() for url in suite.env["PRISMATIC_METRICS_URLS"].split(",")]


def all_families(suite):
    """Those of all endpoints; a series that several have counts once for each."""
    together = {}
    for number, text in enumerate(endpoints(suite)):
        for name, family in families(text).items():
            if name not in together:
                together[name] = Family(family.type, family.help, set(), {})
            together[name].labels.update(family.labels)
            together[name].series.update({(number, *key): value for key, value in family.series.items()})
    return together


def spare_routes(suite):
    """To the catalog come models that show what one route cannot: `twofold`, whose first route is never begun, and
    `broken`, which always fails."""
    path = os.path.join(suite.state, "catalog.yaml")
    with open(path, encoding="utf-8") as catalog:
        providers, models = catalog.read().split("\nmodels:\n")
    base_url = suite.env["PRISMATIC_SANDBOX_URL"] + "/v1"
    add = [{"name": name, "wire_format": "openai_images", "base_url": base_url, "credential": "env:PROVIDER_KEY_SANDBOX",
            "images_enabled": True, "fetch_hosts": ["127.0.0.1"]} for name in ("busy", "failing")]
    routes = {"twofold": [("busy", "sandbox-image#status=429", 1), ("sandbox", "sandbox-image", 2)],
              "broken": [("failing", "sandbox-image#status=500", 1)]}
    made = [{"name": name, "public_ids": [name], "capabilities": ["image_generation"], "retail_generation_usd": "0.04",
             "routes": [{"provider": provider, "upstream_model": model, "priority": priority,
                         "supported_parameters": ["n", "size"]} for provider, model, priority in of]}
            for name, of in routes.items()]
    with open(path, "w", encoding="utf-8") as catalog:
        catalog.write("\n".join([providers.rstrip(), *(f"  - {json.dumps(one)}" for one in add), "models:",
                                 models.rstrip(), *(f"  - {json.dumps(one)}" for one in made), ""]))
    suite.cli("catalog", "apply", path)
    wait_until(lambda: '"broken"' in suite.api("GET", "/models").body.decode(), 10, "the new models")


def successes(suite):
    """Pictures for money and for a quota, several at once, over a second route; and what is only read."""
    quota = suite.new_key("subscriber", account_flags=("--quota", "100", "--quota-period", "month"))
    answers = [suite.generate(), suite.generate(n=3), suite.generate(key=quota), suite.generate(model="twofold")]
    base = suite.env["PRISMATIC_BASE_URL"].removesuffix("/v1")
    answers += [suite.http("GET", base + path) for path in ("/healthz", "/readyz", "/openapi.json")]
    answers += [suite.api("GET", path) for path in ("/models", "/models/imagen-4")]
    for answer in answers:
        assert answer.status == 200, answer.body


def refusals(suite):
    """What is turned away, by each door; answers the statuses."""
    limited = suite.new_key("limited", "--requests-per-minute", "1", wallet="1")
    suite.generate(key=limited)
    poor, suspended = suite.new_key("poor", wallet="0.01"), suite.new_key("suspended", wallet="1")
    suite.cli("account", "suspend", "suspended")
    answers = [suite.generate(key=limited), suite.generate(key=poor), suite.generate(key=suspended),
               suite.generate(key="pk_nobody.1_x_y"), suite.generate(key=""), suite.generate(model="no-such-model"),
               suite.generate(prompt=""), suite.generate(response_format=7),
               suite.generate(model="twofold", image_url="https://example.com/a.png"),
               suite.api("GET", "/no/such/path"), suite.api("DELETE", "/models"), suite.api("GET", "/models", key="x")]
    with Wire(suite) as wire:
        wire.send(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
        answers.append(wire.answer())
    with Wire(suite) as wire:
        wire.send(b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        answers.append(wire.answer())
    return [answer.status for answer in answers]


def provider_failures(suite):
    """Upstreams that refuse, fail, and send what is no picture; and one that fails until it is left out."""
    for words in ("refuse", "status=500", "status=400", "body=not_image", "images=0", "cut=100"):
        suite.generate(prompt=f"a lighthouse [[sandbox {words}]]")
    keys = [suite.new_key(f"caller-{number}", wallet="10") for number in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: suite.generate(model="broken", key=keys[number % 4]), range(FAILURES)))


def repeats(suite):
    """An attempt, its settlement and its release, each twice, as a caller of billing makes them; and what only looks."""
    key = suite.new_key("repeated", wallet="1")
    with billing(suite) as service:
        service.CheckKey(api_key=key)
        service.EstimateCost(api_key=key, model="imagen-4", image_count=1)
        for end in ("settle", "release"):
            attempt = uuid7()
            for _ in range(2):
                reserved = service.CreateReservation(api_key=key, attempt_id=attempt, model="imagen-4", image_count=1)
            for _ in range(2):
                if end == "settle":
                    service.SettleReservation(reservation_id=reserved.reservation.id, delivered_count=1)
                else:
                    service.ReleaseReservation(reservation_id=reserved.reservation.id)


def administration(suite):
    """The admin page's API, the command line, and the services' admin ports."""
    admin = Admin(suite)
    owner = Person(admin)
    assert owner.sign_in("owner", owner_password(suite)).status == 200
    for path in ("overview", "providers", "accounts", "models", "no-such-thing"):
        owner.call("GET", "/admin/v1/" + path)
    admin.raw("GET", "/")
    admin.raw("GET", "/healthz")
    admin.machine("GET", "/admin/v1/accounts", token="wrong-wrong-wrong-wrong")
    suite.cli("provider", "images", "sandbox-sdapi", "off")
    suite.cli("provider", "images", "sandbox-sdapi", "on")
    suite.cli("account", "top-up", "repeated", "--usd", "1", "--request-id", "t")
    suite.cli("provider", "list")
    with billing_admin(suite) as service:
        service.ListAccounts()
    with Service(suite.env["PRISMATIC_PROVIDER_ADDR"], "prismatic.provider_proxy.v1.ProviderProxy") as service:
        service.GetProviderStates()


def settlement_trouble(suite):
    """The store is gone while pictures are made: nobody settles for a while, and others are refused."""
    before = suite.upstream_total()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(suite.generate, prompt="a lighthouse [[sandbox delay_ms=1000]]") for _ in range(2)]
        wait_until(lambda: suite.upstream_total() == before + 2, 10, "the requests at the sandbox")
        with suite.stopped("redis"):
            assert suite.generate().status == 503
            wait_until(lambda: suite.metric("prismatic_settlements_unanswered") > 0, 20, "a settlement without an answer")
        for answer in slow:
            assert answer.result().status == 200, answer.result().body
    suite.wait_ready()


def every_kind(suite):
    spare_routes(suite)
    successes(suite)
    refusals(suite)
    provider_failures(suite)
    repeats(suite)
    administration(suite)
    settlement_trouble(suite)
