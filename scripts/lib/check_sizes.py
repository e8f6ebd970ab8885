#!/usr/bin/env python3
"""Prints the ten longest functions and fails on one above 70 lines or a file above 450."""
import os
import re
import subprocess
import sys

FUNCTION_MAX = 70
FILE_MAX = 450
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def functions(lines):
    """(first line, length) of each top-level or class-level body: `{` at a line's end closed by its own indent."""
    for start, line in enumerate(lines):
        match = re.match(r"^( {0,2})\S.*\)[^;=]*\{$", line)
        if not match or re.search(r"\]\(", line) or re.match(r"^\s*(if|for|while|switch|namespace|class|struct|enum)\b", line):
            continue
        closing = match.group(1) + "}"
        for end in range(start + 1, len(lines)):
            if lines[end].rstrip(";") == closing:
                yield start + 1, end - start + 1
            if lines[end].startswith("}") or lines[end].rstrip(";") == closing:
                break


def main():
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.h", "*.cc"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    longest, failures = [], []
    for path in files:
        if not os.path.exists(os.path.join(ROOT, path)):
            continue
        with open(os.path.join(ROOT, path), encoding="utf-8") as source:
            lines = source.read().splitlines()
        if len(lines) > FILE_MAX and not path.endswith("_test.cc"):
            failures.append(f"{path}: {len(lines)} lines; does it have one subject?")
        if path.endswith("_test.cc"):
            continue
        longest += [(length, f"{path}:{line}") for line, length in functions(lines)]
    longest.sort(reverse=True)
    for length, place in longest[:10]:
        print(f"  {length:4} lines  {place}")
    failures += [f"{place}: {length} lines; look for the leaf" for length, place in longest if length > FUNCTION_MAX]
    print("\n".join(failures) if failures else "sizes: nothing too long")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
