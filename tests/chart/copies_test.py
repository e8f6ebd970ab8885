#!/usr/bin/env python3
"""What the chart holds as a copy, since Helm reads only below its own folder, is what the repository says elsewhere; and versions agree.

copies_test.py --update copies anew.
"""
import glob
import os
import re
import shutil
import sys
import unittest

import chart
import yaml

UPDATE = "--update" in sys.argv
if UPDATE:
    sys.argv.remove("--update")


def copies():
    """source -> copy."""
    found = {os.path.join(chart.ROOT, "deploy/prometheus/rules.yaml"): os.path.join(chart.CHART, "files/prometheus-rules.yaml")}
    for path in glob.glob(os.path.join(chart.ROOT, "deploy/grafana/*.json")):
        found[path] = os.path.join(chart.CHART, "files/dashboards", os.path.basename(path))
    return found


def content(*path):
    with open(os.path.join(chart.ROOT, *path), encoding="utf-8") as file:
        return file.read()


class CopiesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for source, copy in copies().items() if UPDATE else ():
            if os.path.exists(source):
                shutil.copyfile(source, copy)

    def test_rules_and_dashboards_are_the_repositorys(self):
        for source, copy in copies().items():
            with self.subTest(copy=os.path.basename(copy)):
                self.assertEqual(content(copy), content(source), "scripts/check-chart --update")

    def test_no_dashboard_is_left_over(self):
        self.assertEqual({os.path.basename(path) for path in glob.glob(chart.CHART + "/files/dashboards/*.json")},
                         {os.path.basename(path) for path in glob.glob(chart.ROOT + "/deploy/grafana/*.json")})

    def test_the_charts_app_version_is_that_of_the_binaries(self):
        app_version = yaml.safe_load(content(chart.CHART, "Chart.yaml"))["appVersion"]
        self.assertEqual(app_version, re.search(r"project\(prismatic VERSION ([0-9.]+)", content("CMakeLists.txt"))[1])

    def test_the_acl_has_the_rights_of_the_documentation(self):
        # And one more: its configuration holds no password, so the services may look at it.
        lines = content(chart.CHART, "files/redis-users.acl").splitlines()
        documented = content("docs/how-to/redis.md")
        for line, service in zip(lines[2:], ("billing", "registry")):
            rights = re.search(rf"ACL SETUSER prismatic-{service} reset on >\S+ (.*)", documented)[1]
            self.assertEqual(line.split(" ", 4)[4], rights + " +config|get")


if __name__ == "__main__":
    unittest.main()
