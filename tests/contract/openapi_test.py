#!/usr/bin/env python3
"""docs/reference/openapi.json against the running edge: what it describes is what is answered, and the other way.

usage: openapi_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import http.client
import json
import os
import re
import sys
import unittest

from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from description import Description, backticked, load  # noqa: E402
from suite import SEED_REQUEST, Answer, Suite, wait_until  # noqa: E402

OPENAPI = os.path.join(ROOT, "docs/reference/openapi.json")
ERRORS = os.path.join(ROOT, "docs/reference/errors.md")
GOLDEN = os.path.join(ROOT, "tests/golden/errors.json")
GENERATIONS, MODELS, MODEL = "/v1/images/generations", "/v1/models", "/v1/models/{model}"
REQUEST = {"$ref": "#/components/schemas/ImageGenerationRequest"}
SMALL = {"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256"}
# Of a client that has hung up: logs and metrics see it, and no description for clients names it.
UNSEEN = "client_closed_request"
# Described and not produced here, each with its reason.
ELSEWHERE = {
    (GENERATIONS, "post", "408"): "takes the edge's deadline for slow requests: tested with the gate",
    (GENERATIONS, "post", "500"): "a fault of ours: tests/golden",
    (GENERATIONS, "post", "504"): "takes the upstream's deadline: tests/golden",
    (MODELS, "get", "408"): "as above", (MODELS, "get", "500"): "as above",
    (MODELS, "get", "503"): "billing away: tests/e2e",
    (MODEL, "get", "408"): "as above", (MODEL, "get", "500"): "as above",
    (MODEL, "get", "503"): "billing away: tests/e2e",
    ("/readyz", "get", "503"): "a gateway that starts or stops: tests/e2e",
}
# Each parameter is asked for with each of these, and the schema must say what the edge does.
POOL = [None, True, False, 0, 1, -1, 3, 10, 11, 100, 101, 1.5, 2**63 - 1, 2**63, -2**63, -2**63 - 1, "", " ", "x",
        "auto", "1024x1024", "16384x16384", "100000x1", "1024X1024", "2K", "0.5K", "2M", "16:9", "9:19.5", ":9",
        "url", "b64_json", "B64_JSON", "png", "jpeg", "gif", "transparent", "opaque", "low", "high", "a\0b", "é" * 64,
        "é" * 65, "x" * 256, "x" * 257, "x" * 512, "x" * 513, "x" * 32000, "x" * 32001, "https://example.com/a.png",
        "http://example.com/a.png", "https:///a.png", "data:image/png;base64,AAAA", "data:text/plain;base64,AAAA",
        ["https://example.com/a.png"] * 16, ["https://example.com/a.png"] * 17, ["ftp://x/"], [None], [], {}, [[]]]


def spell(path, model="imagen-4"):
    return path.replace("{model}", model)


class OpenApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        try:
            cls.origin = cls.suite.env["PRISMATIC_BASE_URL"].removesuffix("/v1")
            cls.api = Description(cls.send("GET", "/openapi.json", key="").json)
            cls.exchanges = []  # (path, method, answer)
            cls.generations()
            cls.refusals_of_money_and_limits()
            cls.refusals_of_form()
            cls.reads()
        except BaseException:
            cls.suite.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    # --- what is said to the edge, once for all tests ---
    @classmethod
    def send(cls, method, path, body=None, key=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if key != "":
            headers["Authorization"] = f"Bearer {key or cls.suite.key}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return cls.suite.http(method, cls.origin + path, body, headers)

    @classmethod
    def exchange(cls, path, method, status, *rest, sent_path=None, sent_method=None, **more):
        answer = cls.send(sent_method or method.upper(), sent_path or spell(path), *rest, **more)
        if answer.status != status:
            raise AssertionError(f"{method} {path} {rest} {more}: {answer.status}, not {status}: {answer.body[:300]}")
        cls.exchanges.append((path, method, answer))
        return answer

    @classmethod
    def generate(cls, status, body=None, **more):
        return cls.exchange(GENERATIONS, "post", status, body if body is not None else SMALL, **more)

    @classmethod
    def generations(cls):
        content = cls.api.document["paths"][GENERATIONS]["post"]["requestBody"]["content"]
        examples = content["application/json"]["examples"]
        cls.examples = {name: example["value"] for name, example in examples.items()}
        cls.served_examples = {name: cls.generate(200, body) for name, body in cls.examples.items()}
        cls.generate(200, {**SMALL, "response_format": "url", "n": 2})
        cls.generate(200, {**SMALL, "model": "sandbox-chat"})
        limited = cls.suite.new_key("limited", "--requests-per-minute", "9", "--images-per-minute", "3", wallet="1")
        cls.with_limits = cls.generate(200, key=limited)
        cls.generate(200, key=limited, Idempotency_Key="order-1")
        cls.generate(409, key=limited, Idempotency_Key="order-1")
        cls.generate(400, {**SMALL, "n": 2}, key=limited, Idempotency_Key="order-1")
        cls.generate(429, {**SMALL, "n": 2}, key=limited)
        cls.generate(400, {**SMALL, "n": 4}, key=limited)

    @classmethod
    def refusals_of_money_and_limits(cls):
        cls.generate(429, key=cls.suite.new_key("poor", wallet="0.01"))
        cls.generate(429, key=cls.suite.new_key("none", "--requests-per-minute", "0", wallet="1"))
        cls.generate(403, key=cls.suite.new_key("narrow", "--models", "sandbox-chat", wallet="1"))
        cls.suspended = cls.suite.new_key("suspended", wallet="1")
        cls.suite.cli("account", "suspend", "suspended")
        cls.generate(403, key=cls.suspended)
        cls.generate(404, {**SMALL, "model": "no-such-model"})
        cls.generate(400, {**SMALL, "prompt": "[[sandbox refuse]]"})
        cls.generate(502, {**SMALL, "prompt": "[[sandbox status=500]]"})
        cls.generate(503, {**SMALL, "prompt": "[[sandbox status=429 retry_after=2]]"})
        cls.suite.cli("provider", "images", "sandbox-chat", "off")
        chat = {**SMALL, "model": "sandbox-chat"}
        wait_until(lambda: cls.send("POST", GENERATIONS, chat).status == 503, 2, "the switch off")
        cls.generate(503, chat)

    @classmethod
    def refusals_of_form(cls):
        for body in ("", "{", "[]", {}, {"model": "imagen-4"}, {**SMALL, "n": 11}, {**SMALL, "stream": True},
                     '{"model":"imagen-4","prompt":"p","n":1,"n":1}'):
            cls.generate(400, body, key="")
        cls.generate(401, key="")
        cls.generate(401, Authorization="Basic eA==", key="")
        cls.generate(415, Content_Type="text/plain")
        cls.generate(415, Content_Encoding="gzip")
        answer = cls.announced(40 << 20)
        assert answer.status == 413, answer.status
        cls.exchanges.append((GENERATIONS, "post", answer))
        for path, method, _ in cls.api.operations():
            cls.exchange(path, method, 405, key="", sent_method="DELETE")

    @classmethod
    def announced(cls, size):
        """The answer to a body of that length, of which nothing is sent."""
        connection = http.client.HTTPConnection(cls.origin.removeprefix("http://"), timeout=20)
        connection.putrequest("POST", GENERATIONS)
        for name, value in (("Authorization", f"Bearer {cls.suite.key}"), ("Content-Type", "application/json"),
                            ("Content-Length", str(size))):
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    @classmethod
    def reads(cls):
        cls.exchange(MODELS, "get", 200)
        cls.exchange(MODEL, "get", 200)
        cls.exchange(MODEL, "get", 200, sent_path=spell(MODEL, "google%2Fimagen-4"))
        cls.exchange(MODEL, "get", 200, sent_path=spell(MODEL, "google/imagen-4"))
        cls.exchange(MODEL, "get", 404, sent_path=spell(MODEL, "no-such-model"))
        for path in (MODELS, MODEL):
            cls.exchange(path, "get", 401, key="")
            cls.exchange(path, "get", 401, key="pk_x.1_bad_bad")
            cls.exchange(path, "get", 403, key=cls.suspended)
        for path in ("/openapi.json", "/healthz", "/readyz"):
            cls.exchange(path, "get", 200, key="")

    # --- the description itself ---
    def test_it_is_valid_openapi_3_1(self):
        self.assertEqual(self.api.document["openapi"].split(".")[:2], ["3", "1"])
        self.assertEqual([str(error) for error in OpenAPIV31SpecValidator(self.api.document).iter_errors()], [])

    def test_what_is_served_is_the_file_of_the_tree_and_names_its_version(self):
        answer = self.send("GET", "/openapi.json", key="")
        with open(OPENAPI, "rb") as file:
            self.assertEqual(answer.body, file.read())
        self.assertIn("max-age", answer.headers["cache-control"])
        with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"project\(prismatic VERSION (\S+)", file.read()).group(1)
        self.assertEqual(self.api.document["info"]["version"], version)

    def test_its_examples_are_valid(self):
        checked = 0
        for owner in self.contents(self.api.document):
            examples = [example["value"] for example in owner.get("examples", {}).values()]
            for value in examples + ([owner["example"]] if "example" in owner else []):
                self.assertEqual(self.api.errors(owner["schema"], value), [], value)
                checked += 1
        self.assertGreater(checked, 15)

    def contents(self, node):
        if isinstance(node, dict):
            if "application/json" in node:
                yield node["application/json"]
            for value in node.values():
                yield from self.contents(value)
        elif isinstance(node, list):
            for value in node:
                yield from self.contents(value)

    # --- the edge ---
    def test_every_answer_is_as_described(self):
        for path, method, answer in self.exchanges:
            with self.subTest(path=path, method=method, status=answer.status):
                self.assertEqual(self.api.deviations(path, method, answer), [], answer.body[:300])

    def test_everything_described_is_answered(self):
        described = {(path, method, status) for path, method, operation in self.api.operations()
                     for status in operation["responses"]}
        answered = {(path, method, self.api.response(path, method, answer.status)[0])
                    for path, method, answer in self.exchanges}
        self.assertEqual(described - answered, set(ELSEWHERE))

    def test_every_get_is_a_head(self):
        for path, method, operation in self.api.operations():
            if method != "get":
                continue
            for key in (None, "") if operation["security"] else ("",):
                answer = self.send("HEAD", spell(path), key=key)
                self.assertEqual(answer.status, self.send("GET", spell(path), key=key).status, path)
                self.assertEqual(self.api.deviations(path, method, answer, bodyless=True), [], path)

    def test_a_key_is_needed_where_it_says_so(self):
        for path, method, operation in self.api.operations():
            answer = self.send(method.upper(), spell(path), SMALL if method == "post" else None, key="")
            self.assertEqual(answer.status == 401, bool(operation["security"]), path)

    def test_another_spelling_of_a_path_is_unknown(self):
        for path, method, _ in self.api.operations():
            path = spell(path)
            last = path.rindex("/")
            for spelled in (f"{path[:last + 1]}%{ord(path[last + 1]):02x}{path[last + 2:]}", "/" + path, path + "/",
                            f"{path[:last]}//{path[last + 1:]}", f"/.{path}", path.upper()):
                if spelled.startswith("/v1/models/"):
                    continue  # another ID
                answer = self.send(method.upper(), spelled, SMALL if method == "post" else None)
                self.assertEqual((answer.status, answer.error["code"]), (404, "unknown_url"), spelled)

    def test_the_served_examples_are_pictures(self):
        self.assertEqual(set(self.served_examples), {"everything", "oneReference", "minimal"})
        for answer in self.served_examples.values():
            self.assertTrue(answer.images()[0].startswith(b"\x89PNG"))
            self.assertEqual(answer.headers["x-prismatic-cost-usd"], "0.04")
        self.assertEqual(self.examples["everything"], SEED_REQUEST)

    def test_limits_are_in_the_headers(self):
        headers = self.with_limits.headers
        self.assertEqual([headers[f"x-ratelimit-{what}-{metric}"] for metric in ("requests", "images")
                          for what in ("limit", "remaining")], ["9", "8", "3", "2"])

    # --- the request's schema ---
    def test_the_schema_takes_what_the_edge_takes(self):
        schema = self.api.schema("ImageGenerationRequest")
        for name in schema["properties"]:
            verdicts = set()
            for value in POOL:
                body = {"model": "imagen-4", "prompt": "p", name: value}
                taken = self.is_taken(name, body)
                self.assertEqual(taken, self.api.is_valid(REQUEST, body), f"{name}: {json.dumps(value)[:80]}")
                verdicts.add(taken)
            self.assertEqual(verdicts, {True, False}, f"{name}: values that show nothing")

    def is_taken(self, name, body):
        """Without a key: a body that is fine is 401, another one 400 in the name of its parameter."""
        answer = self.send("POST", GENERATIONS, body, key="")
        if answer.status == 401:
            return True
        self.assertEqual((answer.status, answer.error["param"]), (400, name), answer.body[:300])
        return False

    def test_what_the_schema_requires_is_required(self):
        schema = self.api.schema("ImageGenerationRequest")
        for name in schema["properties"]:
            body = {"model": "imagen-4", "prompt": "p"}
            body.pop(name, None)
            answer = self.send("POST", GENERATIONS, body, key="")
            self.assertEqual(answer.status == 400, name in schema["required"], name)
            if name in schema["required"]:
                self.assertEqual((answer.error["code"], answer.error["param"]), ("missing_required_parameter", name))

    def test_no_described_parameter_is_unknown(self):
        self.suite.await_upstream()
        values = {"background": "opaque", "moderation": "low", "output_format": "png", "output_compression": 90,
                  "user": "u", "stream": False, "partial_images": 0, "size": "1024x576"}
        body = {**SEED_REQUEST, **values, "guidance": 7, "odd name\r\n": 1, "": 2}
        self.assertEqual(set(body) - set(self.api.schema("ImageGenerationRequest")["properties"]),
                         {"guidance", "odd name\r\n", ""})
        self.assertEqual(set(self.api.schema("ImageGenerationRequest")["properties"]) - set(body), set())
        ignored = self.send("POST", GENERATIONS, body).headers["x-prismatic-ignored-parameters"].split(",")
        self.assertEqual(ignored[-3:], ["guidance", "odd%20name%0D%0A", '""'])
        # The others are those that this route does not support; none of them is there twice.
        route = {"background", "moderation", "output_format", "output_compression", "user"}
        self.assertEqual(sorted(ignored[:-3]), sorted(route))

    def test_an_idempotency_key_is_what_its_schema_says(self):
        parameter = self.api.document["paths"][GENERATIONS]["post"]["parameters"][0]
        for value in ("", "a", "order 1 ~", "k" * 255, "k" * 256, "a\tb"):
            answer = self.send("POST", GENERATIONS, SMALL, key="", Idempotency_Key=value)
            self.assertEqual(answer.status == 401, self.api.is_valid(parameter["schema"], value), (value, answer.body))

    # --- the errors ---
    def test_the_codes_are_those_of_the_catalogue(self):
        golden = [line for line in load(GOLDEN) if line["body"]["error"]["code"] != UNSEEN]
        with open(os.path.join(ROOT, "protos/prismatic/common/v1/errors.proto"), encoding="utf-8") as proto:
            reasons = re.findall(r"^  ERROR_REASON_(\w+) = [1-9]", proto.read(), re.M)
        self.assertEqual([line["case"] for line in golden][:len(reasons)], reasons)
        given = {line["body"]["error"]["code"] for line in golden}
        self.assertEqual(set(self.api.schema("ErrorCode")["enum"]), given)
        self.assertLessEqual(given, {reason.lower() for reason in reasons})
        self.assertEqual(set(self.api.schema("Error")["properties"]["type"]["enum"]),
                         {line["body"]["error"]["type"] for line in golden})

    def test_each_code_is_described_with_its_status(self):
        generations = self.api.document["paths"][GENERATIONS]["post"]["responses"]
        for line in load(GOLDEN):
            code, status = line["body"]["error"]["code"], str(line["status"])
            if code == UNSEEN:
                continue
            described = self.api.resolve(generations.get(status, generations["default"]))
            if code not in backticked(described["description"]):
                described = self.api.resolve(generations["default"])
            self.assertIn(code, backticked(described["description"]), f"{status} {code}")
            self.assertEqual(self.api.errors({"$ref": "#/components/schemas/ErrorResponse"}, line["body"]), [])
            headers = {name.lower(): value for name, value in line["headers"].items()}
            common = {"x-request-id": "01890000-0000-7000-8000-000000000000", "openai-processing-ms": "0"}
            self.assertEqual(self.api.header_deviations(described["headers"], {**common, **headers}), [], line["case"])

    def test_the_page_of_errors_is_the_table(self):
        with open(ERRORS, encoding="utf-8") as page:
            lines = [line.strip("|\n ").split("|") for line in page if line.startswith("| `")]
        rows = [tuple(cell.strip(" `") for cell in line) for line in lines]
        shown = {row[0]: row[1:4] for row in rows}
        self.assertEqual(len(rows), len(shown))
        table = {}
        for line in load(GOLDEN):
            error = line["body"]["error"]
            if line["case"].lower() == error["code"]:
                table[error["code"]] = (str(line["status"]), error["type"], line["headers"]["x-should-retry"])
        table["rate_limit_exceeded"] = ("429", "requests or images", "true")
        self.assertEqual(shown, table)


if __name__ == "__main__":
    unittest.main()
