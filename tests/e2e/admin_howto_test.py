#!/usr/bin/env python3
"""docs/how-to/admin-api.md, command by command, in the order in which it stands there.

usage: admin_howto_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import ROOT, Suite  # noqa: E402

PAGE = os.path.join(ROOT, "docs/how-to/admin-api.md")
START = ". .run/env\n"
MARK = "--- end of block ---"


class AdminHowToTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def test_the_page_from_top_to_bottom(self):
        with open(PAGE, encoding="utf-8") as page:
            blocks = re.findall(r"^```sh\n(.*?)^```", page.read(), re.M | re.S)
        self.assertEqual(len(blocks), 7)
        self.assertTrue(blocks[0].startswith(START))
        script = f". {self.suite.state}/env\n" + blocks[0].removeprefix(START)
        script += "".join(f"{block}\necho; echo '{MARK}'\n" for block in blocks[1:])
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PRISMATIC_")}
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment,
                                  capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            said = [text.strip() for text in done.stdout.split(MARK)]
            with open(os.path.join(folder, "picture.json"), encoding="utf-8") as picture:
                self.assertIn("b64_json", json.load(picture)["data"][0])
            with open(os.path.join(folder, "acme-ledger.csv"), encoding="utf-8") as ledger:
                self.assertEqual(len(ledger.read().splitlines()), 3)
        account, top_up, key, generated, books, revoked = said[:6]
        self.assertEqual(json.loads(account)["requests_per_minute"], 600)
        self.assertEqual(json.loads(top_up)["account"]["balance_usd"], "25")
        self.assertEqual(key, "")
        self.assertEqual(generated.lower(), "x-prismatic-cost-usd: 0.04")
        ledger, usage = [json.loads(text) for text in books.replace("}{", "}\n{").splitlines()]
        self.assertEqual([entry["amount_usd"] for entry in ledger["entries"]], ["-0.04"])
        self.assertEqual([row["images"] for row in usage["rows"]], [1])
        self.assertTrue(revoked.endswith("401"), revoked)
        self.assertTrue(json.loads(revoked.removesuffix("401"))["revoked"])


if __name__ == "__main__":
    unittest.main()
