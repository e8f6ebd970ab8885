#!/usr/bin/env python3
"""deploy/docker/compose.yaml beside the compose specification's own schema, and what we promise of it. Starts no container.

The schema is that of the reference implementation, taken from its Go module at a pinned version, whose checksum Go
compares with the public log."""
import base64
import copy
import http.server
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import threading
import unittest

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "deploy/docker")
SCHEMA_MODULE = "github.com/compose-spec/compose-go/v2@v2.4.7"
OURS = {"redis": None, "registry": "registry", "billing": "billing", "provider-proxy": "provider-proxy",
        "gateway": "gateway", "sandbox": "sandbox", "tools": "tools", "prometheus": None, "grafana": None}


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def schema():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["go", "mod", "download", "-json", SCHEMA_MODULE], cwd=folder, capture_output=True, text=True,
                              timeout=300, check=False)
    found = json.loads(done.stdout)
    if "Dir" not in found:
        raise RuntimeError(f"{SCHEMA_MODULE}: {found.get('Error')}")
    with open(os.path.join(found["Dir"], "schema/compose-spec.json"), encoding="utf-8") as file:
        return json.load(file)


@unittest.skipUnless(shutil.which("go"), "needs Go, which brings the compose specification's schema")
class SchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        document = schema()
        cls.validator = jsonschema.validators.validator_for(document)(document)

    def errors(self, compose):
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in
                self.validator.iter_errors(compose)]

    def test_the_file_is_valid(self):
        self.assertEqual(self.errors(load("compose.yaml")), [])

    def test_mistakes_are_found(self):
        def misspelt(compose):
            compose["services"]["gateway"]["read_onlly"] = True

        def wrong_type(compose):
            compose["services"]["gateway"]["cap_drop"] = "ALL"

        def unknown_condition(compose):
            compose["services"]["billing"]["depends_on"]["redis"] = {"condition": "service_happy"}

        def misplaced(compose):
            compose["healthcheck"] = {}

        for mistake in (misspelt, wrong_type, unknown_condition, misplaced):
            with self.subTest(mistake.__name__):
                compose = copy.deepcopy(load("compose.yaml"))
                mistake(compose)
                self.assertNotEqual(self.errors(compose), [])


class PromisesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.compose = load("compose.yaml")
        cls.services = cls.compose["services"]

    def test_these_services_and_no_others(self):
        self.assertEqual(set(self.services), set(OURS))

    def test_each_is_confined(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertIs(service["read_only"], True)
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertRegex(service["user"], r"^[1-9]\d*:\d+$")
                self.assertFalse(set(service) & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"})
                if OURS[name]:
                    self.assertEqual(service["user"], "65532:65532")

    def test_ours_are_targets_of_the_dockerfile(self):
        with open(os.path.join(FOLDER, "Dockerfile"), encoding="utf-8") as file:
            targets = set(re.findall(r"^FROM common AS (\S+)$", file.read(), re.M))
        self.assertEqual(targets, {target for target in OURS.values() if target} | {"all-in-one"})
        for name, target in OURS.items():
            if target:
                self.assertEqual(self.services[name]["build"]["target"], target)
                self.assertEqual(self.services[name]["image"], f"prismatic/{target}:dev")

    def test_others_are_pinned(self):
        for name, target in OURS.items():
            if not target:
                self.assertRegex(self.services[name]["image"], r"^docker\.io/\S+:v?\d+\.\d+")

    def test_ports_are_open_to_this_machine_alone(self):
        published = [port for service in self.services.values() for port in service.get("ports", [])]
        self.assertEqual(len(published), 4)
        for port in published:
            self.assertRegex(port, r"^127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+$")

    def test_secrets_are_files_that_the_script_makes(self):
        with tempfile.TemporaryDirectory() as folder:
            made = [os.path.join(folder, name) for name in ("one", "other")]
            for path in made:
                subprocess.run([os.path.join(FOLDER, "make-secrets"), path], check=True, capture_output=True)
            for secret in self.compose["secrets"].values():
                contents = []
                for path in made:
                    file = os.path.join(path, os.path.basename(secret["file"]))
                    self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o644)
                    with open(file, encoding="utf-8") as lines:
                        contents.append(lines.read())
                self.assertNotEqual(*contents)
                self.assertRegex(contents[0], r"[0-9a-f]{64}")
            self.assertEqual(stat.S_IMODE(os.stat(made[0]).st_mode), 0o700)
            self.assertEqual(set(os.listdir(made[0])), {os.path.basename(secret["file"]) for secret in
                                                        self.compose["secrets"].values()})

    def test_secrets_stay_when_they_are_there(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [os.path.join(FOLDER, "make-secrets"), os.path.join(folder, "secrets")]
            contents = []
            for _ in range(2):
                subprocess.run(command, check=True, capture_output=True)
                with open(os.path.join(folder, "secrets/redis-users.acl"), encoding="utf-8") as file:
                    contents.append(file.read())
            self.assertEqual(*contents)

    def test_secrets_are_not_in_git_and_not_in_the_build(self):
        ignored = subprocess.run(["git", "check-ignore", "deploy/docker/secrets/admin-token"], cwd=ROOT, check=False,
                                 capture_output=True, text=True)
        self.assertEqual(ignored.stdout.strip(), "deploy/docker/secrets/admin-token")
        with open(os.path.join(ROOT, ".dockerignore"), encoding="utf-8") as file:
            rules = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        self.assertEqual(rules[0], "*")
        self.assertFalse([rule for rule in rules if "secrets" in rule or rule in ("!deploy", "!deploy/docker")])

    def test_redis_keeps_money(self):
        command = " ".join(self.services["redis"]["command"])
        for words in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
            self.assertIn(words, command)
        self.assertTrue(self.compose["networks"]["store"]["internal"])
        self.assertEqual({name for name, service in self.services.items() if "store" in service["networks"]},
                         {"redis", "registry", "billing"})

    def test_redis_users_are_those_of_the_documentation(self):
        """Rights that a service needs are written down once, in docs/how-to/redis.md."""
        pattern = r"prismatic-(billing|registry) reset on >\S+ (.*)"
        with open(os.path.join(ROOT, "docs/how-to/redis.md"), encoding="utf-8") as file:
            documented = dict(re.findall(pattern, file.read()))
        with open(os.path.join(FOLDER, "make-secrets"), encoding="utf-8") as file:
            made = dict(re.findall(pattern.replace(r"\S+", r"\$\(\S+ \S+\)"), file.read()))
        self.assertEqual(made, documented)

    def test_prometheus_scrapes_each_service(self):
        jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in load("prometheus.yaml")["scrape_configs"]}
        with open(os.path.join(FOLDER, "Dockerfile"), encoding="utf-8") as file:
            ports = dict(re.findall(r"^FROM common AS (\S+)\n(?:.*\n)*?EXPOSE .*\b(94\d\d)$", file.read(), re.M))
        ports.pop("all-in-one")
        self.assertEqual(jobs, {f"prismatic-{name}": [f"{name}:{port}"] for name, port in ports.items()})

    def test_what_it_mounts_is_there(self):
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source = volume.partition(":")[0]
                if source.startswith("."):
                    self.assertTrue(os.path.exists(os.path.join(FOLDER, source)), f"{name}: {source}")


class FirstPictureTest(unittest.TestCase):
    """deploy/docker/first-picture at a gateway that refuses as it is told."""

    def ask(self, *statuses):
        """Runs the script; each request for a picture gets the next status. (what was run, how often it asked, the file)"""
        left = list(statuses)

        class Gateway(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802  pylint: disable=invalid-name
                self.answer(200 if self.path == "/readyz" else 404, b"ready")

            def do_POST(self):  # noqa: N802  pylint: disable=invalid-name
                self.rfile.read(int(self.headers["Content-Length"]))
                status = left.pop(0) if self.headers["Authorization"] == "Bearer a-key" else 401
                picture = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
                self.answer(status, json.dumps({"data": [{"b64_json": picture}]} if status == 200 else
                                               {"error": {"message": "not now"}}, separators=(",", ":")).encode())

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server, tempfile.TemporaryDirectory() as folder:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            script, picture = (os.path.join(folder, name) for name in ("first-picture", "picture.png"))
            shutil.copy(os.path.join(FOLDER, "first-picture"), script)
            os.mkdir(os.path.join(folder, "secrets"))
            with open(os.path.join(folder, "secrets/demo-key"), "w", encoding="utf-8") as file:
                file.write("a-key")
            done = subprocess.run([script, picture], capture_output=True, text=True, timeout=120, check=False, env={
                **os.environ, "BASE_URL": f"http://127.0.0.1:{server.server_port}/v1", "NO_PROXY": "*"})
            server.shutdown()
            return done, len(statuses) - len(left), os.path.exists(picture)

    def test_503_is_asked_again(self):
        done, asked, saved = self.ask(503, 503, 200)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((asked, saved), (3, True))

    def test_a_status_after_which_a_picture_may_be_paid_is_not(self):
        for status in (500, 502, 504):
            with self.subTest(status):
                done, asked, saved = self.ask(status, 200)
                self.assertEqual((done.returncode, asked, saved), (1, 1, False))
                self.assertIn(f"The gateway answered {status}", done.stderr)
                self.assertIn("not now", done.stderr)


if __name__ == "__main__":
    unittest.main()
