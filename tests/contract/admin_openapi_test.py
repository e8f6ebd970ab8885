#!/usr/bin/env python3
"""docs/reference/admin-openapi.json against the running admin port: what it describes is what is answered, and the
other way. (That it has every endpoint with its role is a test beside the tables, gateway/admin/document_test.cc.)

usage: admin_openapi_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import json
import os
import re
import sys
import unittest

from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from admin_exchanges import COOKIE, AdminExchanges  # noqa: E402
from description import Description, load  # noqa: E402
from suite import Suite  # noqa: E402

OPENAPI = os.path.join(ROOT, "docs/reference/admin-openapi.json")
ROLES = ["viewer", "operator", "owner"]
EVERY_ANSWER = "x-prismatic-headers-of-every-answer"
BODY_BYTES_MAX, SMALL = "x-prismatic-body-bytes-max", 16 << 10
# Described and not produced with every operation; how they look is the same everywhere.
ANYWHERE = {"400", "401", "403", "413", "415", "503", "default"}
# Described and not produced here.
ELSEWHERE = {("/admin/v1/operators/{name}", "patch", "409"): "LAST_OWNER: the first owner is one; tests of operators"}
# What stands for the `{...}` of paths.
WORDS = {"/admin/v1/accounts/{name}": "c-plain", "/admin/v1/keys/{id}": "c-acme.1",
         "/admin/v1/models/{name}": "imagen-4", "/admin/v1/providers/{name}": "sandbox",
         "/admin/v1/operators/{name}": "a-viewer"}


class AdminDescription(Description):
    """Every answer has some headers in common, which are described once and have one value each."""

    def header_deviations(self, described, headers):
        common = self.document[EVERY_ANSWER]
        rest = {name: value for name, value in headers.items() if name not in common}
        wrong = [f"{name}: {headers.get(name)!r}, not {value!r}" for name, value in common.items()
                 if headers.get(name) != value]
        return wrong + super().header_deviations(described, rest)

    def body_schema(self, operation):
        """(its name, the schema) of the body; None where there is none."""
        if "requestBody" not in operation:
            return None
        return self.resolve(operation["requestBody"]["content"]["application/json"]["schema"])


def beyond(description, schema):
    """Values that a schema refuses, each just beyond what it takes."""
    schema = {**description.resolve(schema), **{k: v for k, v in schema.items() if k != "$ref"}}
    for one in schema.get("anyOf", []):
        yield from beyond(description, one)
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if schema.get("minLength") or "enum" in schema:
        yield ""
    if "enum" in schema:
        yield "other"
    if schema.get("pattern", "").endswith(",40}$"):
        yield "x" * 41
        yield "A"
    if schema.get("pattern") == description.schema("KeyId")["pattern"]:
        yield from ("acme", "acme.", ".1", "Acme.1", "acme.x")
    if schema.get("pattern") == description.schema("RequestId")["pattern"]:
        yield "x" * 129
        yield "a b"
    if "[0-9]{1,9}" in schema.get("pattern", ""):
        yield from ("0.0000000001", "9000000.1", "1e3", "+1", "")
    if "maxItems" in schema:
        yield ["imagen-4"] * (schema["maxItems"] + 1)
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if "properties" in schema:
        yield {**{name: None for name in schema["properties"]}, "nonsense": 1}
    if types:
        yield "x" if types == ["object"] else {}
    if "boolean" in types:
        yield "true"
    if "integer" in types:
        yield 1.5
        yield "1"


class AdminOpenApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        try:
            cls.admin = AdminExchanges(cls.suite, cls.suite.env["PRISMATIC_ADMIN_URL"])
            cls.api = AdminDescription(cls.admin.send("GET", "/openapi.json", token="").json)
            cls.admin.run()
        except BaseException:
            print(cls.suite.logs() if os.environ.get("SHOW_LOGS") else "")
            cls.suite.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def spell(self, path):
        for prefix, word in WORDS.items():
            if path.startswith(prefix):
                return prefix[:prefix.index("{")] + word + path[len(prefix):]
        return path

    def is_as_described(self, path, method, answer):
        self.assertEqual(self.api.deviations(path, method, answer), [], answer.body[:400])

    # --- the description itself ---
    def test_it_is_valid_openapi_3_1(self):
        self.assertEqual(self.api.document["openapi"].split(".")[:2], ["3", "1"])
        self.assertEqual([str(error) for error in OpenAPIV31SpecValidator(self.api.document).iter_errors()], [])

    def test_what_is_served_is_the_file_of_the_tree_and_names_its_version(self):
        with open(OPENAPI, "rb") as file:
            self.assertEqual(self.admin.send("GET", "/openapi.json", token="").body, file.read())
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
        self.assertGreater(checked, 50)

    def contents(self, node):
        if isinstance(node, dict):
            if "application/json" in node:
                yield node["application/json"]
            for value in node.values():
                yield from self.contents(value)
        elif isinstance(node, list):
            for value in node:
                yield from self.contents(value)

    # --- what is answered ---
    def test_every_answer_is_as_described(self):
        self.assertGreater(len(self.admin.all), 100)
        for path, method, answer in self.admin.all:
            with self.subTest(path=path, method=method, status=answer.status):
                self.is_as_described(path, method, answer)

    def test_everything_described_is_answered(self):
        described = {(path, method, status) for path, method, operation in self.api.operations()
                     for status in operation["responses"] if status not in ANYWHERE}
        answered = {(path, method, self.api.response(path, method, answer.status)[0])
                    for path, method, answer in self.admin.all}
        self.assertEqual(described - answered, set(ELSEWHERE))

    def test_the_error_codes_that_were_met_are_those_that_are_described(self):
        met = {answer.error["code"] for _, _, answer in self.admin.all if answer.status >= 400}
        self.assertGreater(len(met), 15)
        self.assertEqual(met - set(self.api.schema("ErrorCode")["enum"]), set())

    def test_head_is_get_without_its_body(self):
        for path, method, operation in self.api.operations():
            if method != "get":
                continue
            answer = self.admin.send("HEAD", self.spell(path))
            with self.subTest(path=path):
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.body, b"")
                self.assertEqual(self.api.deviations(path, method, answer, bodyless=True), [])

    # --- what is refused ---
    def test_a_credential_is_needed_where_it_says_so(self):
        for path, method, operation in self.api.operations():
            for token, more in (("", {}), ("nonsense", {}), ("", {"Cookie": f"{COOKIE}=ps_{'x' * 43}"})):
                if "Cookie" in more and method != "get":
                    continue
                body = {} if "requestBody" in operation else None
                answer = self.admin.send(method.upper(), self.spell(path), body, token=token, **more)
                with self.subTest(path=path, method=method, token=token):
                    self.assertEqual(answer.status == 401, bool(operation["security"]), answer.body)
                    self.is_as_described(path, method, answer)

    def test_the_role_is_the_least_that_may(self):
        for path, method, operation in self.api.operations():
            least = operation.get("x-prismatic-role")
            for role in ROLES:
                if least is None:
                    continue
                allowed = ROLES.index(role) >= ROLES.index(least)
                if allowed and method != "get":
                    continue  # it would do something
                body = {} if "requestBody" in operation else None
                answer = self.admin.send(method.upper(), self.spell(path), body, token=self.admin.sessions[role][1])
                with self.subTest(path=path, method=method, role=role):
                    self.assertEqual(answer.status, 200 if allowed else 403, answer.body[:300])
                    self.is_as_described(path, method, answer)
                    if not allowed:
                        self.assertEqual(answer.error["code"], "ROLE_NOT_ALLOWED")

    def test_a_role_that_may_is_let_in(self):
        """Bodies that are wrong are refused as such, and not for the role."""
        for path, method, operation in self.api.operations():
            least = operation.get("x-prismatic-role")
            if least is None or "requestBody" not in operation:
                continue
            answer = self.admin.send(method.upper(), self.spell(path), {"nonsense": 1},
                                     token=self.admin.sessions[least][1])
            with self.subTest(path=path, method=method):
                self.assertEqual(answer.status, 400, answer.body)
                self.assertIn(answer.error["code"], ("INVALID_VALUE", "MISSING_REQUIRED_PARAMETER"))

    def test_money_of_an_account_is_the_owners_also_in_a_patch(self):
        for change in ({"funding_policy": "wallet_only"}, {"quota": None}, {"quota": {"units": 1, "period": "day"}},
                       {"suspended": False, "funding_policy": "wallet_only"}):
            answer = self.admin.send("PATCH", "/admin/v1/accounts/c-plain", change,
                                     token=self.admin.sessions["operator"][1])
            self.assertEqual((answer.status, answer.error["code"]), (403, "ROLE_NOT_ALLOWED"), change)

    def test_a_cookie_needs_the_proof_that_the_page_asks(self):
        session, token = self.admin.sessions["owner"]
        csrf, cookie = session.json["csrf_token"], f"{COOKIE}={token}"
        for path, method, operation in self.api.operations():
            if method == "get" or not operation["security"]:
                continue
            body = {} if "requestBody" in operation else None
            for more in ({}, {"X_CSRF_Token": "x" * len(csrf)}, {"X_CSRF_Token": csrf, "Sec_Fetch_Site": "same-site"},
                         {"X_CSRF_Token": csrf, "Origin": "https://evil.example"}):
                answer = self.admin.send(method.upper(), self.spell(path), body, token="", Cookie=cookie, **more)
                with self.subTest(path=path, method=method, **more):
                    self.assertEqual((answer.status, answer.error["code"]), (403, "CSRF_REFUSED"))
                    self.is_as_described(path, method, answer)
        answer = self.admin.send("PATCH", "/admin/v1/accounts/c-plain", {"max_concurrent": 9}, token="", Cookie=cookie,
                                 X_CSRF_Token=csrf)
        self.assertEqual(answer.status, 200, answer.body)

    def test_other_methods_are_refused_with_those_that_there_are(self):
        for path, item in self.api.document["paths"].items():
            there = {method.upper() for method in item} | ({"HEAD"} if "get" in item else set())
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
                answer = self.admin.send(method, self.spell(path))
                with self.subTest(path=path, method=method):
                    self.assertEqual((answer.status, answer.error["code"]), (405, "METHOD_NOT_ALLOWED"))
                    self.assertEqual(set(answer.headers["allow"].split(", ")), there)
                    self.is_as_described(path, next(iter(item)), answer)

    def test_another_spelling_of_a_path_is_unknown(self):
        for path, method, _ in self.api.operations():
            spelled = self.spell(path)
            last = spelled.rindex("/")
            for other in (spelled + "/", "/" + spelled, f"{spelled[:last]}//{spelled[last + 1:]}", f"/.{spelled}"):
                answer = self.admin.send(method.upper(), other)
                self.assertEqual((answer.status, answer.error["code"]), (404, "UNKNOWN_URL"), other)
                self.is_as_described(path, method, answer)

    def test_bodies_are_json_in_utf_8_and_not_too_large(self):
        for path, method, operation in self.api.operations():
            if "requestBody" not in operation:
                continue
            token = "" if not operation["security"] else None
            for body, content_type, status in (("{}", "text/plain", 415), ("{", "application/json", 400),
                                               ("[]", "application/json", 400), ("", "application/json", 400),
                                               (b'{"name": "\xff"}', "application/json", 400)):
                answer = self.admin.send(method.upper(), self.spell(path), body, token=token, Content_Type=content_type)
                with self.subTest(path=path, method=method, body=body):
                    self.assertEqual(answer.status, status, answer.body)
                    self.is_as_described(path, method, answer)
            most = operation.get(BODY_BYTES_MAX, SMALL)
            for size, credential in ((most + 1, True), (SMALL + 1, False)):
                answer = self.admin.announced(self.spell(path), size, method.upper(), credential)
                with self.subTest(path=path, method=method, size=size, credential=credential):
                    self.assertEqual(answer.status, 413)
                    self.is_as_described(path, method, answer)

    def test_large_bodies_are_taken_where_it_says_so(self):
        for path, method, operation in self.api.operations():
            most = operation.get(BODY_BYTES_MAX, SMALL)
            if "requestBody" not in operation or not operation["security"]:
                continue
            body = b'{"nonsense":' + b" " * (most - 14) + b"1}"
            self.assertEqual(len(body), most)
            answer = self.admin.send(method.upper(), self.spell(path), body)
            with self.subTest(path=path, method=method, size=most):
                self.assertEqual(answer.status, 400, answer.body[:300])
                self.assertIn(answer.error["code"], ("INVALID_VALUE", "MISSING_REQUIRED_PARAMETER"))

    def test_fields_and_parameters_that_are_not_described_are_refused(self):
        for path, method, operation in self.api.operations():
            if not operation["security"]:
                continue
            with self.subTest(path=path, method=method):
                if "requestBody" in operation:
                    example = operation["requestBody"]["content"]["application/json"]["example"]
                    answer = self.admin.send(method.upper(), self.spell(path), {**example, "nonsense": 1})
                    self.assertEqual((answer.status, answer.error["param"]), (400, "nonsense"))
                if method == "get" and path != "/admin/v1/session":
                    answer = self.admin.send("GET", self.spell(path), query={"nonsense": 1})
                    self.assertEqual((answer.status, answer.error["param"]), (400, "nonsense"))

    def test_what_is_required_is_required(self):
        for path, method, operation in self.api.operations():
            schema = self.api.body_schema(operation)
            for name in (schema or {}).get("required", []):
                example = dict(operation["requestBody"]["content"]["application/json"]["example"])
                del example[name]
                token = "" if not operation["security"] else None
                answer = self.admin.send(method.upper(), self.spell(path), example, token=token)
                with self.subTest(path=path, method=method, name=name):
                    self.assertEqual((answer.status, answer.error["param"]), (400, name), answer.body)

    def test_fields_beyond_their_bounds_are_refused(self):
        tried = 0
        for path, method, operation in self.api.operations():
            schema = self.api.body_schema(operation)
            if schema is None:
                continue
            example = operation["requestBody"]["content"]["application/json"]["example"]
            token = "" if not operation["security"] else None
            if path == "/admin/v1/password":  # which is of people alone
                token = self.admin.sessions["owner"][1]
            for name, field in schema["properties"].items():
                for value in beyond(self.api, field):
                    tried += 1
                    self.refuses(path, method, operation, {**example, name: value}, name, token)
        self.assertGreater(tried, 150)

    def refuses(self, path, method, operation, body, name, token):
        with self.subTest(path=path, method=method, name=name, value=json.dumps(body[name])[:60]):
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self.assertFalse(self.api.is_valid(schema, body), "the schema takes it")
            answer = self.admin.send(method.upper(), self.spell(path), body, token=token)
            self.assertEqual(answer.status, 400, answer.body[:300])
            self.assertTrue((answer.error["param"] or "").startswith(name), answer.error)

    def test_parameters_beyond_their_bounds_are_refused(self):
        tried = 0
        for path, method, operation in self.api.operations():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query":
                    continue
                for value in self.beyond_in_a_query(parameter["schema"]):
                    tried += 1
                    answer = self.admin.send(method.upper(), self.spell(path), query={parameter["name"]: value})
                    with self.subTest(path=path, name=parameter["name"], value=str(value)[:40]):
                        self.assertEqual((answer.status, answer.error["param"]), (400, parameter["name"]))
                        self.is_as_described(path, method, answer)
        self.assertGreater(tried, 30)

    def beyond_in_a_query(self, schema):
        full = {**self.api.resolve(schema), **{k: v for k, v in schema.items() if k != "$ref"}}
        for value in beyond(self.api, schema):
            if isinstance(value, (int, str)) and value not in ("", "1"):  # there are texts only, and empty is absent
                yield value
        if full.get("type") == "integer":
            yield from ("x", "1e1", "9" * 30)
        if full.get("format") == "date":
            yield from ("2030-13-01", "2030-1-1", "20300101", "1999-12-31")
        if full.get("format") == "date-time":
            yield from ("yesterday", "2030-01-01")
        if "carried_forward" in full.get("pattern", ""):
            yield from ("charges", "charge;top_up", "unspecified", "CHARGE")

    # --- the description and the tree ---
    def test_the_playground_answers_what_the_public_port_describes(self):
        public = Description(load(os.path.join(ROOT, "docs/reference/openapi.json")))
        for played, status in zip(self.admin.played, (200, 400, 401)):
            self.assertEqual(played["status"], status)
            name = "ImagesResponse" if status == 200 else "ErrorResponse"
            self.assertEqual(public.errors({"$ref": f"#/components/schemas/{name}"}, played["body"]), [])
            self.assertEqual((played["provider"], played["upstream_model"]),
                             ("sandbox", "imagen-4.0-generate-001") if status == 200 else (None, None))


if __name__ == "__main__":
    unittest.main()
