#!/usr/bin/env python3
"""docs/tutorials/first-provider.md, typed as it stands into one shell, in a folder and on ports of its own.

usage: tutorial_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from suite import OPTIONS, ROOT, free_port_base, png_size  # noqa: E402

PAGE = os.path.join(ROOT, "docs/tutorials/first-provider.md")


# What the page looks with. Each is typed as it stands, and once more for what it says as JSON.
DIAGNOSES = re.compile(r"^prismatic (doctor|provider test) ?.*$", re.M)


def blocks():
    with open(PAGE, encoding="utf-8") as page:
        return re.findall(r"^```sh\n(.*?)^```$", page.read(), re.M | re.S)


class TutorialTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="prismatic-tutorial-")
        self.state = os.path.join(self.folder, "state")
        self.addCleanup(self.clear)

    def clear(self):
        subprocess.run([os.path.join(ROOT, "scripts/stop"), "--state", self.state], capture_output=True, timeout=60,
                       check=False)
        shutil.rmtree(self.folder)

    def typed(self):
        """The page's commands. Only where the suite keeps its state, and which ports and programs it uses, is said
        besides."""
        binaries = os.path.abspath(OPTIONS[OPTIONS.index("--bin") + 1]) if "--bin" in OPTIONS else ROOT + "/build/bin"
        flags = ["--separate"] if "--separate" in OPTIONS else []
        flags += ["--bin", binaries] if "--bin" in OPTIONS else ["--no-build"]
        start = " ".join([f"{ROOT}/scripts/run --detach --state {self.state} --port-base {free_port_base()}", *flags])
        text = "".join(blocks())
        for said, meant, times in (("scripts/run --detach\n", start + "\n", 1), ("$PWD/build/bin", binaries, 1),
                                   (". .run/env\n", f". {self.state}/env\n", 2)):
            self.assertEqual(text.count(said), times, said)
            text = text.replace(said, meant)
        self.assertEqual([found[1] for found in DIAGNOSES.finditer(text)],
                         ["doctor", "provider test", "provider test", "doctor"])
        number = itertools.count(1)
        text = DIAGNOSES.sub(lambda found: f"{found[0]}\n{found[0]} --output json > looked-{next(number)}.json", text)
        head, found, tail = text.rpartition("scripts/stop\n")
        self.assertTrue(found)
        looks = "".join(f"{command} > {name}.json\n" for name, command in (
            ("account", "prismatic account show acme --output json"),
            ("ledger", "prismatic ledger list --account acme --output json"),
            ("models", "prismatic model list --output json")))
        return f"set -euo pipefail\n{head}{looks}{ROOT}/scripts/stop --state {self.state}\n{tail}"

    def read(self, name):
        with open(os.path.join(self.folder, name + ".json"), encoding="utf-8") as file:
            return json.load(file)

    def test_every_command_of_the_page_works_and_the_money_is_as_it_says(self):
        mine = {name: value for name, value in os.environ.items() if not name.startswith("PRISMATIC_")}
        done = subprocess.run(["bash", "-c", self.typed()], cwd=self.folder, env=mine, capture_output=True, text=True,
                              timeout=180, check=False)
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
        with open(os.path.join(self.folder, "postcard.png"), "rb") as picture:
            self.assertEqual(png_size(picture.read()), (512, 512))
        self.assertEqual(len(self.read("two")["data"]), 2)
        self.assertEqual(self.read("account")["balance_usd"], "0.85")
        self.assertEqual([(entry["type"], entry["amount_usd"]) for entry in self.read("ledger")["entries"]],
                         [("top_up", "1"), ("charge", "-0.05"), ("charge", "-0.1")])
        prices = {model["public_id"]: model["retail_generation_usd"] for model in self.read("models")["models"]}
        self.assertEqual(prices["studio/postcard"], "0.06")
        self.check_diagnoses()

    def check_diagnoses(self):
        """All is well after the start and at the end, and with the provider as soon as it is there; once it has a
        model, that is looked up too."""
        looked = [self.read(f"looked-{number}") for number in range(1, 5)]
        self.assertEqual([each["ok"] for each in looked], [True] * 4, looked)
        switch, model = ([{check["name"]: check["result"] for check in each["checks"]}[name] for each in looked[1:3]]
                         for name in ("switch", "model"))
        self.assertEqual((switch, model), (["skipped", "ok"], ["skipped", "ok"]))
        keys = [check["result"] for each in (looked[0], looked[3]) for check in each["checks"]
                if check["name"] == "API key"]
        self.assertEqual(keys, ["ok", "ok"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
