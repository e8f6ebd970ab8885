#!/usr/bin/env python3
"""The scripts of `helm test` and of the ledger's export, as the chart renders them, against a real suite.

jobs_test.py [--separate] [--bin DIR]
"""
import json
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

# What the image of target `tools` has beside `prismatic`; the toolbox sleeps.
PROGRAMS = ("sh", "cut", "date", "grep", "head", "mv", "od", "sed", "sleep", "tail", "tr", "wc")


@chart.needs_tools("helm3")
@unittest.skipUnless(os.path.exists(os.path.join(BIN, "prismatic")) or "CI" in os.environ, "no binaries: build, or --bin DIR")
class JobsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = suite.Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.sandbox = cls.suite.env["PRISMATIC_SANDBOX_URL"].removeprefix("http://")
        cls.path = tempfile.mkdtemp(prefix="prismatic-chart-path-")
        cls.addClassCleanup(shutil.rmtree, cls.path)
        for program in PROGRAMS:
            os.symlink(shutil.which(program), os.path.join(cls.path, program))
        os.symlink(os.path.join(BIN, "prismatic"), os.path.join(cls.path, "prismatic"))

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="prismatic-chart-jobs-")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_script(self, values, component, **changes):
        """What the pod of a component runs, with its variables; addresses and folders are the suite's and ours."""
        objects = chart.objects(values)
        made = next(m for m in map(chart.pod_of, objects) if m and m[0]["labels"]["app.kubernetes.io/component"] == component)
        container = made[1]["containers"][0]
        config = next(v["configMap"]["name"] for v in made[1]["volumes"] if v["name"] == "script")
        data = next(one for one in objects if chart.name_of(one) == f"ConfigMap/{config}")["data"]
        self.assertEqual(container["command"], ["sh", "/opt/prismatic/" + next(iter(data))])
        names = {variable["name"] for variable in container["env"]}
        own = {variable["name"]: variable["value"] for variable in container["env"] if not variable["name"].startswith("PRISMATIC_")}
        token = os.path.join(self.suite.state, "secrets/admin-token")
        ours = {name: value for name, value in {**self.suite.env, "PRISMATIC_ADMIN_TOKEN_FILE": token}.items() if name in names}
        self.assertEqual({name for name in names if name.startswith("PRISMATIC_")}, set(ours))
        return subprocess.run([os.path.join(self.path, "sh"), "-c", next(iter(data.values()))], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
                              env={"PATH": self.path, **own, **ours, "FOLDER": self.folder, "SANDBOX": self.sandbox, **changes})

    def accounts(self):
        return {one["name"]: one for one in self.suite.cli("account", "list")["accounts"]}

    def test_helm_test_buys_one_picture_and_suspends_its_account(self):
        before = set(self.accounts())
        answer = self.run_script("minimal", "test")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("for 40000000 nano-USD, and the ledger says the same", answer.stdout)
        (name,) = set(self.accounts()) - before
        self.assertTrue(self.accounts()[name]["suspended"])
        self.assertEqual(self.accounts()[name]["balance_nano_usd"], 960_000_000)

    def test_helm_test_fails_where_no_picture_comes(self):
        self.suite.fault_next("status=500")
        before = set(self.accounts())
        answer = self.run_script("minimal", "test")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("helm test: FAILED: no picture came", answer.stderr)
        (name,) = set(self.accounts()) - before
        self.assertTrue(self.accounts()[name]["suspended"])

    def test_helm_test_fails_where_billing_is_away(self):
        answer = self.run_script("minimal", "test", PRISMATIC_BILLING_ADMIN_ADDR="127.0.0.1:1")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("prismatic doctor found something wrong", answer.stderr)

    def test_without_the_sandbox_nothing_is_bought(self):
        before = self.accounts()
        answer = self.run_script("external-redis-tls", "test")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("no picture was made", answer.stdout)
        self.assertEqual(self.accounts(), before)

    def test_the_export_appends_each_accounts_entries(self):
        for name in ("acme", "beta"):
            self.suite.cli("account", "create", name, "--wallet-usd", "5")
        self.assertEqual(self.run_script("everything-on", "ledger-export").returncode, 0)
        self.assertEqual(sorted(os.listdir(self.folder)), ["acme.jsonl", "audit.json", "beta.jsonl", "catalog.yaml"])
        self.suite.cli("account", "top-up", "acme", "--usd", "1", "--request-id", "further")
        self.assertEqual(self.run_script("everything-on", "ledger-export", ACCOUNTS="").returncode, 0)
        self.assertLessEqual({"acme.jsonl", "beta.jsonl", "demo.jsonl"}, set(os.listdir(self.folder)))
        with open(os.path.join(self.folder, "acme.jsonl"), encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["sequence"] for line in file], [1, 2])

    def test_an_account_that_fails_does_not_stop_the_others_and_is_told(self):
        answer = self.run_script("everything-on", "ledger-export", ACCOUNTS="nobody demo")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("1 exports failed", answer.stderr)
        self.assertGreater(os.path.getsize(os.path.join(self.folder, "demo.jsonl")), 0)

    def test_the_export_fails_where_the_list_of_accounts_cannot_be_had(self):
        # A list through a pipe was empty then, and the job reported that all was well.
        answer = self.run_script("production-ha", "ledger-export", PRISMATIC_BILLING_ADMIN_ADDR="127.0.0.1:1")
        self.assertEqual(answer.returncode, 1, answer.stdout)
        self.assertIn("SERVICE_UNREACHABLE", answer.stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".jsonl")], [])

    def test_the_export_has_the_audit_log_and_the_catalog_for_a_restore(self):
        self.assertEqual(self.run_script("everything-on", "ledger-export", ACCOUNTS="demo").returncode, 0)
        with open(os.path.join(self.folder, "audit.json"), encoding="utf-8") as file:
            self.assertIn("account.create", {entry["action"] for entry in json.load(file)["entries"]})
        exported = os.path.join(self.folder, "catalog.yaml")
        self.suite.cli("catalog", "diff", exported)  # fails unless it is what is in force
        before = os.stat(exported).st_mtime_ns
        self.assertEqual(self.run_script("everything-on", "ledger-export", ACCOUNTS="demo", PRISMATIC_REGISTRY_ADMIN_ADDR="127.0.0.1:1").returncode, 1)
        self.assertEqual(os.stat(exported).st_mtime_ns, before)
        with open(os.path.join(self.folder, "audit.json"), encoding="utf-8") as file:
            self.assertTrue(json.load(file)["entries"])

    def test_after_a_restore_the_export_leaves_what_only_its_files_know(self):
        self.assertEqual(self.run_script("everything-on", "ledger-export", ACCOUNTS="demo").returncode, 0)
        known = {"entries": [{"time": "2199-01-01T00:00:00.000000Z", "action": "key.revoke"}]}
        for name, text in (("audit.json", json.dumps(known, separators=(",", ":"))), ("catalog.yaml", "models: []\n")):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        answer = self.run_script("everything-on", "ledger-export", ACCOUNTS="demo")
        self.assertEqual(answer.returncode, 1)
        self.assertIn('the audit log lacks "time":"2199-01-01T00:00:00.000000Z"', answer.stderr)
        with open(os.path.join(self.folder, "audit.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), known)
        with open(os.path.join(self.folder, "catalog.yaml"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "models: []\n")

    def test_helm_test_buys_nothing_of_a_model_that_another_provider_may_draw(self):
        before = set(self.accounts())
        answer = self.run_script("minimal", "test", SANDBOX="prismatic-sandbox.images.svc:9100")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("the model imagen-4 has a route to sandbox, which is not the sandbox: nothing was bought", answer.stderr)
        self.assertEqual(set(self.accounts()), before)


if __name__ == "__main__":
    unittest.main()
