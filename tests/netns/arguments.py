"""The folder of the suite's programs: --bin DIR, taken from the command line before unittest reads it."""
import os
import sys

from connections import ROOT

BINARIES = os.path.join(ROOT, "build/bin")
if "--bin" in sys.argv:
    at = sys.argv.index("--bin")
    BINARIES = os.path.abspath(sys.argv[at + 1])
    del sys.argv[at:at + 2]
if "--separate" in sys.argv:  # they always are
    sys.argv.remove("--separate")
