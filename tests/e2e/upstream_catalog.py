"""Upstreams of every wire format for tests: a sandbox and proxies per format, and a catalog that gives each case a
model and two providers of its own, so that what one case does to health, breakers and rests reaches no other."""
import http.server
import json
import os
import re
import ssl
import struct
import subprocess
import sys
import threading
import typing
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from fault_proxy import Certificate, FaultProxy  # noqa: E402, F401 (the tests take Certificate from here)
from oracle import redis_of  # noqa: E402
from suite import OPTIONS, ROOT, wait_until  # noqa: E402

CENT4 = 40_000_000
KEY = "env:PROVIDER_KEY_SANDBOX"
# So small that answers which are cut at it are soon over; and a deadline that no healthy call comes near.
IMAGE_BYTES_MAX = 1 << 20
PATIENT_SECONDS = 20


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# One pixel: reference images that fit into the sandbox's records.
SMALL_PNG = b"".join([b"\x89PNG\r\n\x1a\n", png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
                      png_chunk(b"IDAT", zlib.compress(b"\0\0")), png_chunk(b"IEND", b"")])


class Format(typing.NamedTuple):
    """How a format's providers and routes are written, and what the sandbox calls things in it."""
    name: str
    wire_format: str
    path: str  # what stands behind the sandbox's address in base_url
    model: str
    route: dict
    key_header: str = "authorization"
    job_mapping: str = ""
    # Pictures of four that one call asks for.
    per_call: int = 4
    # The ways to refuse that the sandbox knows.
    refusals: tuple = ()
    # Reference images must be bytes.
    needs_bytes: bool = False
    # Answers hold pictures as URLs by themselves.
    gives_urls: bool = False
    # Of the seed request's fields those that it has none for.
    ignored: tuple = ("quality", "style")
    # What goes out in another way: of `size: 256x256`, and of the seed request's `aspect_ratio: 16:9`.
    changed: str = ""
    changed_seed: str = ""

    @property
    def is_job(self):
        return bool(self.job_mapping)


FORMATS = (
    Format("openai_images", "openai_images", "/v1", "sandbox-image",
           {"supported_parameters": ["n", "size", "aspect_ratio", "seed", "negative_prompt", "quality", "style",
                                     "response_format"], "max_images_per_call": 2},
           per_call=2, refusals=("error", "flagged"), ignored=()),
    Format("chat_completions", "chat_completions", "/v1", "sandbox-chat-image",
           {"supported_parameters": ["size", "aspect_ratio", "seed"], "reference_images": "chat",
            "fold_negative_prompt": True},
           per_call=1, refusals=("text", "filter"), changed="size=1:1"),
    Format("gemini", "gemini", "/v1beta", "sandbox-gemini-image",
           {"supported_parameters": ["size", "aspect_ratio", "seed"], "fold_negative_prompt": True},
           key_header="x-goog-api-key", per_call=1, refusals=("prompt", "image"), needs_bytes=True,
           changed="size=1:1"),
    Format("black_forest_labs", "async_job", "/bfl/v1", "sandbox-forest",
           {"supported_parameters": ["size", "aspect_ratio", "seed"], "fold_negative_prompt": True},
           key_header="x-key", job_mapping="black_forest_labs", per_call=1, refusals=("request", "content"),
           gives_urls=True),
    Format("fal", "async_job", "/fal", "sandbox/pictures",
           {"supported_parameters": ["n", "size", "aspect_ratio", "seed", "negative_prompt"], "max_images_per_call": 4},
           job_mapping="fal", refusals=("nsfw", "content"), gives_urls=True),
    Format("replicate", "async_job", "/replicate/v1", "sandbox/pictures",
           {"supported_parameters": ["n", "aspect_ratio", "seed", "negative_prompt"], "max_images_per_call": 4},
           job_mapping="replicate", refusals=("nsfw", "content"), gives_urls=True, changed="size=1:1"),
    Format("sdapi", "sdapi", "", "sandbox-diffusion",
           {"supported_parameters": ["n", "size", "seed", "negative_prompt"], "max_images_per_call": 4},
           needs_bytes=True, changed_seed="aspect_ratio=1280x720"),
)


class Call(typing.NamedTuple):
    """What a model of the catalog needs: one or two providers, and how its routes are set."""
    name: str  # the model's, and the beginning of its providers'
    first: str  # base_url
    second: typing.Optional[str]
    timeout: int = PATIENT_SECONDS
    provider: dict = {}  # more of the first provider's fields
    route: dict = {}  # more of both routes' fields


def catalog_name(*words):
    return "-".join(words).replace("_", "-")


def provider_name(call, role):
    """At most 40 characters, and still this model's alone."""
    return f"{call.name[:24]}-{zlib.crc32(call.name.encode()):08x}-{role}"


def providers_of(form, call):
    for role, base_url in (("first", call.first), ("second", call.second)):
        if base_url is None:
            continue
        mapping = {"job_mapping": form.job_mapping} if form.is_job else {}
        fields = {"name": provider_name(call, role), "wire_format": form.wire_format, "base_url": base_url,
                  "credential": KEY, "images_enabled": True, "fetch_hosts": ["127.0.0.1"],
                  "timeout_seconds": call.timeout, "endpoint": {"headers": {"x-route": f"{call.name}/{role}"}},
                  **mapping, **(call.provider if role == "first" else {})}
        yield {name: value for name, value in fields.items() if value is not None}


def model_of(form, call):
    routes = [{"provider": provider_name(call, role), "upstream_model": form.model, "priority": priority,
               "max_image_bytes": IMAGE_BYTES_MAX, "reference_images": "native", **form.route, **call.route}
              for priority, role in ((1, "first"), (2, "second")) if role == "first" or call.second]
    return {"name": call.name, "public_ids": [call.name], "owned_by": "prismatic", "capabilities": ["image_generation"],
            "retail_generation_usd": "0.04", "routes": routes}


def apply_catalog(suite, calls):
    """`calls`: (Format, Call) each. They come to the suite's own catalog; what is JSON is YAML."""
    path = os.path.join(suite.state, "catalog.yaml")
    with open(path, encoding="utf-8") as catalog:
        providers, models = catalog.read().split("\nmodels:\n")
    add = [[f"  - {json.dumps(each)}" for each in made] for made in (
        [provider for form, call in calls for provider in providers_of(form, call)],
        [model_of(form, call) for form, call in calls])]
    with open(path, "w", encoding="utf-8") as catalog:
        catalog.write("\n".join([providers.rstrip(), *add[0], "models:", models.rstrip(), *add[1], ""]))
    suite.cli("catalog", "apply", path)
    last = calls[-1][1].name
    wait_until(lambda: f'"{last}"' in suite.api("GET", "/models").body.decode(), 10, "the new models")


class Sandbox:
    """A sandbox of the test's own, in the suite's folder: it is told what to do and asked what it has seen."""

    def __init__(self, suite, name):
        self.suite = suite
        log_path = os.path.join(suite.state, f"{name}.sandbox.log")
        with open(os.path.join(suite.state, "secrets", "sandbox-key"), encoding="utf-8") as file:
            self.key = file.read().strip()
        folder = OPTIONS[OPTIONS.index("--bin") + 1] if "--bin" in OPTIONS else os.path.join(ROOT, "build/bin")
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [os.path.join(folder, "prismatic-sandbox"), "--listen", "127.0.0.1:0", "--api-key", self.key],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def port():
            with open(log_path, encoding="utf-8") as log:
                found = re.search(r'"message":"serving".*?"port":"?(\d+)', log.read())
            return found and int(found.group(1))
        wait_until(port, 10, f"the sandbox of {name}")
        self.address = f"http://127.0.0.1:{port()}"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def ask(self, method, path, body=None):
        return self.suite.http(method, self.address + path, body and json.dumps(body)).json

    def forget(self):
        self.ask("DELETE", "/_sandbox/requests")
        self.ask("DELETE", "/_sandbox/faults")

    def fault_next(self, directive, count=1):
        self.ask("POST", "/_sandbox/faults", {"count": count, "directive": directive})

    def requests(self, kind="generation"):
        return self.ask("GET", f"/_sandbox/requests?kind={kind}&limit=100")["requests"]


class Upstreams:
    """What stands behind one format's models: its sandbox, and proxies that do to connections what it cannot:
    plain, with TLS, and with TLS whose certificate nobody trusts."""

    def __init__(self, suite, form, trusted, untrusted):
        self.sandbox = Sandbox(suite, form.name)
        self.proxies = {"plain": FaultProxy(self.sandbox.address),
                        "tls": FaultProxy(self.sandbox.address, trusted),
                        "untrusted": FaultProxy(self.sandbox.address, untrusted)}
        self.form = form
        # Somebody else's: what is polled there is none of ours, and pictures that are fetched there get no credential.
        self.elsewhere = Elsewhere(SMALL_PNG, content_type="image/png")
        # Where a client keeps its reference images.
        self.references = Elsewhere(SMALL_PNG, content_type="image/png", certificate=trusted)
        # In the sandbox's place where an answer is wanted that it does not give.
        self.scripted = Elsewhere(b"")
        self.scripted_tls = Elsewhere(b"", certificate=trusted)

    def base_url(self, way):
        """`way` is None for the sandbox itself, a proxy's name, `scripted` or `scripted_tls`."""
        if way not in self.proxies:
            return (self.sandbox if way is None else getattr(self, way)).address + self.form.path
        scheme = "http" if way == "plain" else "https"
        return f"{scheme}://{self.proxies[way].address}{self.form.path}"

    def stop(self):
        for each in self.proxies.values():
            each.close()
        for each in (self.elsewhere, self.references, self.scripted, self.scripted_tls, self.sandbox):
            each.stop()


class Elsewhere:
    """An HTTP server that answers every request alike, and remembers its headers."""

    def __init__(self, body, status=200, content_type="application/json", headers=(), certificate=None):
        self.body, self.status, self.seen = body, status, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                body = outer.body
                self.send_response(outer.status)
                for name, value in (("Content-Type", content_type), ("Content-Length", str(len(body))), *headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate.cert, certificate.key)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        self.address = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Books(typing.NamedTuple):
    """What an account has, in nano-USD, as billing keeps it."""
    balance: int
    held: int
    concurrent: int
    entries: int  # of the ledger

    @classmethod
    def of(cls, suite, account):
        with redis_of(suite) as redis:
            key, = redis.call("KEYS", f"*:acct:{account}")
            fields = redis.hashes([key])[key]
        return cls(*(int(fields[name]) for name in (b"bal", b"held", b"cc", b"seq")))


def trust(suite, certificate):
    """Starts the process that speaks to upstreams again, so that it trusts the test's authority and no other, and reads
    `file:` credentials of the folder that this gives."""
    folder = os.path.join(suite.state, "credentials")
    os.makedirs(folder, exist_ok=True)
    suite.restart("provider-proxy" if suite.separate else suite.front, "--upstream-ca-file", certificate.authority,
                  "--credentials-dir", folder)
    return folder
