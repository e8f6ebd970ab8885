#!/usr/bin/env python3
"""docs/how-to/upgrades.md: its commands, typed: the order of restarts while customers buy, and the removal of old functions.

usage: upgrades_test.py [--bin DIR] [unittest arguments]
"""
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "chaos")]
import hosts  # noqa: E402
from pages import blocks, typed  # noqa: E402
from restore_test import CENT4, Buyers  # noqa: E402
from suite import wait_until  # noqa: E402

PAGE = "how-to/upgrades.md"
OF_ANOTHER_VERSION = "#!lua name=billing_1_00c0ffee\nredis.register_function('billing_1_00c0ffee_x', function() return 1 end)"
# Billing's, the catalog's, and the operators', which are loaded last.
LIBRARIES, LIBRARIES_BYTES_MAX = 3, 180 * 1024


class UpgradesTest(unittest.TestCase):
    def setUp(self):
        self.host = hosts.Host()
        self.addCleanup(self.host.close)
        hosts.start_all(self.host)
        self.key = self.host.new_key("acme", "5000")

    def environment(self):
        return {**hosts.clean_environment(), **self.host.settings_of_cli(),
                "PATH": hosts.BIN + ":" + os.environ["PATH"], "REDISCLI_AUTH": self.host.passwords["operator"]}

    def libraries(self):
        return [library[1].decode() for library in self.host.redis("FUNCTION", "LIST")]

    def test_old_functions_are_removed_and_the_others_come_back(self):
        # A gateway that was there first asks the others again once they say that they are ready.
        wait_until(lambda: self.host.generate(self.key)[0] == 200, 10, "the way to a picture")
        wait_until(lambda: len(self.libraries()) == LIBRARIES, 10, "the functions of all")
        needed = sorted(self.libraries())
        info = self.host.redis("INFO", "memory").decode()
        size = int(re.search(r"used_memory_functions:(\d+)", info)[1])
        print(f"{size} bytes for {LIBRARIES} libraries", flush=True)
        self.assertLess(size, LIBRARIES_BYTES_MAX)
        self.host.redis("FUNCTION", "LOAD", OF_ANOTHER_VERSION)
        self.assertEqual(len(self.libraries()), len(needed) + 1)
        block, = blocks(PAGE, "Redis functions")
        done = typed(block, self.host.folder, self.environment(), [("-p 6379", f"-p {self.host.ports['redis']}")],
                     watched=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("billing_1_00c0ffee", self.libraries())
        self.assertEqual(self.host.read("libraries").count("\n"), len(needed) + 1)
        self.assertEqual(self.host.generate(self.key)[0], 200)
        self.host.told("provider", "images", "sandbox-chat", "off")
        self.assertEqual([name for name in self.libraries() if name not in needed], [])
        self.assertEqual(self.host.told("account", "show", "acme")["balance_nano_usd"], 5000 * 10**9 - 2 * CENT4)

    def test_the_order_of_restarts_leaves_the_books_exact(self):
        block, = blocks(PAGE, "The order")
        steps = [line for line in block.splitlines() if not line.startswith("install ")]
        self.assertEqual([line.split("prismatic-")[1] for line in steps if line.startswith("systemctl restart")],
                         ["registry", "billing", "provider-proxy", "gateway"])
        with Buyers(self.host, {"acme": self.key}) as buyers:
            buyers.until(5)
            for step in steps:
                if step.startswith("systemctl restart prismatic-"):
                    service = step.partition("prismatic-")[2]
                    self.assertEqual(self.host.end(service), 0)
                    self.host.start_service(service)
                    self.host.wait_ready()
                else:
                    done = typed(step, self.host.folder, self.environment(), [])
                    self.assertEqual(done.returncode, 0, step + done.stdout + done.stderr)
            buyers.until(5)
        wait_until(lambda: self.host.told("account", "show", "acme")["held_nano_usd"] == 0, 30, "the end of the holds")
        self.assertEqual(self.host.told("account", "show", "acme")["balance_nano_usd"],
                         5000 * 10**9 - CENT4 * buyers.bought["acme"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
