#!/usr/bin/env python3
"""Makes strict JSON Schemas for kubeconform, a file for each kind, from Kubernetes' OpenAPI document and from CRDs.

usage: kubernetes_schemas.py FOLDER SWAGGER_JSON [CRD_YAML]...
"""
import json
import os
import sys

import yaml

# What the API server takes as a number or as a text.
EITHER = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
QUANTITY = {"oneOf": [{"type": "string"}, {"type": "number"}]}


def strict(schema):
    """The same, refusing members that it does not name, with local references."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string":
        return EITHER
    kept = {key: strict(value) for key, value in schema.items() if not key.startswith("x-kubernetes") and key not in ("description", "format")}
    if "properties" in kept and "additionalProperties" not in kept:
        kept["additionalProperties"] = False
    return kept


def references(schema, found):
    """Adds the names of all definitions that a schema refers to."""
    if isinstance(schema, list):
        for one in schema:
            references(one, found)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            found.add(schema["$ref"].rsplit("/", 1)[1])
        for value in schema.values():
            references(value, found)


def closure(name, definitions):
    """A definition and all that it refers to, directly or not."""
    wanted, open_ones = {}, {name}
    while open_ones:
        one = open_ones.pop()
        if one not in wanted:
            wanted[one] = definitions[one]
            references(definitions[one], open_ones)
    return wanted


def write(folder, group, version, kind, schema):
    """As kubeconform looks for it."""
    parts = [kind.lower()] + ([group.split(".")[0]] if group else []) + [version]
    schema["properties"] = {**schema["properties"], "kind": {"type": "string", "enum": [kind]},
                            "apiVersion": {"type": "string", "enum": [f"{group}/{version}" if group else version]}}
    schema["required"] = sorted({"apiVersion", "kind", *schema.get("required", [])})
    with open(os.path.join(folder, "-".join(parts) + ".json"), "w", encoding="utf-8") as file:
        json.dump(schema, file)


def main():
    folder, swagger, crds = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(swagger, encoding="utf-8") as file:
        source = json.load(file)["definitions"]
    definitions = {name: strict(schema) for name, schema in source.items()}
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = QUANTITY
    os.makedirs(folder, exist_ok=True)
    for name, schema in source.items():
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1 and "apiVersion" in schema.get("properties", {}):
            write(folder, *(kinds[0][key] for key in ("group", "version", "kind")),
                  {**definitions[name], "definitions": closure(name, definitions)})
    metadata = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    for path in crds:
        with open(path, encoding="utf-8") as file:
            spec = yaml.safe_load(file)["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = metadata
            schema["definitions"] = closure(metadata["$ref"].rsplit("/", 1)[1], definitions)
            write(folder, spec["group"], version["name"], spec["names"]["kind"], schema)


if __name__ == "__main__":
    main()
