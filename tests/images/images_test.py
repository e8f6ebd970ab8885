#!/usr/bin/env python3
"""What is in each image, and that it serves: started with nothing to write to and no capability, asked from outside.

Run by scripts/check-images, which builds the images."""
import json
import os
import re
import stat
import subprocess
import unittest
import urllib.request

from engine import CHART_SCRIPTS, PREFIX, ROOT, START_SECONDS, USER, Containers, chart_programs, grpc_health, \
    http_status, inspect, mounted, podman, wait_until

# The executable of each, and the most that its files may take: half as much again as when this was written.
IMAGES = {
    "gateway": ("prismatic-gateway", 45), "registry": ("prismatic-registry", 45),
    "billing": ("prismatic-billing", 45), "provider-proxy": ("prismatic-provider-proxy", 60),
    "sandbox": ("prismatic-sandbox", 30), "all-in-one": ("prismatic-all-in-one", 75), "tools": ("prismatic", 60)}
SHELL_PROGRAMS = {"tools": chart_programs()}
SHELLS = {"sh", "bash", "dash", "ash", "busybox", "zsh", "perl", "python3", "env"}
PACKAGE_MANAGERS = {"apt", "apt-get", "dpkg", "apk", "rpm", "pip", "pip3"}
TRUSTED = "etc/ssl/certs/ca-certificates.crt"


def files_below(folder):
    """(path below the folder, lstat)"""
    for parent, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(parent, name)
            yield os.path.relpath(path, folder), os.lstat(path)


class ContentTest(unittest.TestCase):
    """One subclass per image, made below."""
    image = executable = size_max = None

    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(mounted(PREFIX + cls.image))
        cls.config = inspect("image", PREFIX + cls.image)["Config"]
        cls.files = dict(files_below(cls.root))
        cls.programs = sorted([cls.executable, *SHELL_PROGRAMS.get(cls.image, ())])

    def loader(self):
        return next("/" + path for path in self.files if re.search(r"(^|/)ld-linux[^/]*\.so\.\d$", path)
                    and not os.path.islink(os.path.join(self.root, path)))

    def test_it_runs_as_a_user_without_rights(self):
        self.assertEqual(self.config["User"], f"{USER}:{USER}")

    def test_it_starts_its_executable_without_a_shell(self):
        self.assertEqual(self.config["Entrypoint"], [f"/usr/bin/{self.executable}"])

    def test_its_labels_say_what_it_is(self):
        with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"project\(prismatic VERSION (\S+)", file.read()).group(1)
        labels = self.config["Labels"]
        self.assertEqual(labels["org.opencontainers.image.title"], self.executable)
        self.assertEqual(labels["org.opencontainers.image.version"], version)
        self.assertRegex(labels["org.opencontainers.image.revision"], r"^[0-9a-f]{40}$")
        self.assertTrue(labels["org.opencontainers.image.description"].endswith("."))

    def test_it_has_its_programs_and_no_others(self):
        """An executable; `tools` alone has a shell besides, with what the chart's scripts call."""
        names = {os.path.basename(path) for path, status in self.files.items() if not stat.S_ISDIR(status.st_mode)
                 and os.path.dirname(path) != "var/lib/dpkg/status.d"}  # whose files are called as packages are
        self.assertEqual(names & (SHELLS | PACKAGE_MANAGERS), {"sh"} if self.image == "tools" else set())
        programs = [path for path, status in self.files.items()
                    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o111 and ".so" not in os.path.basename(path)]
        self.assertEqual(sorted(programs), [f"usr/bin/{program}" for program in self.programs])

    def test_nothing_is_setuid_and_nothing_can_be_written_to(self):
        special = [path for path, status in self.files.items() if status.st_mode & (stat.S_ISUID | stat.S_ISGID)]
        self.assertEqual(special, [])
        writable = [path for path, status in self.files.items() if not stat.S_ISLNK(status.st_mode) and
                    (status.st_mode & 0o002 or status.st_uid == USER and status.st_mode & 0o200)]
        state = ["var/lib/prismatic"] if self.image in ("registry", "all-in-one") else []
        self.assertEqual(sorted(writable), ["tmp", *state])  # on a read-only root not even these

    def test_every_library_is_there_and_none_besides(self):
        listed = "\n".join(podman("run", "--rm", "--network", "none", "--entrypoint", self.loader(), PREFIX + self.image,
                                  "--list", f"/usr/bin/{program}") for program in self.programs)
        self.assertNotIn("not found", listed)
        loaded = {os.path.basename(path) for path in re.findall(r"/\S+\.so\S*", listed)}
        present = {os.path.basename(path) for path, status in self.files.items()
                   if ".so" in os.path.basename(path) and stat.S_ISREG(status.st_mode)}
        self.assertEqual(present, loaded)

    def test_its_packages_are_listed_with_version_and_licence(self):
        with open(os.path.join(self.root, "usr/share/doc/prismatic/packages.txt"), encoding="utf-8") as lines:
            head, *rows = [line.rstrip("\n").split("\t") for line in lines]
        self.assertEqual(head, ["package", "version", "architecture", "source", "source version"])
        names = [row[0] for row in rows]
        self.assertIn("libc6", names)
        self.assertIn("ca-certificates", names)
        for name, *fields in rows:
            self.assertTrue(all(fields), name)
            self.assertIn(f"usr/share/doc/{name}/copyright", self.files)
            self.assertIn(f"var/lib/dpkg/status.d/{name}", self.files)
        self.assertIn("usr/share/doc/prismatic/copyright", self.files)

    def test_its_executable_has_no_symbols(self):
        sections = subprocess.run(["readelf", "--sections", "--wide", f"{self.root}/usr/bin/{self.executable}"],
                                  capture_output=True, text=True, check=True).stdout
        self.assertNotRegex(sections, r"\.(debug_|symtab)")

    def test_it_trusts_debians_authorities_and_no_other(self):
        """What the machine that builds trusts besides is not handed on."""
        with open(os.path.join(self.root, TRUSTED), encoding="ascii") as file:
            count = file.read().count("BEGIN CERTIFICATE")
        self.assertTrue(100 < count < 200, count)
        self.assertEqual(os.path.realpath(os.path.join(self.root, "usr/lib/ssl/cert.pem")),
                         os.path.join(self.root, TRUSTED))

    def test_nothing_of_the_build_is_left(self):
        for path in self.files:
            self.assertFalse(re.match(r"(src|out|roots|root|home|etc/apt|var/cache|run/host)", path), path)
        with open(f"{self.root}/usr/bin/{self.executable}", "rb") as file:
            self.assertNotIn(os.path.dirname(ROOT).encode() + b"/", file.read())

    def test_it_is_small(self):
        taken = sum(status.st_size for status in self.files.values() if stat.S_ISREG(status.st_mode))
        executable = self.files[f"usr/bin/{self.executable}"].st_size
        print(f"\n{self.image}: {taken / 2**20:.1f} MiB, of these {executable / 2**20:.1f} the executable", flush=True)
        self.assertLess(taken / 2**20, self.size_max)


for image_name, (executable_name, megabytes) in IMAGES.items():
    class_name = image_name.title().replace("-", "") + "ContentTest"
    globals()[class_name] = type(class_name, (ContentTest,), {
        "image": image_name, "executable": executable_name, "size_max": megabytes})
del ContentTest


class ServingTest(unittest.TestCase):
    """Each service with what it needs, and no more."""

    @classmethod
    def setUpClass(cls):
        cls.containers = Containers("serving")
        cls.addClassCleanup(cls.containers.stop)
        cls.token = cls.containers.file("token", os.urandom(24).hex())
        with open(os.path.join(ROOT, "deploy/docker/catalog/catalog.yaml"), encoding="utf-8") as file:
            cls.catalog = cls.containers.file("catalog.yaml", file.read())
        cls.with_token = ("--volume", f"{cls.token}:/run/secrets/admin-token:ro")
        cls.with_catalog = ("--volume", f"{cls.catalog}:/etc/prismatic/catalog.yaml:ro")
        cls.token_flag = ("--admin-token-file", "/run/secrets/admin-token")
        cls.containers.start("redis", "redis-server", "--save", "", "--appendonly", "yes", "--protected-mode", "no",
                             options=("--tmpfs", "/data:rw,mode=1777"))
        cls.containers.start("registry", "--redis", "redis://redis:6379", "--catalog", "/etc/prismatic/catalog.yaml",
                             *cls.token_flag, options=(*cls.with_token, *cls.with_catalog))
        cls.containers.start("billing", "--redis", "redis://redis:6379", "--registry", "registry:7101", *cls.token_flag,
                             options=cls.with_token)
        cls.containers.start("provider-proxy", "--registry", "registry:7101")
        cls.containers.start("sandbox")
        cls.containers.start(
            "gateway", "--registry", "registry:7101", "--billing", "billing:7201", "--provider-proxy",
            "provider-proxy:7301", "--registry-admin", "registry:7102", "--billing-admin", "billing:7202",
            "--billing-admin-token-file", "/run/secrets/admin-token", options=cls.with_token)

    def serves(self, name, port):
        address = self.containers.address(name, port)
        try:
            wait_until(lambda: grpc_health(address) == "SERVING", START_SECONDS, f"{name} at {port}")
        except AssertionError as error:
            self.fail(f"{error}\n{self.containers.logs(name)}")

    def answers(self, name, port, path, status=200):
        url = f"http://{self.containers.address(name, port)}{path}"
        try:
            wait_until(lambda: http_status(url) == status, START_SECONDS, f"{name}: {path}")
        except AssertionError as error:
            self.fail(f"{error}: {http_status(url)}\n{self.containers.logs(name)}")

    def is_confined(self, name):
        process = self.containers.process(name)
        self.assertEqual(process["Uid"].split(), [str(USER)] * 4)
        self.assertEqual(process["Gid"].split(), [str(USER)] * 4)
        self.assertEqual({process[field] for field in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}, {"0" * 16})
        self.assertEqual(process["NoNewPrivs"], "1")
        with open(f"/proc/{process['Pid']}/mountinfo", encoding="utf-8") as lines:
            options = next(line.split()[5] for line in lines if line.split()[4] == "/")
        self.assertIn("ro", options.split(","))

    def test_registry(self):
        self.serves("registry", 7101)
        self.serves("registry", 7102)
        self.answers("registry", 9465, "/metrics")
        self.is_confined("registry")

    def test_billing(self):
        self.serves("billing", 7201)
        self.serves("billing", 7202)
        self.answers("billing", 9466, "/metrics")
        self.is_confined("billing")

    def test_provider_proxy(self):
        self.serves("provider-proxy", 7301)
        self.answers("provider-proxy", 9467, "/metrics")
        self.is_confined("provider-proxy")

    def test_gateway(self):
        self.answers("gateway", 8080, "/healthz")
        self.answers("gateway", 8080, "/readyz")
        self.answers("gateway", 8081, "/healthz")
        self.answers("gateway", 9464, "/metrics")
        self.is_confined("gateway")

    def test_sandbox_writes_with_its_font(self):
        self.answers("sandbox", 9100, "/healthz")
        self.answers("sandbox", 9468, "/metrics")
        self.is_confined("sandbox")
        self.assertNotIn("font", self.containers.logs("sandbox").lower())

    def test_all_in_one_serves_every_port(self):
        self.containers.start("all-in-one", "--redis", "redis://redis:6379", *self.token_flag, "--catalog",
                              "/etc/prismatic/catalog.yaml", options=(*self.with_token, *self.with_catalog))
        self.answers("all-in-one", 8080, "/readyz")
        for port in (7101, 7102, 7201, 7202, 7301):
            self.serves("all-in-one", port)
        self.answers("all-in-one", 9464, "/metrics")
        self.is_confined("all-in-one")

    def test_sigterm_ends_it_with_0(self):
        self.containers.start("stopped", image="sandbox")
        self.answers("stopped", 9100, "/healthz")
        podman("stop", "--time", "20", "stopped")
        self.assertEqual(inspect("container", "stopped")["State"]["ExitCode"], 0)

    def test_tools_ask_the_suite(self):
        self.serves("registry", 7101)
        printed = podman("run", "--rm", "--read-only", "--cap-drop", "all", "--network", "serving", "--env",
                         "PRISMATIC_REGISTRY_ADDR=registry:7101", PREFIX + "tools", "model", "list", "--output", "json")
        self.assertIn("imagen-4", json.dumps(json.loads(printed)))

    def test_tools_sleep_and_run_scripts_as_the_chart_asks(self):
        """The toolbox's command, and its shell: every program answers, and the chart's scripts can be read."""
        self.addCleanup(podman, "rm", "--force", "--time", "0", "toolbox")  # sleep, being process 1, heeds no SIGTERM
        self.containers.start("toolbox", "infinity", image="tools", options=(
            "--entrypoint", "sleep", "--volume", f"{CHART_SCRIPTS}:/opt/prismatic:ro"))
        self.is_confined("toolbox")
        self.assertIn("prismatic", podman("exec", "toolbox", "prismatic", "version"))
        for script in ("helm-test.sh", "ledger-export.sh"):
            with self.subTest(script):
                podman("exec", "toolbox", "sh", "-n", f"/opt/prismatic/{script}")
        for program in set(chart_programs()) - {"sh"}:  # which has no --version
            with self.subTest(program):
                said = podman("exec", "toolbox", "sh", "-euc", f"{program} --version")
                self.assertTrue(said.startswith(f"{program} (GNU "), said)
        with self.assertRaisesRegex(RuntimeError, "Read-only file system"):
            podman("exec", "toolbox", "sh", "-c", "date > /tmp/written")

    def test_a_mistake_ends_the_start_with_words(self):
        done = subprocess.run(["podman", "run", "--rm", "--network", "none", PREFIX + "billing", "--registri", "x"],
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("registri", done.stdout + done.stderr)

    def test_metrics_name_the_version(self):
        self.answers("gateway", 9464, "/metrics")
        with urllib.request.urlopen(f"http://{self.containers.address('gateway', 9464)}/metrics", timeout=10) as answer:
            self.assertIn("prismatic_build_info", answer.read().decode())


if __name__ == "__main__":
    unittest.main()
