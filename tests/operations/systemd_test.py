#!/usr/bin/env python3
"""deploy/systemd: the units are valid and shut in, their command lines start, and what the processes do is allowed.

No systemd is started. `systemd-analyze` reads the units; the command lines run under strace, and every system call, address
family, file and executable page is compared with what the units leave.

usage: systemd_test.py [--bin DIR] [unittest arguments]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "chaos")]
import hosts  # noqa: E402
import units  # noqa: E402
from pages import blocks, typed  # noqa: E402
from suite import ROOT, png_size, wait_until  # noqa: E402
from traces import Trace  # noqa: E402

EXPOSURE_MAX = 15  # 1.5, of 10, as the page says
PAGE = "how-to/single-host-systemd.md"


class UnitsTest(unittest.TestCase):
    def setUp(self):
        self.root = units.installed_root(tempfile.mkdtemp(prefix="prismatic-units-"))
        self.addCleanup(shutil.rmtree, self.root)

    def verify(self, unit):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--root=" + self.root, unit], check=False,
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_systemd_has_nothing_to_say_about_the_units(self):
        for unit in [*map(units.unit_of, units.ALL), "redis-server@prismatic.service"]:
            with self.subTest(unit):
                self.assertEqual(self.verify(unit), (0, ""))

    def test_a_misspelt_setting_would_be_told(self):
        path = os.path.join(self.root, "etc/systemd/system/prismatic-.service.d/10-hardening.conf")
        with open(path, "a", encoding="utf-8") as file:
            file.write("ProtectSystems=strict\n")
        self.assertIn("ProtectSystems", self.verify(units.unit_of("billing"))[1])

    def test_each_unit_is_shut_in(self):
        for service in units.ALL:
            with self.subTest(service):
                self.assertLessEqual(units.exposure(self.root, units.unit_of(service)), EXPOSURE_MAX)
        os.remove(os.path.join(self.root, "etc/systemd/system/prismatic-.service.d/10-hardening.conf"))
        self.assertGreater(units.exposure(self.root, units.unit_of("billing")), 5 * EXPOSURE_MAX)

    def test_the_example_of_a_drop_in_is_valid_where_the_manual_puts_it(self):
        folder = os.path.join(self.root, "etc/systemd/system/prismatic-provider-proxy.service.d")
        os.makedirs(folder)
        shutil.copy(os.path.join(units.FOLDER, "examples/providers.conf"), folder)
        self.assertEqual(self.verify(units.unit_of("provider-proxy")), (0, ""))

    def test_a_stop_outlives_the_longest_generation(self):
        for service in units.ALL:
            self.assertEqual(units.settings(service)["TimeoutStopSec"], ["360s"])

    def test_the_libraries_that_the_programs_need_are_in_the_packages_that_the_page_names(self):
        """Those of the suite's own; what every Debian has is not told."""
        with open(os.path.join(ROOT, "docs", PAGE), encoding="utf-8") as page:
            named = set(re.search(r"^apt-get install (.*)$", page.read(), re.M)[1].split())
        needed = set()
        for service in units.ALL:
            told = subprocess.run(["ldd", os.path.join(hosts.BIN, "prismatic-" + service)], check=True,
                                  capture_output=True, text=True).stdout
            paths = {os.path.realpath(path) for path in re.findall(r"=> (/\S+)", told)}
            owners = subprocess.run(["dpkg", "-S", *paths], check=False, capture_output=True, text=True).stdout
            needed |= {line.partition(":")[0] for line in owners.splitlines()}
        everywhere = {"libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libssl3"}
        self.assertEqual(needed - named - everywhere - self.brought_by(named), set())

    @staticmethod
    def brought_by(packages):
        told = subprocess.run(
            ["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks",
             "--no-replaces", "--no-enhances", "--installed", *packages], check=True, capture_output=True,
            text=True).stdout
        return {line.strip().partition(":")[0] for line in told.splitlines() if line[:1] != " "}


STUBS = """systemctl() { echo "systemctl $*" >> "$ROOT/asked"; }
sysctl() { echo "sysctl $*" >> "$ROOT/asked"; }
chown() { echo "chown $*" >> "$ROOT/asked"; }
"""


class InstallationTest(unittest.TestCase):
    """The page's commands, in a folder instead of on the host."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="prismatic-installed-")
        self.addCleanup(shutil.rmtree, self.root)
        for name in ("etc/systemd/system", "etc/redis", "etc/sysctl.d", "usr/local/bin", "var/lib/redis"):
            os.makedirs(os.path.join(self.root, name))

    def type(self, section, fine=True):
        self.assertTrue(blocks(PAGE, section), section)
        for block in blocks(PAGE, section):
            done = typed(block, ROOT, {**hosts.clean_environment(), "ROOT": self.root}, [
                ("/etc/", self.root + "/etc/"), ("/usr/local/bin/", self.root + "/usr/local/bin/"),
                ("/var/lib/", self.root + "/var/lib/"), ("build/bin/", hosts.BIN + "/")], STUBS)
            (self.assertEqual if fine else self.assertNotEqual)(done.returncode, 0, block + done.stderr)
            if fine:
                self.assertEqual(done.stderr, "", block)  # each command of it, not the last alone

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def mode(self, path):
        return oct(os.stat(os.path.join(self.root, path)).st_mode & 0o777)

    def test_what_the_page_installs_is_valid_and_nobody_can_read_the_secrets(self):
        for section in ("Programs", "Secrets", "Redis", "Services", "Provider keys"):
            self.type(section)
        self.assertTrue(os.access(os.path.join(self.root, "usr/local/bin/prismatic-gateway"), os.X_OK))
        first = self.read("etc/prismatic/secrets/admin-token")
        self.assertEqual(len(first), 48)
        for path in ("secrets", "secrets/providers"):
            self.assertEqual(self.mode("etc/prismatic/" + path), "0o700")
        for path in ("admin-token", "redis-billing", "providers/openai"):
            self.assertEqual(self.mode("etc/prismatic/secrets/" + path), "0o600")
        users = self.read("etc/redis/prismatic-users.acl")
        self.assertEqual(self.mode("etc/redis/prismatic-users.acl"), "0o640")
        self.assertNotIn("change-this", users)
        self.assertIn(self.read("etc/prismatic/secrets/redis-billing"), users)
        self.type("Secrets")
        self.assertEqual(self.read("etc/prismatic/secrets/admin-token"), first, "a second run changes nothing")
        asked = self.read("asked")
        for unit in [*map(units.unit_of, units.SERVICES), "redis-server@prismatic.service"]:
            self.assertRegex(asked, rf"systemctl enable --now .*{unit.removesuffix('.service')}\b")
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--root=" + self.with_debians(), unit],
                                  check=False, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def log_in(self, password):
        """What a real Redis with the users that were installed answers to the all-in-one."""
        host = hosts.Host()
        self.addCleanup(host.close)
        for user in ("operator", "backup", "registry", "billing"):
            host.passwords[user] = self.read("etc/prismatic/secrets/redis-" + user)
        host.start_redis(self.read("etc/redis/prismatic-users.acl"))
        client = hosts.Redis(f"redis://{host.address('redis')}")
        self.addCleanup(client.close)
        return client.call("AUTH", "prismatic-all-in-one", password)

    def test_the_all_in_one_gets_a_password_of_its_own(self):
        for section in ("Secrets", "Redis"):
            self.type(section)
        password = self.read("etc/prismatic/secrets/redis-all-in-one")
        for guess in ("", password):
            with self.assertRaisesRegex(RuntimeError, "WRONGPASS"):  # as delivered
                self.log_in(guess)
        self.type("All in one process")
        self.assertEqual(self.log_in(password), b"OK")
        for guess in ("", "x"):
            with self.assertRaisesRegex(RuntimeError, "WRONGPASS"):
                self.log_in(guess)
        self.assertEqual(self.mode("etc/redis/prismatic-users.acl"), "0o640")
        self.assertRegex(self.read("asked"), r"disable --now prismatic-registry .*\n.*restart redis-server@prismatic\n"
                                             r".*enable --now prismatic-all-in-one\n")
        self.type("All in one process")  # a second time changes nothing
        self.assertEqual(self.log_in(password), b"OK")

    def test_the_all_in_one_is_not_let_in_without_a_password(self):
        for section in ("Secrets", "Redis"):
            self.type(section)
        users = self.read("etc/redis/prismatic-users.acl")
        with open(os.path.join(self.root, "etc/prismatic/secrets/redis-all-in-one"), "w", encoding="utf-8"):
            pass
        self.type("All in one process", fine=False)
        self.assertEqual(self.read("etc/redis/prismatic-users.acl"), users)
        self.assertNotIn("prismatic-all-in-one", self.read("asked"))
        with self.assertRaisesRegex(RuntimeError, "WRONGPASS"):
            self.log_in("")

    def with_debians(self):
        """What the packages systemd and redis-server have put there on the host."""
        if not os.path.exists(os.path.join(self.root, "usr/lib/systemd")):
            units.debians_part(self.root)
        return self.root


class ProcessesTest(unittest.TestCase):
    """The command lines of the units, for real."""

    def setUp(self):
        self.host = hosts.Host()
        self.addCleanup(self.host.close)

    def work(self):
        """Something of everything: money, a picture, a hot change, the admin page."""
        host = self.host
        key = host.new_key("acme", "5")
        wait_until(lambda: host.generate(key, n=2, response_format="b64_json")[0] == 200, 10, "a picture")
        self.assertEqual(host.told("account", "show", "acme")["balance_usd"], "4.92")
        self.assertEqual(host.told("ledger", "verify", "--account", "acme")["differences"], [])
        self.assertEqual(host.get("admin", "/"), 200)
        self.assertIn(b"prismatic_build_info", host.http("metrics_gateway", "GET", "/metrics")[1])
        host.told("provider", "images", "sandbox", "off")
        wait_until(lambda: host.generate(key)[0] == 503, 10, "the switch")
        host.told("provider", "images", "sandbox", "on")
        wait_until(lambda: host.generate(key)[0] == 200, 10, "the switch")
        tested = host.told("provider", "test", "sandbox")
        self.assertTrue(tested["ok"], tested)
        return key

    def check(self, service):
        """What systemd would have refused: nothing."""
        trace, allowed = Trace(self.host.path("traces/" + service)), units.allowed_calls(service)
        self.assertIn("execve", trace.calls)
        self.assertIn("AF_INET", trace.families)
        self.assertEqual(trace.calls - allowed, set())
        families = {family for line in units.settings(service)["RestrictAddressFamilies"] for family in line.split()}
        self.assertEqual(trace.families - families, set())
        self.assertEqual(len(trace.executed), 1, "NoExecPaths=")
        self.assertEqual(trace.executable, [], "MemoryDenyWriteExecute=")
        own = (self.host.path("state/"), "/dev/null", "/dev/shm/", "/tmp/prismatic")
        self.assertEqual({path for path in trace.written if not path.startswith(own)}, set(), "ProtectSystem=strict")
        warned = [line for line in self.host.read(service + ".log").splitlines() if '"warning"' in line
                  and "PRISMATIC_" in line]
        self.assertEqual(warned, [], "an environment variable that nobody knows")

    def run_and_check(self, services):
        hosts.start_all(self.host, services, traced=True)
        key = self.work()
        self.assertEqual(png_size(self.host.picture(key)), (256, 256))
        for service in reversed(services):
            with self.subTest(service):
                self.assertEqual(self.host.end(service), 0)
                self.check(service)

    def test_the_four_services_start_by_their_units_and_do_nothing_that_is_refused(self):
        self.run_and_check(units.SERVICES)
        self.assertTrue(self.host.read("state/prismatic-registry/owner-password").strip())
        self.assertEqual(os.listdir(self.host.path("credentials/provider-proxy")), ["sandbox"],
                         "no token where the internet is")

    def test_the_all_in_one_starts_by_its_unit_and_does_nothing_that_is_refused(self):
        self.run_and_check(["all-in-one"])

    def test_a_call_outside_of_the_filter_would_be_found(self):
        trace = self.host.path("traces/stranger")
        subprocess.run(["strace", "-f", "-qq", "-o", trace, "nice", "-n", "5", "true"], check=True, capture_output=True)
        self.assertEqual(Trace(trace).calls - units.allowed_calls("billing"), {"setpriority"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
