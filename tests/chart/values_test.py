#!/usr/bin/env python3
"""values.yaml, its schema and its table say the same, and the schema is closed wherever the values are ours."""
import json
import os
import sys
import unittest

import chart
import jsonschema
import yaml

sys.path.insert(0, os.path.join(chart.ROOT, "scripts/lib"))
import chart_values  # noqa: E402  pylint: disable=wrong-import-position

with open(os.path.join(chart.CHART, "values.yaml"), encoding="utf-8") as values_file:
    VALUES = yaml.safe_load(values_file)
with open(os.path.join(chart.CHART, "values.schema.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
# Helm adds it to every chart's values.
HELMS_OWN = {"global"}


def differences(value, schema, path=()):
    """Keys that only one of the two has."""
    if not isinstance(value, dict) or "properties" not in schema:
        return
    for key in set(value) ^ (set(schema["properties"]) - (HELMS_OWN if not path else set())):
        yield ".".join(path + (key,))
    for key in set(value) & set(schema["properties"]):
        yield from differences(value[key], schema["properties"][key], path + (key,))


def nodes(schema, path=()):
    yield path, schema
    for key, below in schema.get("properties", {}).items():
        yield from nodes(below, path + (key,))


class ValuesTest(unittest.TestCase):
    def test_schema_and_table_are_made_from_the_values(self):
        for path, content in chart_values.made().items():
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), content, f"{path}: scripts/check-chart --update")

    def test_every_key_is_in_both(self):
        self.assertEqual(list(differences(VALUES, SCHEMA)), [])

    def test_every_key_is_described(self):
        for path, schema in nodes(SCHEMA):
            if path:
                self.assertGreater(len(schema.get("description", "")), 3, ".".join(path))

    def test_every_level_is_closed(self):
        # Open are Kubernetes' own objects, and maps of labels and annotations.
        for path, schema in nodes(SCHEMA):
            if schema.get("type") != "object":
                continue
            if "properties" in schema and path != ("global",):
                self.assertIs(schema["additionalProperties"], False, ".".join(path))
            elif path != ("global",):
                labels = schema["additionalProperties"] == {"type": "string"}
                self.assertTrue(labels or path[-1] in ("resources", "affinity", "capabilities", "seccompProfile"), ".".join(path))

    def test_the_schema_is_a_schema_and_the_defaults_fit_it(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        jsonschema.validate(VALUES, SCHEMA, jsonschema.Draft7Validator)

    def test_nothing_secret_has_a_default(self):
        for path, schema in nodes(SCHEMA):
            if path and path[-1].lower().endswith(("existingsecret", "password", "token")):
                value = VALUES
                for key in path:
                    value = value[key]
                self.assertIn(value, ("", None) if not isinstance(value, dict) else (value,), ".".join(path))


if __name__ == "__main__":
    unittest.main()
