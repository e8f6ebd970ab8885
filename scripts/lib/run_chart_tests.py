#!/usr/bin/env python3
"""Runs the chart's test programs one after the other and adds up what they counted.

Exit code: 1 when a test failed or none ran; 3 when some were skipped for what is missing here, which CI takes for a failure.

usage: run_chart_tests.py BIN TEST.py...
"""
import os
import sys

import run_tests


def main():
    binaries, programs = sys.argv[1], sys.argv[2:]
    totals = [0, 0, 0]
    for path in programs:
        folder, name = path.split(os.sep)[-2:]
        with open(os.path.join(run_tests.ROOT, path), encoding="utf-8") as file:
            takes_binaries = "--bin" in file.read()
        command = [sys.executable, path, *(["--separate", "--bin", binaries] if takes_binaries else [])]
        one = run_tests.run(f"{folder}_{name.removesuffix('_test.py')}", command)
        totals = [total + count for total, count in zip(totals, one)]
    skipped = f", {totals[2]} skipped" if totals[2] else ""
    print(f"{totals[0]} passed, {totals[1]} failed{skipped}")
    if totals[1] or not totals[0] or totals[2] and "CI" in os.environ:
        return 1
    return 3 if totals[2] else 0


if __name__ == "__main__":
    sys.exit(main())
