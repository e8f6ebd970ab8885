#!/usr/bin/env python3
"""The chart's Redis, started for real with its configuration, its ACL file and the script that puts that together: billing and
the registry have the rights that they need and no others, and accounts survive a restart.

redis_test.py [--bin DIR]
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import chart

sys.path.insert(0, os.path.join(chart.ROOT, "tests/e2e"))
import suite  # noqa: E402  pylint: disable=wrong-import-position

BIN = os.path.abspath(suite.OPTIONS[suite.OPTIONS.index("--bin") + 1]) if "--bin" in suite.OPTIONS else os.path.join(chart.ROOT, "build/bin")
# What a shell, a configuration file or a URL could stumble over.
PASSWORDS = {"billing": "b1ll ing's \"pass\"&/|\\word#%", "registry": "r" * 64}


class ChartsRedis:
    """A redis-server as the StatefulSet starts it, with its folders in a folder of ours."""

    def __init__(self, objects, folder, port):
        self.folder, self.port, self.process = folder, port, None
        spec = next(one for one in objects if one["kind"] == "StatefulSet")["spec"]["template"]["spec"]
        config = next(one for one in objects if chart.name_of(one) == "ConfigMap/prismatic-redis")["data"]
        self.init, self.container = spec["initContainers"][0], spec["containers"][0]
        for name in ("config", "acl", "data", "passwords"):
            os.makedirs(os.path.join(folder, name))
        for name, text in config.items():  # redis.conf names two of these paths itself
            self.write("config/" + name, text.replace("dir /data", "dir " + self.path("/data")).replace(
                "aclfile /etc/redis/acl", "aclfile " + self.path("/etc/redis/acl")))
        for name, password in PASSWORDS.items():
            self.write("passwords/" + name, password + "\n")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def path(self, inside):
        """Where a path of the container is here."""
        for there, here in (("/run/secrets/redis", "passwords"), ("/etc/redis/", ""), ("/data", "data")):
            if inside.startswith(there):
                return os.path.join(self.folder, here + inside[len(there):])
        return inside

    def make_acl(self):
        environment = {variable["name"]: self.path(variable["value"]) for variable in self.init["env"]}
        return subprocess.run([self.path(part) for part in self.init["command"]], env={"PATH": os.environ["PATH"], **environment},
                              capture_output=True, text=True, timeout=20, check=False)

    def start(self):
        command = [self.path(part) for part in self.container["command"]]
        command += ["--bind", "127.0.0.1", "--port", str(self.port)]
        with open(os.path.join(self.folder, "redis.log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)  # pylint: disable=consider-using-with
        suite.wait_until(lambda: self.probe().returncode == 0, 20, "the chart's Redis")

    def probe(self):
        command = self.container["livenessProbe"]["exec"]["command"]
        return subprocess.run([command[0], "-p", str(self.port), *command[1:]], capture_output=True, text=True, timeout=10, check=False)

    def cli(self, user, *words):
        password = PASSWORDS.get(user.removeprefix("prismatic-"), "x")
        return subprocess.run(["redis-cli", "-p", str(self.port), "--user", user, "--no-auth-warning", "-e", *words], capture_output=True,
                              text=True, timeout=10, check=False, env={**os.environ, "REDISCLI_AUTH": password})

    def end(self, kill=False):
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(timeout=30)


@chart.needs_tools("helm3")
@unittest.skipUnless(os.path.exists(os.path.join(BIN, "prismatic")) or "CI" in os.environ, "no binaries: build, or --bin DIR")
class RedisTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="prismatic-chart-redis-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = suite.free_port_base()
        self.redis = ChartsRedis(chart.objects("minimal"), self.folder, self.port + 40)
        made = self.redis.make_acl()
        self.assertEqual(made.returncode, 0, made.stderr)
        self.redis.start()
        self.addCleanup(lambda: self.redis.end())  # pylint: disable=unnecessary-lambda

    def service(self, name, *flags):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [os.path.join(BIN, "prismatic-" + name), *flags], stdout=log, stderr=log,
                env={key: value for key, value in os.environ.items() if not key.startswith("PRISMATIC_")})

        def end():
            process.terminate()
            process.wait(timeout=30)
        self.addCleanup(end)

    def start_services(self):
        """With the arguments that the chart gives, where these are not about addresses."""
        self.redis.write("token", "t" * 40)
        for name, ports in (("registry", (10, 11, 60)), ("billing", (20, 21, 61))):
            deployment = next(one for one in chart.objects("minimal") if chart.name_of(one) == f"Deployment/prismatic-{name}")
            url = next(a for a in deployment["spec"]["template"]["spec"]["containers"][0]["args"] if a.startswith("--redis="))
            url = url.replace("prismatic-redis.images.svc:6379", f"127.0.0.1:{self.redis.port}").replace(
                "/run/secrets/redis/password", os.path.join(self.folder, "passwords", name))
            listen = [f"--{flag}=127.0.0.1:{self.port + port}" for flag, port in zip(("listen", "admin-listen", "metrics-listen"), ports)]
            more = [f"--registry=127.0.0.1:{self.port + 10}"] if name == "billing" else [
                "--owner-password-file=" + os.path.join(self.folder, "owner"), "--catalog=" + os.path.join(self.folder, "catalog.yaml")]
            catalog = next(one for one in chart.objects("minimal") if chart.name_of(one) == "ConfigMap/prismatic-catalog")
            self.redis.write("catalog.yaml", catalog["data"]["catalog.yaml"])
            self.service(name, url, *listen, "--admin-token-file=" + os.path.join(self.folder, "token"), *more)

    def prismatic(self, *words):
        return chart.run(os.path.join(BIN, "prismatic"), *words, f"--billing-admin-addr=127.0.0.1:{self.port + 21}",
                         f"--registry-admin-addr=127.0.0.1:{self.port + 11}", f"--registry-addr=127.0.0.1:{self.port + 10}",
                         "--admin-token-file=" + os.path.join(self.folder, "token"))

    def log(self):
        text = ""
        for name in ("redis", "registry", "billing"):
            with open(os.path.join(self.folder, name + ".log"), encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text

    def test_accounts_and_catalog_survive_a_restart(self):
        self.start_services()
        suite.wait_until(lambda: self.prismatic("account", "list").returncode == 0 and "imagen-4" in self.prismatic("model", "list").stdout,
                         30, "billing and the registry")
        self.assertEqual(self.prismatic("account", "create", "acme", "--wallet-usd", "25").returncode, 0)
        self.assertEqual(self.prismatic("key", "create", "--account", "acme").returncode, 0)
        self.assertEqual(self.prismatic("account", "top-up", "acme", "--usd", "5", "--request-id", "one").returncode, 0)
        before = self.prismatic("account", "show", "acme", "--output", "json").stdout
        ledger = self.prismatic("ledger", "list", "--account", "acme", "--all", "--output", "json").stdout
        self.assertIn('"balance_usd":"30"', before)
        for kill in (True, False):
            self.redis.end(kill)
            self.redis.start()
            suite.wait_until(lambda: self.prismatic("account", "show", "acme").returncode == 0, 30, "the account after a restart")
            self.assertEqual(self.prismatic("account", "show", "acme", "--output", "json").stdout, before)
            self.assertEqual(self.prismatic("ledger", "list", "--account", "acme", "--all", "--output", "json").stdout, ledger)
            self.assertEqual(self.prismatic("ledger", "verify", "--account", "acme").returncode, 0)
            self.assertIn("imagen-4", self.prismatic("model", "list").stdout)
        self.assertNotIn("redis forbids", self.log())

    def test_why_the_default_user_keeps_its_rights(self):
        # Whoever takes them away loses what was written. Should a Redis no longer do so, the ACL file can be simpler.
        for rights, stays in (("~* &* +@all", True), ("-@all", False)):
            self.redis.end()
            shutil.rmtree(self.redis.path("/data"))
            os.mkdir(self.redis.path("/data"))
            self.redis.write("acl/users.acl", f"user default off resetpass {rights}\nuser probe on nopass -@all +ping\n"
                                              "user writer on nopass ~* +@all\n")
            self.redis.start()
            written = "redis.call('SET', KEYS[1], 1) redis.call('SET', KEYS[2], 1)"  # two: the file has them as a transaction
            self.assertEqual(self.redis.cli("writer", "EVAL", written, "2", "{b1}:x", "{b1}:y").returncode, 0)
            self.redis.end()
            self.redis.start()
            self.assertEqual(self.redis.cli("writer", "GET", "{b1}:x").stdout.strip(), "1" if stays else "", rights)

    def test_nobody_gets_in_without_a_password_or_into_the_others_rooms(self):
        self.assertEqual(self.redis.probe().stdout.strip(), "PONG")
        for user, words in (("default", ("PING",)), ("prismatic-billing", ("GET", "{catalog}:version")),
                            ("prismatic-registry", ("HGETALL", "{b1}:account:acme")), ("prismatic-billing", ("FLUSHALL",)),
                            ("prismatic-billing", ("CONFIG", "SET", "appendonly", "no")), ("prismatic-registry", ("ACL", "LIST")),
                            ("probe", ("GET", "x")), ("prismatic-billing", ("FUNCTION", "DELETE", "x"))):
            answer = self.redis.cli(user, *words)
            self.assertRegex(answer.stdout + answer.stderr, "NOPERM|WRONGPASS|NOAUTH|user is disabled", (user, words))
        for user in ("prismatic-billing", "prismatic-registry"):
            self.assertEqual(self.redis.cli(user, "PING").stdout.strip(), "PONG")
        unnamed = subprocess.run(["redis-cli", "-p", str(self.redis.port), "-e", "PING"], capture_output=True, text=True, timeout=10, check=False)
        self.assertIn("NOAUTH", unnamed.stdout + unnamed.stderr)

    def test_no_password_is_written_down(self):
        with open(self.redis.path("/etc/redis/acl/users.acl"), encoding="utf-8") as file:
            acl = file.read()
        self.assertEqual(len(acl.splitlines()), 4)
        self.assertNotIn("@BILLING", acl)
        for password in PASSWORDS.values():
            self.assertNotIn(password, acl)

    def test_an_empty_password_is_refused_at_the_start(self):
        self.redis.write("passwords/registry", "\n")
        made = self.redis.make_acl()
        self.assertNotEqual(made.returncode, 0)
        self.assertIn("the Secret must hold a password", made.stderr)


if __name__ == "__main__":
    unittest.main()
