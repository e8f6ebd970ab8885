#!/usr/bin/env python3
"""deploy/docker/compose.yaml, started: the three commands of docs/how-to/run-with-compose.md, with podman-compose in
docker compose's place, Debian's Redis and Prometheus in their images' places, and without Grafana, which Debian does not
have.

Run by scripts/check-images, which builds the images."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import yaml
from engine import CHART_SCRIPTS, PREFIX, ROOT, USER, START_SECONDS, grpc_health, http_status, inspect, podman, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from suite import png_size  # noqa: E402 pylint: disable=wrong-import-position

SERVICES = ["redis", "registry", "billing", "provider-proxy", "gateway", "sandbox", "prometheus"]
PROJECT = "prismatic-check"
COMPOSE = ["podman-compose", "-p", PROJECT]
JOBS = {"prismatic-" + name for name in ("gateway", "registry", "billing", "provider-proxy", "sandbox")}


def get(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


class ComposeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="prismatic-compose-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name in ("docker", "prometheus", "grafana"):
            shutil.copytree(os.path.join(ROOT, "deploy", name), os.path.join(cls.folder, name),
                            ignore=shutil.ignore_patterns("secrets"))
        os.chmod(cls.folder, 0o755)
        cls.docker = os.path.join(cls.folder, "docker")
        with open(os.path.join(cls.docker, "compose.yaml"), encoding="utf-8") as file:
            cls.file = yaml.safe_load(file)
        for name in [*SERVICES, "tools"]:
            podman("tag", PREFIX + name, cls.file["services"][name]["image"])
        cls.addClassCleanup(cls.compose, "down", "--volumes", check=False)
        subprocess.run([os.path.join(cls.docker, "make-secrets")], check=True, capture_output=True)
        cls.compose("up", "--detach", "--no-build", *SERVICES)
        cls.picture = os.path.join(cls.folder, "first-picture.png")
        cls.said = cls.first_picture(cls.picture)

    @classmethod
    def compose(cls, *arguments, check=True):
        done = subprocess.run([*COMPOSE, "-f", os.path.join(cls.docker, "compose.yaml"), *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"compose {' '.join(arguments)}: {done.stdout}")
        return done.stdout

    @classmethod
    def first_picture(cls, path):
        done = subprocess.run([os.path.join(cls.docker, "first-picture"), path], text=True, capture_output=True,
                              env={**os.environ, "COMPOSE": " ".join(COMPOSE)}, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"first-picture: {done.stdout}{done.stderr}\n{cls.logs()}")
        return done.stdout

    @classmethod
    def logs(cls):
        """The last words of each container."""
        return "\n".join(f"--- {service}\n" + subprocess.run(
            ["podman", "logs", "--tail", "8", f"{PROJECT}_{service}_1"], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False).stdout for service in SERVICES)

    def tools(self, *arguments):
        """The JSON that the command line prints, in a container of its own."""
        printed = self.compose("run", "--rm", "--no-deps", "-T", "tools", *arguments, "--output", "json")
        return json.loads(printed[printed.index("{"):printed.rindex("}") + 1])

    def chart_script(self, name, **variables):
        """What a script of the chart prints, run by the shell of `tools` with a read-only root and a folder to write to."""
        tools = self.file["services"]["tools"]
        with tempfile.TemporaryDirectory() as folder:
            os.chown(folder, USER, USER)
            settings = {**tools["environment"], "FOLDER": "/work", **variables}
            printed = podman(
                "run", "--rm", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all",
                "--network", f"{PROJECT}_suite", "--entrypoint", "sh", "--volume", f"{folder}:/work",
                "--volume", f"{CHART_SCRIPTS}:/opt/prismatic:ro",
                "--volume", f"{self.docker}/secrets/admin-token:/run/secrets/admin-token:ro",
                *(f"--env={key}={value}" for key, value in settings.items()), tools["image"], f"/opt/prismatic/{name}")
            written = {}
            for path in os.listdir(folder):
                with open(os.path.join(folder, path), "rb") as file:
                    written[path] = file.read()
        return printed, written

    def key(self):
        with open(os.path.join(self.docker, "secrets/demo-key"), encoding="utf-8") as file:
            return file.read().strip()

    def container(self, service):
        return inspect("container", f"{PROJECT}_{service}_1")

    def address(self, service, port):
        networks = self.container(service)["NetworkSettings"]["Networks"]
        return f"{networks[f'{PROJECT}_suite']['IPAddress']}:{port}"

    def generate(self, **fields):
        request = urllib.request.Request(
            "http://127.0.0.1:8080/v1/images/generations", json.dumps({"prompt": "a pier", **fields}).encode(),
            {"Authorization": f"Bearer {self.key()}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            self.fail(f"{error.code}: {error.read().decode()}\n{self.logs()}")

    def test_three_commands_make_a_picture(self):
        with open(self.picture, "rb") as file:
            width, height = png_size(file.read())
        self.assertEqual(round(width / height, 1), 1.8)
        self.assertIn(self.picture, self.said)
        self.assertNotIn(self.key(), self.said)

    def test_every_model_of_the_catalog_makes_a_picture(self):
        listed = {model["id"] for model in get("http://127.0.0.1:8080/v1/models", self.key())["data"]}
        self.assertEqual(listed, {"imagen-4", "google/imagen-4", "sandbox-chat", "sandbox-gemini"})
        for model in sorted(listed):
            with self.subTest(model):
                self.assertEqual(len(self.generate(model=model, response_format="b64_json")), 1)

    def test_a_picture_of_a_url_is_fetched_from_the_sandbox(self):
        data = self.generate(model="imagen-4", prompt="[[sandbox url_only]] a pier", response_format="b64_json")
        self.assertTrue(data[0]["b64_json"])

    def redis(self, user, *command):
        """Redis' answer to one of its users."""
        with open(os.path.join(self.docker, "secrets/redis-users.acl"), encoding="utf-8") as file:
            password = re.search(rf"^user {user} .*?>([0-9a-f]{{64}})", file.read(), re.M)
        return podman("exec", f"{PROJECT}_redis_1", "redis-cli", "--no-auth-warning", "--user", user, "--pass",
                      password.group(1) if password else "none", *command)

    def test_redis_writes_every_change_to_its_file(self):
        self.assertIn("aof_enabled:1", self.redis("prismatic-billing", "info", "persistence"))

    def test_redis_lets_each_user_do_its_own_work_alone(self):
        health = self.file["services"]["redis"]["healthcheck"]["test"]
        self.assertEqual(health[0], "CMD")
        self.assertEqual(podman("exec", f"{PROJECT}_redis_1", *health[1:]), "PONG")
        self.assertIn("NOPERM", self.redis("health", "get", "x"))
        self.assertIn("NOPERM", self.redis("prismatic-registry", "get", "{b1}:x"))
        self.assertRegex(self.redis("default", "ping"), "WRONGPASS|NOAUTH")

    def test_every_service_is_healthy_from_outside(self):
        for service, ports in (("registry", (7101, 7102)), ("billing", (7201, 7202)), ("provider-proxy", (7301,))):
            for port in ports:
                with self.subTest(f"{service}:{port}"):
                    self.assertEqual(grpc_health(self.address(service, port)), "SERVING")
        for url in ("http://127.0.0.1:8080/readyz", "http://127.0.0.1:8081/healthz", "http://127.0.0.1:9090/-/ready",
                    f"http://{self.address('sandbox', 9100)}/healthz"):
            with self.subTest(url):
                wait_until(lambda url=url: http_status(url) == 200, START_SECONDS, url)

    def test_each_container_is_confined(self):
        for service in SERVICES:
            with self.subTest(service):
                container = self.container(service)
                self.assertTrue(container["HostConfig"]["ReadonlyRootfs"])
                with open(f"/proc/{container['State']['Pid']}/status", encoding="utf-8") as lines:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
                self.assertEqual(int(status["CapEff"], 16) | int(status["CapBnd"], 16), 0)
                self.assertEqual(status["NoNewPrivs"], "1")
                self.assertEqual(status["Uid"].split()[0], self.file["services"][service]["user"].partition(":")[0])

    def test_the_owners_password_can_be_fetched(self):
        """As the documentation says: the file is copied out of the registry, and signs in at the admin page."""
        target = os.path.join(self.folder, "owner-password")
        podman("cp", f"{PROJECT}_registry_1:/var/lib/prismatic/owner-password", target)
        with open(target, encoding="utf-8") as file:
            password = file.read().strip()
        request = urllib.request.Request(
            "http://127.0.0.1:8081/admin/v1/session", json.dumps({"name": "owner", "password": password}).encode(),
            {"Content-Type": "application/json", "Origin": "http://127.0.0.1:8081"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.assertIn("HttpOnly", answer.headers["Set-Cookie"])

    def test_prometheus_reads_every_service_and_the_rules(self):
        def up():
            targets = get("http://127.0.0.1:9090/api/v1/targets")["data"]["activeTargets"]
            return {target["labels"]["job"] for target in targets if target["health"] == "up"} == JOBS

        wait_until(up, 60, f"all of {sorted(JOBS)} up")
        groups = get("http://127.0.0.1:9090/api/v1/rules")["data"]["groups"]
        self.assertIn("PrismaticLedgerDrift", {rule["name"] for group in groups for rule in group["rules"]})

    def test_money_and_keys_survive_a_new_set_of_containers(self):
        before = self.tools("account", "show", "demo")["balance_nano_usd"]
        self.compose("down")
        self.compose("up", "--detach", "--no-build", *SERVICES)
        self.first_picture(self.picture)  # with the key that is there
        self.assertEqual(before - self.tools("account", "show", "demo")["balance_nano_usd"], 40_000_000)

    def test_the_documented_commands_work(self):
        with open(os.path.join(ROOT, "docs/how-to/run-with-compose.md"), encoding="utf-8") as file:
            commands = re.findall(r"^docker compose -f \S+ run --rm tools (.*)$", file.read(), re.M)
        self.assertGreater(len(commands), 4)
        for command in commands:
            with self.subTest(command):
                self.compose("run", "--rm", "--no-deps", "-T", "tools", *command.split())

    def test_tools_run_the_charts_test(self):
        printed, written = self.chart_script("helm-test.sh", MODEL="imagen-4")
        self.assertRegex(printed, r"helm test: ok: a picture of \d+ bytes for 40000000 nano-USD")
        png_size(written["picture.png"])

    def test_tools_run_the_charts_export_of_the_ledger(self):
        _, written = self.chart_script("ledger-export.sh", ACCOUNTS="")
        entries = [json.loads(line) for line in written["demo.jsonl"].splitlines()]
        self.assertIn(-40_000_000, [entry["amount_nano_usd"] for entry in entries])

    def test_a_changed_catalog_is_read_at_a_restart(self):
        path = os.path.join(self.docker, "catalog/catalog.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            head, name, tail = text.partition("- name: sandbox-gemini\n    public_ids")
            file.write(head + name + tail.replace('retail_generation_usd: "0.04"', 'retail_generation_usd: "0.05"', 1))
        self.compose("restart", "registry")
        wait_until(lambda: "0.05" in json.dumps(self.tools("model", "show", "sandbox-gemini")), START_SECONDS, "the new price")


if __name__ == "__main__":
    unittest.main()
