"""The chart's table of connections, and what it lets through between addresses."""
import collections
import os

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "deploy/helm/prismatic")
# Ports of peers that neither the table nor the values number: where sentinels are looked for when no port is given.
SENTINEL_PORT = 26379
INTERNET, PROVIDER_NETWORKS = "internet", "provider-networks"

Row = collections.namedtuple("Row", ("source", "target", "port"))


class Table:
    """files/connections.yaml, with the chart's own values for what it leaves to them."""

    def __init__(self):
        with open(os.path.join(CHART, "files/connections.yaml"), encoding="utf-8") as file:
            table = yaml.safe_load(file)
        with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
            self.values = yaml.safe_load(file)
        self.ports = table["ports"]
        self.rows = [Row(row["from"], row["to"], row["port"]) for row in table["connections"]]
        self.egress = self.values["networkPolicy"]["egress"]

    def between(self, roles):
        """The rows whose both ends are there."""
        return [row for row in self.rows if row.source in roles and row.target in roles]

    def numbers(self, row):
        """[(protocol, port)] of a row; port None is any."""
        if row.target in self.ports:
            return [("tcp", self.ports[row.target][row.port])]
        if row.port == "dns":
            return [(protocol, port) for protocol in ("udp", "tcp") for port in self.values["networkPolicy"]["dns"]["ports"]]
        if row.target == INTERNET:
            return [("tcp", port) for port in self.egress["ports"]]
        return [("tcp", {"redis": self.values["redis"]["external"]["port"], "sentinel": SENTINEL_PORT, "any": None}[row.port])]

    def rules(self, rows, addresses):
        """What Network.allow() takes, for roles at addresses, or at sets of them as nftables has them."""
        rules = []
        for row in rows:
            target = addresses[row.target]
            if row.target == INTERNET:
                target = "!= { " + ", ".join(self.egress["except"]) + " }"
            rules += [(addresses[row.source], target, *number) for number in self.numbers(row)]
        return rules

    def ports_of(self, role):
        """The ports that a component of the chart listens on."""
        return self.ports.get(role, {})
