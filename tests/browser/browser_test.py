#!/usr/bin/env python3
"""The admin page in Debian's Chromium, driven by playwright-core: runs the *.test.mjs of this folder, each with a
suite of its own.

usage: browser_test.py [--separate] [--bin DIR] [NAME...]

PRISMATIC_SCREENSHOTS=DIR keeps a picture of every view; PRISMATIC_PAGE=DIR shows the page's files as they are in DIR,
without a build.
"""
import filecmp
import glob
import os
import re
import shutil
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
# A test waits at most 20 s for anything; the slowest file takes about one minute on a busy machine.
TIMEOUT_SECONDS = 600


def installed_node():
    lock, stamp = (os.path.join(FOLDER, name) for name in ("package-lock.json", "node_modules/.installed-lock.json"))
    if not os.path.exists(stamp) or not filecmp.cmp(lock, stamp, shallow=False):
        return None
    return glob.glob(os.path.join(FOLDER, "node_modules/node-linux-*/bin/node"))[0]


def missing():
    """What is not there, in words; empty when all is."""
    if installed_node() is None:
        return "the npm packages of tests/browser are not installed"
    return "" if shutil.which("chromium") else "Debian's chromium is not installed"


def main():
    options, names = [], []
    words = iter(sys.argv[1:])
    for word in words:
        if word == "--bin":
            options += [word, os.path.abspath(next(words))]
        else:
            (options if word == "--separate" else names).append(word)
    files = sorted(glob.glob(os.path.join(FOLDER, "*.test.mjs")))
    files = [file for file in files if not names or os.path.basename(file).removesuffix(".test.mjs") in names]
    lack = missing()
    if lack:
        skipped = not os.environ.get("CI")
        print(f"!!! NO TEST IN THE BROWSER RAN: {lack}")
        print(f"Ran {len(files)} tests\n{'OK' if skipped else 'FAILED'} ({'skipped' if skipped else 'failures'}={len(files)})")
        return 0 if skipped else 1
    done = subprocess.run([installed_node(), "--test", "--test-concurrency=1", "--test-reporter=spec", *files],
                          env={**os.environ, "PRISMATIC_SUITE_OPTIONS": " ".join(options)}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_SECONDS, check=False)
    print(done.stdout)
    figures = {name: int(number) for name, number in re.findall(r"^ℹ (tests|fail|skipped|cancelled) (\d+)$", done.stdout, re.M)}
    bad = figures.get("fail", 1) + figures.get("cancelled", 0)
    print(f"Ran {figures.get('tests', 0)} tests\n" + (f"FAILED (failures={bad}, skipped={figures.get('skipped', 0)})"
                                                      if bad or done.returncode else "OK"))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
