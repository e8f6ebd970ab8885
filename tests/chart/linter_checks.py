"""The default checks of kube-linter, by its names, written out: its module is not to be had from every module proxy.

Each check takes the objects of a render and yields what it finds.
"""
import re

import chart

SENSITIVE_PATHS = ("/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr", "/var/run/docker.sock")
SAFE_SYSCTLS = ("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range")


def pods(objects):
    for one in objects:
        pod = chart.pod_of(one)
        if pod:
            yield one, *pod


def all_containers(objects):
    for one, _, spec in pods(objects):
        for container in chart.containers(spec):
            yield one, spec, container


def setting(spec, container, name):
    """Of the container, else of the pod."""
    return container.get("securityContext", {}).get(name, spec.get("securityContext", {}).get(name))


def selects(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def dangling_service(objects):
    labels = [metadata["labels"] for _, metadata, _ in pods(objects) if "labels" in metadata]
    for one in objects:
        if one["kind"] == "Service" and not any(selects(one["spec"]["selector"], each) for each in labels):
            yield one, "selects nothing"


def invalid_target_ports(objects):
    for one in objects:
        if one["kind"] != "Service":
            continue
        chosen = [c for _, metadata, spec in pods(objects) if selects(one["spec"]["selector"], metadata.get("labels", {}))
                  for c in spec["containers"]]
        names = {port["name"] for container in chosen for port in container.get("ports", [])}
        for port in one["spec"]["ports"]:
            if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", port["targetPort"]) or port["targetPort"] not in names:
                yield one, port["targetPort"]


def mismatching_selector(objects):
    for one in objects:
        if one["kind"] in ("Deployment", "StatefulSet") and not selects(
                one["spec"]["selector"]["matchLabels"], one["spec"]["template"]["metadata"]["labels"]):
            yield one, "selects other pods than its own"


def non_existent_service_account(objects):
    accounts = {one["metadata"]["name"] for one in objects if one["kind"] == "ServiceAccount"}
    for one, _, spec in pods(objects):
        if spec.get("serviceAccountName", "default") not in accounts:
            yield one, spec.get("serviceAccountName")


def deprecated_service_account_field(objects):
    return ((one, "serviceAccount") for one, _, spec in pods(objects) if "serviceAccount" in spec)


def host_namespaces(field):
    return lambda objects: ((one, field) for one, _, spec in pods(objects) if spec.get(field))


def host_mounts(paths):
    def check(objects):
        for one, _, spec in pods(objects):
            for volume in spec.get("volumes", []):
                if volume.get("hostPath", {}).get("path") in paths:
                    yield one, volume["name"]
    return check


def container_check(wrong):
    def check(objects):
        for one, spec, container in all_containers(objects):
            found = wrong(spec, container)
            if found:
                yield one, f"{container['name']}: {found}"
    return check


def duplicate_env_var(_, container):
    names = [variable["name"] for variable in container.get("env", [])]
    return [name for name in names if names.count(name) > 1]


def env_var_secret(_, container):
    return [variable["name"] for variable in container.get("env", []) if "secret" in variable["name"].lower() and variable.get("value")]


def latest_tag(_, container):
    return not re.search(r"@sha256:|:(?!latest$)[\w][\w.-]*$", container["image"]) and container["image"]


def drops_all(_, container):
    return "ALL" not in container.get("securityContext", {}).get("capabilities", {}).get("drop", []) and "keeps NET_RAW"


def probe_port(probe):
    def wrong(_, container):
        action = container.get(probe, {})
        ports = {value for port in container.get("ports", []) for value in (port["name"], port["containerPort"])}
        asked = [action[kind]["port"] for kind in ("httpGet", "tcpSocket", "grpc") if kind in action]
        return [port for port in asked if port not in ports]
    return wrong


def unset(kind, *where):
    return lambda _, container: [place for place in where if kind not in container.get("resources", {}).get(place, {})]


def no_anti_affinity(objects):
    for one in objects:
        if one["kind"] == "Deployment" and one["spec"].get("replicas", 2) > 1:
            if "podAntiAffinity" not in one["spec"]["template"]["spec"].get("affinity", {}):
                yield one, "no podAntiAffinity"


def unsafe_sysctls(objects):
    for one, _, spec in pods(objects):
        for sysctl in spec.get("securityContext", {}).get("sysctls", []):
            if sysctl["name"] not in SAFE_SYSCTLS:
                yield one, sysctl["name"]


def budgets(wrong):
    return lambda objects: ((one, one["spec"]) for one in objects if one["kind"] == "PodDisruptionBudget" and wrong(one["spec"]))


def job_ttl(objects):
    for one in objects:
        if one["kind"] == "Job" and "ttlSecondsAfterFinished" not in one["spec"]:
            yield one, "stays for ever"
        if one["kind"] == "CronJob" and "ttlSecondsAfterFinished" in one["spec"]["jobTemplate"]["spec"]:
            yield one, "its history limits say how many stay"


CHECKS = {
    "dangling-service": dangling_service,
    "deprecated-service-account-field": deprecated_service_account_field,
    "docker-sock": host_mounts(("/var/run/docker.sock",)),
    "drop-net-raw-capability": container_check(drops_all),
    "duplicate-env-var": container_check(duplicate_env_var),
    "env-var-secret": container_check(env_var_secret),
    "host-ipc": host_namespaces("hostIPC"),
    "host-network": host_namespaces("hostNetwork"),
    "host-pid": host_namespaces("hostPID"),
    "invalid-target-ports": invalid_target_ports,
    "job-ttl-seconds-after-finished": job_ttl,
    "latest-tag": container_check(latest_tag),
    "liveness-port": container_check(probe_port("livenessProbe")),
    "mismatching-selector": mismatching_selector,
    "no-anti-affinity": no_anti_affinity,
    "no-extensions-v1beta": lambda objects: ((one, "old") for one in objects if one["apiVersion"] == "extensions/v1beta1"),
    "no-read-only-root-fs": container_check(lambda _, c: c.get("securityContext", {}).get("readOnlyRootFilesystem") is not True),
    "non-existent-service-account": non_existent_service_account,
    "pdb-max-unavailable": budgets(lambda spec: spec.get("maxUnavailable") in (0, "0%")),
    "pdb-min-available": budgets(lambda spec: spec.get("minAvailable") == "100%"),
    "pdb-unhealthy-pod-eviction-policy": budgets(lambda spec: spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow"),
    "privilege-escalation-container": container_check(lambda _, c: c.get("securityContext", {}).get("allowPrivilegeEscalation") is not False),
    "privileged-container": container_check(lambda _, c: c.get("securityContext", {}).get("privileged")),
    "readiness-port": container_check(probe_port("readinessProbe")),
    "run-as-non-root": container_check(lambda spec, c: setting(spec, c, "runAsNonRoot") is not True or setting(spec, c, "runAsUser") == 0),
    "sensitive-host-mounts": host_mounts(SENSITIVE_PATHS),
    "ssh-port": container_check(lambda _, c: [port for port in c.get("ports", []) if port["containerPort"] == 22]),
    "startup-port": container_check(probe_port("startupProbe")),
    "unsafe-sysctls": unsafe_sysctls,
    "unset-cpu-requirements": container_check(unset("cpu", "requests")),
    "unset-memory-requirements": container_check(unset("memory", "requests", "limits")),
}
