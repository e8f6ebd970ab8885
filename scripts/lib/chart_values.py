#!/usr/bin/env python3
"""Makes values.schema.json and docs/reference/helm-values.md from the chart's values.yaml, where each value has its words.

usage: chart_values.py [--update]     without it: fails when one of the two is not what values.yaml says

A value's words are the comment behind it or, where that is missing, the lines above it. `@{...}` in them is JSON that is added
to what the schema says by itself; `@{"probe": true}` and the like name one of SHAPES, for values written on one line.
"""
import json
import os
import re
import sys

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "deploy/helm/prismatic")
SCHEMA = os.path.join(CHART, "values.schema.json")
TABLE = os.path.join(ROOT, "docs/reference/helm-values.md")


def text(words, **more):
    return {"type": "string", "description": words, **more}


def number(words, **more):
    return {"type": "integer", "description": words, **more}


def switch(words):
    return {"type": "boolean", "description": words}


def strings(words):
    return {"type": "object", "description": words, "additionalProperties": {"type": "string"}}


PEERS = {"type": "array", "items": {"type": "object", "minProperties": 1}, "description": "NetworkPolicy peers; none: nobody."}
INGRESS = {
    "enabled": switch("Make an Ingress."), "className": text("Its class."), "annotations": strings("Its annotations."),
    "host": text("Its host name; required when enabled."), "tlsSecret": text("The Secret of its certificate.")}
# Values that stand on one line: what their members are.
SHAPES = {
    "image": {"repository": text("Name of the image.", minLength=1), "tag": text("Tag; the digest wins."),
              "digest": text("Digest, which wins over the tag.", pattern="^(sha256:[0-9a-f]{64})?$")},
    "probe": {"periodSeconds": number("Seconds between two looks.", minimum=1),
              "timeoutSeconds": number("Seconds that an answer may take.", minimum=1),
              "failureThreshold": number("Failures in a row that count.", minimum=1)},
    "autoscaling": {"enabled": switch("Make a HorizontalPodAutoscaler; replicaCount does not count then."),
                    "minReplicas": number("Never fewer.", minimum=1), "maxReplicas": number("Never more.", minimum=1),
                    "targetCPUUtilizationPercentage": number("Average use of the requested CPU to aim at.", minimum=1)},
    "pdb": {"enabled": switch("Make a PodDisruptionBudget where there can be several replicas."),
            "maxUnavailable": {"type": ["integer", "string"], "minimum": 1, "pattern": "^([1-9][0-9]?|100)%$",
                               "description": "Pods, or a share such as 25%, that evictions may take; none would keep nodes from being emptied."}},
    "account": {"create": switch("Make it."), "name": text("Its name; empty: the component's."), "annotations": strings("Its annotations.")},
    "service": {"type": text("Kind of Service.", enum=["ClusterIP", "NodePort", "LoadBalancer"]),
                "port": number("Its port.", minimum=1, maximum=65535),
                "nodePort": {"type": ["integer", "null"], "description": "Its port on nodes; null: any."},
                "loadBalancerSourceRanges": {"type": "array", "items": {"type": "string"}, "description": "Who may use the load balancer."},
                "externalTrafficPolicy": text("How traffic from outside is routed.", enum=["", "Cluster", "Local"])},
    "ingress": INGRESS,
    "peers": {"from": PEERS},
    "address": {"host": text("Host name or address; users and passwords come from Secrets.", pattern="^[^@/\\s]*$"), "port": number("Port.", minimum=1, maximum=65535)},
    "upstreamCa": {"existingSecret": text("The Secret that holds the authorities."), "key": text("Its key in the Secret.", minLength=1)},
    "monitor": {"enabled": switch("Make a ServiceMonitor."), "interval": text("Time between two scrapes.", pattern="^[0-9]+(s|m)$"),
                "labels": strings("Labels by which Prometheus selects it.")},
    "rules": {"enabled": switch("Make a PrometheusRule."), "labels": strings("Labels by which Prometheus selects it.")},
    "dashboards": {"enabled": switch("Make the ConfigMap."), "labels": strings("Labels by which Grafana's sidecar finds it."),
                   "annotations": strings("Its annotations, such as the folder.")},
}
# Lists on one line: what their items are. A rule without `to` would open everything, and one with empty ports all ports.
LISTS = {
    "egressRules": {"type": "object", "additionalProperties": False, "required": ["to"], "properties": {
        "to": {"type": "array", "minItems": 1, "items": {"type": "object", "minProperties": 1}},
        "ports": {"type": "array", "minItems": 1, "items": {"type": "object", "minProperties": 1}}}},
}
# Objects of Kubernetes' own: passed on, and checked by the API server.
FOREIGN = {"resources", "affinity"}
TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def comments(lines):
    """path -> its words, of every key that begins a line."""
    found, stack, above = {}, [], []
    for line in lines:
        if re.match(r"^\s*# ", line):
            above.append(line.strip()[2:])
            continue
        match = re.match(r"^( *)([A-Za-z][\w.]*):(.*)$", line)
        if not match:
            above = []
            continue
        while stack and stack[-1][0] >= len(match[1]):
            stack.pop()
        stack.append((len(match[1]), match[2]))
        behind = re.search(r"(?:^|\s)# (.*)$", match[3])
        words = " ".join(above) + (" " + behind[1] if behind else "")
        found[tuple(name for _, name in stack)] = words.strip()
        above = []
    return found


def words_and_more(words):
    """The words without `@{...}`, and what that says."""
    at = words.find("@{")
    if at < 0:
        return words, {}
    more, end = json.JSONDecoder().raw_decode(words[at + 1:])
    return (words[:at] + words[at + 1 + end:]).strip(), more


def node(path, value, found):
    """The schema of a value."""
    words, more = words_and_more(found.get(path, ""))
    if not words:
        raise SystemExit(f"values.yaml: {'.'.join(path)} has no words")
    shape = next((name for name in more if name in SHAPES), None)
    schema = {"description": words}
    if shape:
        return {**schema, "type": "object", "additionalProperties": False, "properties": SHAPES[shape]}
    schema["type"] = "null" if value is None else TYPES[type(value)]
    if isinstance(value, dict):
        inner = {} if "additionalProperties" in more or path[-1] in FOREIGN else {
            key: node(path + (key,), below, found) for key, below in value.items()}
        schema["additionalProperties"] = path[-1] in FOREIGN
        if inner:
            schema["properties"] = inner
    items = next((name for name in more if name in LISTS), None)
    if items:
        return {**schema, "items": LISTS[items]}
    if "enum" in more and None in more["enum"]:
        schema["type"] = ["string", "null"]
    return {**schema, **more}


def schema_of(values, found):
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the Prismatic chart",
        "type": "object",
        "additionalProperties": False,
        "properties": {**{key: node((key,), value, found) for key, value in values.items()},
                       "global": {"type": "object", "description": "Helm's own: values shared with a parent chart. Not used."}},
    }


def shown(value):
    written = json.dumps(value)
    return f"`{written}`" if len(written) <= 120 else "see values.yaml"


def rows(path, value, schema, found):
    words = schema["description"].replace("|", "\\|")
    if isinstance(value, dict) and any(path + (key,) in found for key in value):
        yield f"| **`{'.'.join(path)}`** | | {words} |"
        for key, below in value.items():
            yield from rows(path + (key,), below, schema["properties"][key], found)
    else:
        yield f"| `{'.'.join(path)}` | {shown(value)} | {words} |"


def table_of(values, schema, found):
    lines = ["# Values of the Helm chart", "",
             "Made from `deploy/helm/prismatic/values.yaml` by `scripts/check-chart --update`; do not edit. "
             "[Deploy on Kubernetes](../how-to/deploy-on-kubernetes.md) says which ones matter when.", "",
             "Every key that is not here is refused. `resources`, `affinity` and lists of objects are Kubernetes' own and are passed on.", "",
             "| value | default | meaning |", "|---|---|---|"]
    for key, value in values.items():
        lines += rows((key,), value, schema["properties"][key], found)
    return "\n".join(lines) + "\n"


def made():
    """path of a file -> what it should hold."""
    with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
        source = file.read()
    values, found = yaml.safe_load(source), comments(source.splitlines())
    schema = schema_of(values, found)
    return {SCHEMA: json.dumps(schema, indent=2) + "\n", TABLE: table_of(values, schema, found)}


def main():
    stale = []
    for path, content in made().items():
        if "--update" in sys.argv:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        elif not os.path.exists(path) or open(path, encoding="utf-8").read() != content:
            stale.append(os.path.relpath(path, ROOT))
    for path in stale:
        print(f"{path} is not what values.yaml says: scripts/check-chart --update")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
