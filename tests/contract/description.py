"""The API's description (OpenAPI 3.1) as something to hold answers against."""
import copy
import json
import re

import jsonschema

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
# What HTTP itself says about a message; everything else that an answer carries has to be described.
TRANSPORT_HEADERS = {"content-type", "content-length", "connection", "keep-alive", "date", "server"}


class Description:
    def __init__(self, document):
        self.document = document
        self.strict = copy.deepcopy(document["components"])
        close(self.strict["schemas"])

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def schema(self, name):
        return self.document["components"]["schemas"][name]

    def operations(self):
        """(path, method, operation) of all of them."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def errors(self, schema, value):
        """What is wrong with a value; members that the schema does not name are wrong as well."""
        validator = jsonschema.Draft202012Validator({**schema, "components": self.strict})
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]

    def is_valid(self, schema, value):
        return not self.errors(schema, value)

    def response(self, path, method, status):
        """(key, response) that describes an answer: its status, else `default`."""
        responses = self.document["paths"][path][method]["responses"]
        key = str(status) if str(status) in responses else "default"
        return key, self.resolve(responses[key])

    def deviations(self, path, method, answer, bodyless=False):
        """How an answer differs from what is described; empty when it does not."""
        _, response = self.response(path, method, answer.status)
        found = self.header_deviations(response.get("headers", {}), answer.headers)
        media = answer.headers.get("content-type", "").partition(";")[0].strip()
        if "content" not in response:
            return found + (["a body"] if answer.body else [])
        if media not in response["content"]:
            return found + [f"content type {media!r}"]
        if bodyless:
            return found + (["a body"] if answer.body else [])
        body = answer.json if media == "application/json" else answer.body.decode()
        return found + self.errors(response["content"][media]["schema"], body)

    def header_deviations(self, described, headers):
        found, names = [], set(TRANSPORT_HEADERS)
        for name, header in described.items():
            header, name = self.resolve(header), name.lower()
            names.add(name)
            if name in headers:
                found += [f"{name}: {error}" for error in self.errors(header["schema"], headers[name])]
            elif header.get("required"):
                found.append(f"no {name}")
        return found + [f"{name} is not described" for name in headers if name not in names]


def close(schema):
    """Makes members that are not named errors, all the way down, where a schema does not say what it does with them."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


def backticked(text):
    return set(re.findall(r"`([^`]+)`", text))


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
