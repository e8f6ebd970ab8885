#!/usr/bin/env python3
"""The JSON Schema of the catalog file (docs/reference/catalog.schema.json) beside the catalogs that the registry's own
reader is tested with: what is valid passes, what is wrong fails wherever a schema can see it."""
import glob
import json
import os
import re
import unittest

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BAD = os.path.join(ROOT, "tests/golden/catalog/bad")

# Mistakes between two places of a file, or in words that only the reader knows; each with the reason.
UNSEEN = {
    "07-unknown-provider-of-a-route": "names in two lists",
    "08-public-id-of-two-models": "unique across models",
    "09-name-of-two-providers": "unique by one key",
    "21-negative-prompt-of-gemini": "the route's provider is elsewhere",
    "24-extra-fields": "which fields a wire format writes itself",
}


class Loader(yaml.SafeLoader):
    """YAML 1.2 as editors read it, and as the registry does: `on` and 16:9 are text."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
        ("float", r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$",
         list("-+.0123456789"))):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def schema():
    return json.loads(read(os.path.join(ROOT, "docs/reference/catalog.schema.json")))


def blocks(page):
    return re.findall(r"^```yaml\n(.*?)^```$", read(os.path.join(ROOT, page)), re.M | re.S)


class CatalogSchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = schema()
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def errors(self, text):
        try:
            document = yaml.load(text, Loader)  # a SafeLoader
        except yaml.YAMLError as error:
            return [str(error)]
        return [f"{error.json_path}: {error.message}" for error in self.validator.iter_errors(document)]

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_every_valid_catalog_passes(self):
        texts = {path: read(path) for path in glob.glob(os.path.join(ROOT, "deploy/**/*.yaml"), recursive=True)
                 if os.sep + "catalog" + os.sep in path}
        self.assertGreaterEqual(len(texts), 2)
        for page in ("docs/how-to/add-a-provider.md", "docs/reference/catalog.md"):
            found = blocks(page)
            self.assertTrue(found, page)
            texts.update({f"{page}, block {i}": text for i, text in enumerate(found)})
        for name, text in texts.items():
            with self.subTest(name):
                self.assertEqual(self.errors(text), [])

    def test_what_is_wrong_fails_wherever_a_schema_can_see_it(self):
        paths = sorted(glob.glob(os.path.join(BAD, "*.yaml")))
        self.assertGreaterEqual(len(paths), 30)
        passed = {os.path.splitext(os.path.basename(path))[0] for path in paths if not self.errors(read(path))}
        self.assertEqual(passed, set(UNSEEN))

    def test_every_map_is_closed_and_every_key_described(self):
        maps = {"the file": self.schema, **self.schema["$defs"]}
        described = 0
        for name, each in maps.items():
            if "properties" not in each:
                continue
            self.assertIs(each["additionalProperties"], False, name)
            for key, value in each["properties"].items():
                target = self.schema["$defs"][value["$ref"].split("/")[-1]] if "$ref" in value else {}
                self.assertTrue(value.get("description") or target.get("description"), f"{name}.{key}")
                described += 1
        self.assertGreater(described, 50)


if __name__ == "__main__":
    unittest.main()
