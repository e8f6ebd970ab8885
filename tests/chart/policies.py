"""What network policies allow, as Kubernetes reads them: a connection needs an egress rule of the one and an ingress rule of the other."""
import ipaddress


class Pod:
    def __init__(self, labels, namespace="images"):
        self.labels, self.namespace = labels, namespace


class Host:
    """Something that is no pod."""

    def __init__(self, address):
        self.address = ipaddress.ip_address(address)


def selected(selector, labels):
    return all(labels.get(key) == value for key, value in (selector or {}).get("matchLabels", {}).items())


def peer_matches(peer, end, own_namespace):
    if "ipBlock" in peer:
        if not isinstance(end, Host):
            return False
        inside = [ipaddress.ip_network(net) for net in [peer["ipBlock"]["cidr"], *peer["ipBlock"].get("except", [])]]
        return end.address in inside[0] and not any(end.address in net for net in inside[1:])
    if not isinstance(end, Pod):
        return False
    if "namespaceSelector" in peer:
        if not selected(peer["namespaceSelector"], {"kubernetes.io/metadata.name": end.namespace}):
            return False
    elif end.namespace != own_namespace:
        return False
    return selected(peer.get("podSelector"), end.labels)


def rule_allows(rule, direction, other, port, protocol, namespace):
    peers, ports = rule.get(direction), rule.get("ports")
    return (not peers or any(peer_matches(peer, other, namespace) for peer in peers)) and (
        not ports or any(one["port"] == port and one.get("protocol", "TCP") == protocol for one in ports))


class Policies:
    def __init__(self, objects, namespace):
        self.namespace = namespace
        self.specs = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]

    def side_allows(self, kind, direction, pod, other, port, protocol):
        """Whether the policies that select a pod let it be asked by, or ask, another."""
        if not isinstance(pod, Pod) or pod.namespace != self.namespace:
            return True
        mine = [spec for spec in self.specs if kind.capitalize() in spec["policyTypes"] and selected(spec["podSelector"], pod.labels)]
        return not mine or any(rule_allows(rule, direction, other, port, protocol, self.namespace)
                               for spec in mine for rule in spec.get(kind, []))

    def allow(self, source, target, port, protocol="TCP"):
        return (self.side_allows("egress", "to", source, target, port, protocol) and
                self.side_allows("ingress", "from", target, source, port, protocol))
