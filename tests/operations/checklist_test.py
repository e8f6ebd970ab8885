#!/usr/bin/env python3
"""docs/how-to/production-checklist.md: each command says yes on a suite that is well, and no where its thing is wrong.

usage: checklist_test.py [--bin DIR] [unittest arguments]
"""
import json
import os
import re
import socket
import sys
import tempfile
import unittest

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("e2e", "chaos", "chart")]
import hosts  # noqa: E402
import restore_test  # noqa: E402
from pages import blocks, typed  # noqa: E402
from policies import Pod, Policies  # noqa: E402
from suite import ROOT, wait_until  # noqa: E402
from units import SERVICES  # noqa: E402

PAGE = os.path.join(ROOT, "docs/how-to/production-checklist.md")
SECTIONS = ("Money", "Backups", "Safety", "The suite")
METRICS = {9464: "gateway", 9465: "registry", 9466: "billing", 9467: "provider-proxy"}


def read_page():
    with open(PAGE, encoding="utf-8") as page:
        return page.read()


def rows():
    """{what: the command that looks}"""
    found = {}
    for section in SECTIONS:
        text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", read_page(), re.M | re.S)[1]
        for what, command in re.findall(r"^\| (.+?) \| `((?:[^`\\]|\\.)+)` \| .* \|$", text, re.M):
            found[what] = command.replace("\\|", "|")
    return found


class ChecklistTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = hosts.Host()
        cls.addClassCleanup(cls.host.close)
        hosts.start_all(cls.host)
        cls.host.told("account", "create", "acme", "--wallet-usd", "5", "--requests-per-minute", "600")
        cls.key = cls.host.told("key", "create", "--account", "acme")["api_key"]
        password = cls.host.path("state/prismatic-registry/owner-password")
        wait_until(lambda: os.path.exists(password), 10, "the first owner")  # made behind the start
        os.remove(password)
        cls.change_the_first_password()

    @classmethod
    def change_the_first_password(cls):
        """So that `doctor` has nothing to say about it."""
        cls.host.told("operator", "reset-password", "owner")

    def look(self, what):
        """The exit code of a line's command, in this test's folder and on its ports."""
        host, port = self.host, self.host.ports
        preamble = re.search(r"^```sh\n(.*?)^```$", read_page(), re.M | re.S)[1]
        named = [("http://127.0.0.1:8080", "http://" + host.address("public")), ("-p 6379", f"-p {port['redis']}"),
                 ("/var/backups/prismatic", host.path("backups")), ("/etc/prismatic/secrets", host.path("secrets")),
                 ("/etc/redis/prismatic-users.acl", host.path("users.acl")),
                 ("/var/lib/prismatic-registry", host.path("state/prismatic-registry")),
                 ("7102|7202|8081|6379|946[4-7]", "|".join(str(port[name]) for name in (
                     "registry_admin", "billing_admin", "admin", "redis"))), ("/tmp/lighthouse", host.path("lighthouse")),
                 ("for port in 9464 9465 9466 9467", "for port in " + " ".join(
                     str(port["metrics_" + METRICS[number]]) for number in METRICS))]
        done = typed(preamble + rows()[what], host.folder, {
            **hosts.clean_environment(), **host.settings_of_cli(), "PRISMATIC_API_KEY": self.key,
            "PATH": hosts.BIN + ":" + os.environ["PATH"]}, named)
        return done.returncode, done.stdout + done.stderr

    def yes(self, what):
        code, said = self.look(what)
        self.assertEqual(code, 0, f"{what}: {said}")

    def no(self, what):
        code, said = self.look(what)
        self.assertNotEqual(code, 0, f"{what}: {said}")

    def back_up(self):
        story = restore_test.RestoreTest()
        story.host = self.host
        story.replaced = [("/var/backups/prismatic", self.host.path("backups")),
                          ("/etc/prismatic/secrets", self.host.path("secrets"))]
        for number in (restore_test.SNAPSHOT, restore_test.EXPORT):
            story.type("Back up", number)

    def test_a_suite_that_is_well_passes_every_line(self):
        self.assertGreater(len(rows()), 20)
        self.assertEqual(len(rows()), sum(line.startswith("| ") for line in read_page().partition("## By hand")[0]
                                          .splitlines()) - len(SECTIONS), "a line that is not read")
        self.back_up()
        for what in rows():
            with self.subTest(what):
                self.yes(what)

    def test_settings_of_redis_that_are_wrong_are_seen(self):
        for what, name, wrong in (
                ("Redis keeps a file", "appendonly", "no"), ("and waits for the disk", "appendfsync", "everysec"),
                ("Redis throws nothing away", "maxmemory-policy", "allkeys-lru"),
                ("Redis knows its limit", "maxmemory", "0"), ("and is far from it", "maxmemory", "2000000"),
                ("a loss of quota is no surprise", "min-replicas-to-write", "1")):
            right = self.host.redis("CONFIG", "GET", name)[1].decode()
            with self.subTest(what):
                self.host.redis("CONFIG", "SET", name, wrong)
                self.no(what)
            self.host.redis("CONFIG", "SET", name, right)
            self.yes(what)

    def test_users_that_are_wrong_are_seen(self):
        for what, *rule in (("a restart of Redis forgets nobody", "default", "-@all"),
                            ("a restart of Redis forgets nobody", "default", "resetkeys", "~x*"),
                            ("one user for each service", "prismatic-billing", "off")):
            with self.subTest(what):
                self.host.redis("ACL", "SETUSER", *rule)
                self.no(what)
            self.host.redis("ACL", "LOAD")
            self.yes(what)

    def test_books_and_limits_that_are_wrong_are_seen(self):
        host = self.host
        account, = (key for key in host.redis("KEYS", "*:acct:acme"))
        right = host.redis("HGET", account, "bal")
        host.redis("HSET", account, "bal", int(right) + 1)
        self.no("the books add up")
        host.redis("HSET", account, "bal", right)
        self.yes("the books add up")
        host.told("account", "create", "greedy")
        self.no("every account has limits")
        host.told("account", "update", "greedy", "--requests-per-minute", "5")
        self.yes("every account has limits")

    def test_backups_that_are_wrong_are_seen(self):
        self.back_up()
        folder = self.host.path("backups")
        newest = sorted(name for name in os.listdir(folder) if name.endswith(".rdb"))[-1]
        with open(os.path.join(folder, newest), "rb+") as file:
            whole = file.read()
            file.truncate(50)
        self.no("and can be read")
        with open(os.path.join(folder, newest), "wb") as file:
            file.write(whole)
        os.utime(os.path.join(folder, newest), (0, 0))
        others = [name for name in os.listdir(folder) if name.endswith(".rdb") and name != newest]
        for name in others:
            os.remove(os.path.join(folder, name))
        self.no("a snapshot is younger than two hours")
        os.utime(os.path.join(folder, newest))
        ledger = os.path.join(folder, "ledgers/acme.jsonl")
        with open(ledger, encoding="utf-8") as file:
            right = file.read()
        self.host.write("backups/ledgers/acme.jsonl", right.replace('"amount_usd":"5"', '"amount_usd":"6"').replace(
            '"amount_nano_usd":5000000000', '"amount_nano_usd":6000000000'))
        self.no("and are the books")
        os.remove(ledger)
        for name in os.listdir(os.path.join(folder, "ledgers")):
            os.remove(os.path.join(folder, "ledgers", name))
        self.no("ledgers are copied")

    def test_what_is_open_to_all_is_seen(self):
        host = self.host
        os.chmod(host.path("secrets/admin-token"), 0o644)
        self.no("secrets are root's alone")
        os.chmod(host.path("secrets/admin-token"), 0o600)
        users = host.read("users.acl")
        host.write("users.acl", users + "user x on >change-this\n")
        self.no("no password is the one of the manual")
        host.write("users.acl", users)
        host.write("state/prismatic-registry/owner-password", "x")
        self.no("the first owner's password is gone")
        os.remove(host.path("state/prismatic-registry/owner-password"))
        right = host.ports["admin"]
        with socket.create_server(("0.0.0.0", 0)) as stranger:
            host.ports["admin"] = stranger.getsockname()[1]
            self.no("admin ports, Redis and metrics are not public")
        host.ports["admin"] = right

    def test_a_suite_that_is_ill_is_seen(self):
        host = self.host
        host.told("model", "price", "imagen-4", "--none")
        self.no("each model has a price")
        host.told("model", "price", "imagen-4", "--usd", "0.04")
        right = host.ports["sandbox"]
        host.kill("sandbox")
        self.no("a provider answers, and its key is right")
        self.no("a picture can be bought")
        host.ports["sandbox"] = right
        host.start_sandbox()
        wait_until(lambda: host.generate(self.key)[0] == 200, 60, "a picture")
        host.kill("gateway")
        for what in ("the gateway is ready", "each process can be measured", "nothing usual is wrong"):
            self.no(what)
        host.start_service(SERVICES[-1])
        host.wait_ready()


# Answers as a cluster with these policies would. POLICIES=no: nobody enforces them. NET=no: nothing reaches anything.
KUBECTL = r"""kubectl() {
  echo "$*" >> asked
  case "$1 $2 $*" in
    run*component=test*) [ "$NET" = no ] && phase=Failed || phase=Succeeded ;;
    run*) [ "$POLICIES" = no ] && phase=Succeeded || phase=Failed ;;
    wait*) [ "$3" = "--for=jsonpath={.status.phase}=$phase" ] ;;
    *get*deploy*) cat seconds ;;
  esac
}
"""


class KubernetesTest(unittest.TestCase):
    """The cluster's part: its script and its rows with a kubectl that answers for a cluster; names and labels as the chart renders
    them."""

    @classmethod
    def setUpClass(cls):
        with open(os.path.join(ROOT, "tests/chart/golden/minimal.yaml"), encoding="utf-8") as file:
            cls.objects = [one for one in yaml.safe_load_all(file) if one]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_in_cluster(self, command, **environment):
        named = [("RELEASE-prismatic", "prismatic"), ("RELEASE", "prismatic")]
        return typed(command, self.folder, {**os.environ, **environment}, named, KUBECTL).returncode

    def asked(self):
        with open(os.path.join(self.folder, "asked"), encoding="utf-8") as file:
            return file.read()

    def test_the_probe_says_yes_only_where_policies_are_enforced_and_it_could_have_passed(self):
        script, = blocks("how-to/production-checklist.md", "On Kubernetes")
        self.assertEqual(self.run_in_cluster(script), 0)
        for name in ("admitted", "stranger"):
            self.assertIn(f"delete pod probe-{name} --now", self.asked())
        self.assertNotEqual(self.run_in_cluster(script, POLICIES="no"), 0)
        self.assertNotEqual(self.run_in_cluster(script, NET="no"), 0)

    def test_the_probe_asks_for_what_is_there_and_policies_let_its_first_pod_in_alone(self):
        script, = blocks("how-to/production-checklist.md", "On Kubernetes")
        spec = json.loads(re.search(r"--overrides='(.*?)' &&", script, re.S)[1].replace("RELEASE-prismatic", "prismatic"))["spec"]
        container, = spec["containers"]
        name, port = container["command"][-2:]
        service, = (one for one in self.objects if one["kind"] == "Service" and one["metadata"]["name"] == name)
        self.assertIn(int(port), [one["port"] for one in service["spec"]["ports"]])
        target = Pod(service["spec"]["selector"])
        policies = Policies(self.objects, "images")
        labels = [dict(pair.split("=") for pair in words.replace("RELEASE", "prismatic").split(","))
                  for words in re.findall(r"^ *probe probe-\S+ (\S+) ", script, re.M)]
        self.assertEqual([policies.allow(Pod(each), target, int(port)) for each in labels], [True, False])
        # What a restricted namespace asks for.
        self.assertTrue(spec["securityContext"]["runAsNonRoot"])
        self.assertEqual(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
        self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}})

    def test_a_grace_that_is_too_short_is_seen_and_that_of_others_does_not_count(self):
        row = re.search(r"^\| a stop outlives a generation \| `((?:[^`\\]|\\.)+)`", read_page(), re.M)[1].replace("\\|", "|")
        for seconds, fine in (("360\n" * 4, True), ("360\n360\n30\n360\n", False), ("360\n" * 3, False), ("", False)):
            with open(os.path.join(self.folder, "seconds"), "w", encoding="utf-8") as file:
                file.write(seconds)
            self.assertEqual(self.run_in_cluster(row) == 0, fine, seconds)
        chosen = re.search(r"component in \((.*?)\)", row)[1].split(",")
        found = {one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]["template"]["spec"]
                 for one in self.objects if one["kind"] == "Deployment"}
        self.assertLess(set(chosen), set(found), "others are there, and shorter")
        self.assertEqual({found[name]["terminationGracePeriodSeconds"] for name in chosen}, {360})


if __name__ == "__main__":
    unittest.main(verbosity=2)
