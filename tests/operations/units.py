"""deploy/systemd, read as systemd reads it: a unit with its drop-ins, and what its filters leave."""
import glob
import os
import re
import shutil
import subprocess

from suite import ROOT

FOLDER = os.path.join(ROOT, "deploy/systemd")
SERVICES = ("registry", "billing", "provider-proxy", "gateway")
ALL = (*SERVICES, "all-in-one")
INSTALLED = "/usr/local/bin/"
DEBIAN = "/lib/systemd/system"


def unit_of(service):
    return f"prismatic-{service}.service"


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    return [line.partition("=")[::2] for line in text.splitlines() if re.match(r"^[A-Z]\w*=", line)]


def settings(service):
    """{name: its values in order}, drop-ins after the unit."""
    found = {}
    for path in [os.path.join(FOLDER, unit_of(service)), *sorted(glob.glob(FOLDER + "/prismatic-.service.d/*.conf"))]:
        for name, value in lines_of(path):
            found.setdefault(name, []).append(value)
    return found


def group(name):
    """The system calls of one of systemd's groups, of groups within it too."""
    told = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", name], check=True, capture_output=True,
                          text=True).stdout
    calls = set()
    for line in told.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            calls |= group(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def allowed_calls(service):
    """What SystemCallFilter= leaves, the lines taken in order."""
    allowed = group("@default")
    for line in settings(service)["SystemCallFilter"]:
        words = line.removeprefix("~").split()
        calls = set().union(*(group(word) if word.startswith("@") else {word} for word in words))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def debians_part(folder):
    """Units of packages, and Redis itself."""
    debian = os.path.join(folder, "usr/lib/systemd/system")
    os.makedirs(debian)
    for path in [*glob.glob(DEBIAN + "/*.target"), DEBIAN + "/redis-server@.service"]:
        shutil.copy(path, debian)
    put_program(folder + "/usr/bin/redis-server")


def put_program(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n")
    os.chmod(path, 0o755)


def installed_root(folder):
    """A tree in which the units lie where the manual puts them, with something to execute in the place of each program."""
    system = os.path.join(folder, "etc/systemd/system")
    os.makedirs(system)
    for path in glob.glob(FOLDER + "/*.service"):
        shutil.copy(path, system)
    for path in glob.glob(FOLDER + "/*.d"):
        shutil.copytree(path, os.path.join(system, os.path.basename(path)))
    debians_part(folder)
    for service in ALL:
        put_program(f"{folder}{INSTALLED}prismatic-{service}")
    return folder


def exposure(root, unit):
    """systemd's own estimate in tenths: 100 is no hardening at all."""
    told = subprocess.run(["systemd-analyze", "--no-pager", "security", "--offline=yes", "--root=" + root, unit],
                          check=False, capture_output=True, text=True)
    found = re.search(r"Overall exposure level for .*?: ([0-9.]+)", told.stdout)
    if not found:
        raise AssertionError(told.stdout + told.stderr)
    return round(float(found[1]) * 10)
