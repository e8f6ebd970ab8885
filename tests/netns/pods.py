"""The chart's own pods, as `helm template` renders them, run by hand: their commands, arguments, environment and volumes, as
their user, without capabilities and on a root that is read-only. What a node does with images is left out: each container sees
this machine's files, and the suite's programs in /usr/local/bin."""
import itertools
import os
import shlex
import subprocess
import sys

import connections
import yaml
from namespaces import ROUTER, clean_environment, run
from stack import METERS_NAME, NAMESPACE, PRIVATE, RELEASE, Stack

sys.path.insert(0, os.path.join(connections.ROOT, "tests/chart"))
from policies import Host, Pod, Policies  # noqa: E402

ADMIN_NAMESPACE = "ingress-internal"
# What the chart is told beside the least that it needs.
VALUES = {
    "adminToken": {"existingSecret": "prismatic-admin"}, "redis": {"auth": {"existingSecret": "prismatic-redis"}},
    "sandbox": {"enabled": True}, "tools": {"enabled": True}, "ledgerExport": {"enabled": True},
    "billing": {"meters": {"enabled": True, "existingSecret": "prismatic-meters", "trusted": [METERS_NAME]}},
    "networkPolicy": {
        "adminIngress": {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ADMIN_NAMESPACE}}}]},
        "egress": {"allow": [{"to": [{"ipBlock": {"cidr": PRIVATE + "/32"}}]}]}}}
KUBERNETES = "1.34.0"
# Where Services without a headless name have their one address; the router hands what comes there to a pod.
FIRST_SERVICE_ADDRESS = (10, 96, 0, 10)
AS_RUN_HERE = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
CONTAINER = """set -eu
mkdir -p {root} && mount -t tmpfs none {root} && mkdir {root}/upper {root}/work {root}/root
mount -t overlay overlay -o lowerdir=/,upperdir={root}/upper,workdir={root}/work {root}/root
{mounts}
mount --rbind /proc {root}/root/proc && mount --rbind /dev {root}/root/dev
mount -o remount,ro {root}/root
exec /usr/sbin/chroot {root}/root setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs --inh-caps=-all \
--bounding-set=-all "$@"
"""
# As a node's own gRPC probe: prints SERVING, or what else the server says.
GRPC_PROBE = """
import sys, grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
with grpc.insecure_channel(sys.argv[1]) as channel:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=sys.argv[2]), timeout=5)
print(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
"""


class RenderedStack(Stack):
    """One replica of everything that the chart renders."""

    def __init__(self, binaries, helm):
        self.objects = render(helm)
        super().__init__(binaries, twice=())

    # --- layout ---
    def _lay_out(self):
        super()._lay_out()
        names, rules = self.name_server.names, []
        for number, service in enumerate(self.of_kind("Service")):
            component = service["spec"]["selector"]["app.kubernetes.io/component"]
            if service["spec"].get("clusterIP") == "None":
                addresses = self.replicas(component)
            else:
                addresses = [".".join(map(str, (*FIRST_SERVICE_ADDRESS[:3], FIRST_SERVICE_ADDRESS[3] + number)))]
                for port in service["spec"]["ports"]:
                    rules.append(f"ip daddr {addresses[0]} tcp dport {port['port']} dnat to "
                                 f"{self.addresses[component]}:{self.port(component, port['targetPort'])}")
            names[f"{service['metadata']['name']}.{NAMESPACE}.svc"] = addresses
        with self.network.inside(ROUTER):
            run("nft", "-f", "-", text="\n".join(["table ip services {", "  chain prerouting {",
                                                  "    type nat hook prerouting priority dstnat;", *rules, "  }", "}", ""]))

    def open_all(self, but=None, cut=()):
        """What the rendered network policies allow, whatever the table says."""
        policies, ends, rules = Policies(self.objects, NAMESPACE), self.ends(), []
        for source, target in itertools.permutations(ends, 2):
            numbers = [("tcp", number) for number in (*self.table.ports_of(target).values(), 53, 443, 9100)] + [("udp", 53)]
            rules += [(self.addresses[source], self.addresses[target], protocol, number) for protocol, number in numbers
                      if policies.allow(ends[source], ends[target], number, protocol.upper())]
        self.network.allow(rules)

    def ends(self):
        """Each role as policies see it: its labels and its namespace, or its address."""
        ends = {item["metadata"]["labels"]["app.kubernetes.io/component"]: Pod(item["metadata"]["labels"], NAMESPACE)
                for item in self.templates()}
        client = {"prismatic.dev/billing-client": "true"}
        ends |= {"ingress": Pod({}, "ingress-nginx"), "admin-ingress": Pod({}, ADMIN_NAMESPACE),
                 "prometheus": Pod({}, "monitoring"), "billing-clients": Pod(client, NAMESPACE),
                 "meters": Pod(client, NAMESPACE), "stranger": Pod({}, NAMESPACE),
                 "dns": Pod({"k8s-app": "kube-dns"}, "kube-system")}
        return ends | {role: Host(address) for role, address in self.addresses.items() if role not in ends}

    def templates(self):
        """The pod templates of all that runs pods, and the pods."""
        for item in self.objects:
            spec = item["spec"]["jobTemplate"]["spec"] if item["kind"] == "CronJob" else item.get("spec", {})
            if item["kind"] == "Pod" or "template" in spec:
                yield spec.get("template", item)

    def of_kind(self, kind):
        return [item for item in self.objects if item["kind"] == kind]

    def pod(self, role):
        """The spec of a component's pod."""
        return next(item["spec"] for item in self.templates()
                    if item["metadata"]["labels"]["app.kubernetes.io/component"] == role)

    # --- volumes ---
    def secrets(self):
        def content(name):
            with open(self.file(name), encoding="utf-8") as file:
                return file.read()
        return {"prismatic-admin": {"token": self.admin_token},
                "prismatic-redis": {f"{user}-password": content("secrets/" + user) for user in ("billing", "registry")},
                "prismatic-meters": {key: content("tls/" + file) for key, file in (
                    ("tls.crt", "billing.crt"), ("tls.key", "billing.key"), ("ca.crt", "ca.crt"))}}

    def volume(self, role, volume, group):
        """The folder of a pod's volume, made as a node makes it."""
        folder = self.file(f"volumes/{role}/{volume['name']}")
        if os.path.exists(folder):
            return folder
        os.makedirs(folder)
        content, wanted, mode = {}, None, 0o644
        if "secret" in volume:
            content, wanted = self.secrets()[volume["secret"]["secretName"]], volume["secret"].get("items")
            mode = volume["secret"].get("defaultMode", mode)
        elif "configMap" in volume:
            name, wanted = volume["configMap"]["name"], volume["configMap"].get("items")
            content = next(item["data"] for item in self.of_kind("ConfigMap") if item["metadata"]["name"] == name)
        else:
            os.chmod(folder, 0o2770)  # emptyDir or a claim
        for item in wanted or [{"key": key, "path": key} for key in content]:
            path = self.file(f"volumes/{role}/{volume['name']}/{item['path']}", content[item["key"]])
            os.chown(path, 0, group)
            os.chmod(path, mode)
        os.chown(folder, 0, group)
        return folder

    # --- containers ---
    def container(self, role, container, command=None):
        """The command that runs a container, or another command in it."""
        spec = self.pod(role)
        context = spec["securityContext"]
        if container["securityContext"] != AS_RUN_HERE:
            raise AssertionError(f"{role}: CONTAINER does not run it with {container['securityContext']}")
        volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
        root = self.file(f"roots/{role}-{container['name']}")
        mounts = [(self.binaries, "/usr/local/bin", True)]
        for mount in container.get("volumeMounts") or ():
            folder = self.volume(role, volumes[mount["name"]], context["fsGroup"])
            mounts.append((folder, mount["mountPath"], mount.get("readOnly")))
        lines = [f"mount --bind /etc/resolv.conf {root}/root/etc/resolv.conf"]
        for source, target, read_only in mounts:
            place = shlex.quote(f"{root}/root{target}")
            # This machine may have a folder of that name, such as Redis' own, which is not for everybody.
            lines.append(f"mkdir -p {place} && chmod a+x {place}/.. && mount --bind {shlex.quote(source)} {place}")
            if read_only:
                lines.append(f"mount -o remount,bind,ro {place}")
        script = self.file(root.removeprefix(self.network.folder + "/") + ".sh", CONTAINER.format(
            root=root, mounts="\n".join(lines), user=context["runAsUser"], group=context["runAsGroup"]))
        program = container.get("command") or ["prismatic-" + role]  # as the images have it
        environment = {each["name"]: each["value"] for each in container.get("env") or ()}
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", **environment}
        return ["sh", script, "env", "-i", *(f"{name}={value}" for name, value in environment.items()),
                *(command or [*program, *(container.get("args") or ())])]

    def run_pod(self, role):
        """A pod that ends: its result."""
        return self.network.call(role, self.container(role, self.pod(role)["containers"][0]), timeout=60)

    def probe(self, role, name):
        """What a pod's startupProbe, readinessProbe or livenessProbe says, asked as a node asks it: "" when it is well."""
        probe = self.pod(role)["containers"][0][name]
        if "exec" in probe:
            done = self.execute(role, *probe["exec"]["command"])
            return "" if done.returncode == 0 else done.stdout + done.stderr
        address = self.addresses[role]
        if "httpGet" in probe:
            url = f"http://{address}:{self.number(role, probe['httpGet']['port'])}{probe['httpGet']['path']}"
            done = self.network.call(role, ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url])
            return "" if done.stdout == "200" else done.stdout + done.stderr
        grpc = probe["grpc"]
        done = self.network.call(role, [sys.executable, "-c", GRPC_PROBE, f"{address}:{grpc['port']}", grpc.get("service", "")])
        return "" if done.stdout.strip() == "SERVING" else done.stdout + done.stderr[-300:]

    def number(self, role, port):
        return self.port(role, port) if isinstance(port, str) else port

    def execute(self, role, *command):
        """A command in a pod's container, as `kubectl exec` and probes run it; its result."""
        return self.network.call(role, self.container(role, self.pod(role)["containers"][0], command))

    def start(self, role):
        spec = self.pod(role)
        for container in spec.get("initContainers") or ():
            done = self.network.call(role, self.container(role, container))
            if done.returncode != 0:
                raise AssertionError(f"{role}'s {container['name']}: {done.stderr}")
        self.network.start(role, self.container(role, spec["containers"][0]))
        self.await_listening(role)

    def _start_redis(self):
        self.start("redis")


def render(helm):
    """The objects that the chart gives for VALUES."""
    command = [helm, "template", RELEASE, connections.CHART, "-n", NAMESPACE, "--kube-version", KUBERNETES, "-f", "-"]
    done = subprocess.run(command, input=yaml.safe_dump(VALUES), capture_output=True, text=True, timeout=60, check=False,
                          env=clean_environment())
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [item for item in yaml.safe_load_all(done.stdout) if item]
