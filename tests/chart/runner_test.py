#!/usr/bin/env python3
"""What scripts/check-chart ends with: a suite that could not run is no success."""
import os
import subprocess
import sys
import tempfile
import unittest

import chart

PASSES = "    def test_passes(self):\n        pass\n"
FAILS = "    def test_fails(self):\n        self.fail()\n"
SKIPPED = "    @unittest.skip('a tool is missing')\n    def test_skipped(self):\n        pass\n"
MODULE_SKIPPED = "\ndef setUpModule():\n    raise unittest.SkipTest('SKIPPED, no cluster')\n"


class RunnerTest(unittest.TestCase):
    def status(self, body, more="", **environment):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "one_test.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"import unittest\n\n\nclass OneTest(unittest.TestCase):\n{body}\n{more}\nunittest.main()\n")
            kept = {name: value for name, value in os.environ.items() if name != "CI"}
            return subprocess.run([sys.executable, os.path.join(chart.ROOT, "scripts/lib/run_chart_tests.py"), folder, path],
                                  capture_output=True, timeout=60, check=False, env={**kept, **environment}).returncode

    def test_all_passed_is_0(self):
        self.assertEqual(self.status(PASSES), 0)
        self.assertEqual(self.status(PASSES, CI="1"), 0)

    def test_a_failure_is_1_with_or_without_skips(self):
        self.assertEqual(self.status(FAILS + PASSES), 1)
        self.assertEqual(self.status(FAILS + SKIPPED), 1)

    def test_what_was_skipped_is_3_and_a_failure_in_ci(self):
        self.assertEqual(self.status(PASSES + SKIPPED), 3)
        self.assertEqual(self.status(PASSES + SKIPPED, CI="1"), 1)

    def test_a_whole_suite_that_was_skipped_is_no_success(self):
        self.assertEqual(self.status(PASSES, MODULE_SKIPPED, CI="1"), 1)
        self.assertEqual(self.status(PASSES, MODULE_SKIPPED), 1)


if __name__ == "__main__":
    unittest.main()
