#!/usr/bin/env python3
"""Values that cannot work are refused before anything is installed, in words that say what to do."""
import glob
import os
import re
import unittest

import chart

CLUSTER = ("--kube-version", "1.36.0")
FILES = sorted(glob.glob(os.path.join(chart.HERE, "bad/*.yaml")))


def refusal(helm, path):
    """(what it must say, what Helm answers); a file may name the release."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    release = re.search(r"^# release: (.*)$", text, re.M)
    answer = chart.template(helm, path, cluster=CLUSTER, release=release[1] if release else chart.RELEASE)
    return re.findall(r"^# expect: (.*)$", text, re.M), answer


@chart.needs_tools(*chart.HELMS)
class BadValuesTest(unittest.TestCase):
    def test_there_are_at_least_ten(self):
        self.assertGreaterEqual(len(FILES), 10)

    def test_each_is_refused_in_words(self):
        for path in FILES:
            for helm in chart.HELMS:
                with self.subTest(helm=helm, file=os.path.basename(path)):
                    expected, answer = refusal(helm, path)
                    self.assertTrue(expected)
                    self.assertNotEqual(answer.returncode, 0, "it was accepted")
                    for words in expected:
                        self.assertIn(words, answer.stderr)
                    # Our words or the schema's, and no trace of a template that fell over.
                    self.assertRegex(answer.stderr, "These values cannot be installed|values don't meet the specifications")
                    self.assertNotRegex(answer.stderr, "nil pointer|error calling|<no value>")

    def test_only_what_is_named_is_wrong_with_each(self):
        # A refusal for some other reason would hide that the named one is not looked at.
        for path in FILES:
            with self.subTest(file=os.path.basename(path)):
                expected, answer = refusal("helm3", path)
                complaints = re.findall(r"^- .*$", answer.stderr, re.M)
                self.assertLessEqual(len(complaints), len(expected))


if __name__ == "__main__":
    unittest.main()
