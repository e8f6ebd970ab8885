#!/usr/bin/env python3
"""The users of docs/how-to/redis.md: with them the suite works and a restart of Redis keeps the money; and what happens to
the money where `default` may not do everything.

usage: redis_users_test.py [--bin DIR] [unittest arguments]
"""
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "chaos")]
import hosts  # noqa: E402
from suite import ROOT, wait_until  # noqa: E402

LEFT_OUT = "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call"
PAGE = os.path.join(ROOT, "docs/how-to/redis.md")


def users_of_the_page():
    """{user: its line of an aclfile}"""
    with open(PAGE, encoding="utf-8") as page:
        lines = page.read().splitlines()
    found = [line for line in lines if line.startswith("user ")]
    found += [line.replace("ACL SETUSER ", "user ").replace(" reset ", " ") for line in lines
              if line.startswith("ACL SETUSER prismatic-") and "prismatic-asker" not in line]
    return {line.split()[1]: line for line in found}


class RedisUsersTest(unittest.TestCase):
    def setUp(self):
        self.host = hosts.Host()
        self.addCleanup(self.host.close)

    def start(self, default=None):
        """The suite on a Redis with the page's users, of which `default` may be another."""
        users = self.host.users()
        if default is not None:
            users, times = re.subn(r"^user default .*$", default, users, flags=re.M)
            self.assertEqual(times, 1)
        self.host.write("users.acl", users)
        hosts.start_all(self.host)
        return self.host.new_key("acme", "5")

    def sell_and_restart_redis(self, key):
        host = self.host
        wait_until(lambda: host.generate(key)[0] == 200, 20, "a picture")  # a busy Redis may need a second try
        self.assertEqual(host.told("account", "show", "acme")["balance_usd"], "4.96")
        host.kill("redis")
        host.start_redis()
        wait_until(lambda: host.cli("account", "list").returncode == 0, 30, "billing")

    def test_the_file_that_is_installed_has_the_users_of_the_page(self):
        installed = self.host.file_of_deploy("prismatic-users.acl").splitlines()
        self.assertEqual(set(users_of_the_page()), {"default", "operator", "backup", "prismatic-registry",
                                                    "prismatic-billing"})
        for line in users_of_the_page().values():
            self.assertIn(line, installed)

    def test_a_restart_keeps_the_money(self):
        key = self.start()
        self.sell_and_restart_redis(key)
        self.assertEqual(self.host.told("account", "show", "acme")["balance_usd"], "4.96")
        self.assertEqual(self.host.told("ledger", "verify", "--account", "acme")["differences"], [])
        wait_until(lambda: self.host.generate(key)[0] == 200, 10, "a picture")
        forbidden = [line for line in (self.host.read("billing.log") + self.host.read("registry.log")).splitlines()
                     if "redis forbids" in line and "config|get" not in line]
        self.assertEqual(forbidden, [])
        self.assertNotIn(LEFT_OUT, self.host.read("redis.log"))

    def test_a_restart_keeps_the_money_too_where_default_has_a_password(self):
        key = self.start(default="user default on >a-password ~* &* +@all")
        self.sell_and_restart_redis(key)
        self.assertEqual(self.host.told("account", "show", "acme")["balance_usd"], "4.96")
        self.assertNotIn(LEFT_OUT, self.host.read("redis.log"))

    def test_what_is_in_memory_is_rescued_before_a_restart(self):
        """The page's way back: the line put right, then the file written anew."""
        key = self.start(default="user default off resetpass resetkeys -@all")
        self.host.write("users.acl", self.host.users())
        self.assertEqual(self.host.redis("ACL", "LOAD"), b"OK")
        self.host.redis("BGREWRITEAOF")
        wait_until(lambda: b"aof_rewrite_in_progress:0" in self.host.redis("INFO", "persistence"), 30, "the rewrite")
        self.assertIn(b"aof_last_bgrewrite_status:ok", self.host.redis("INFO", "persistence"))
        self.sell_and_restart_redis(key)
        self.assertEqual(self.host.told("account", "show", "acme")["balance_usd"], "4.96")

    def test_nobody_gets_in_as_the_default_user(self):
        """It may do everything, and there is no way to be it."""
        self.start()
        for password in ("", "x", self.host.passwords["operator"]):
            with self.assertRaisesRegex(RuntimeError, "NOAUTH|WRONGPASS"):
                client = hosts.Redis(f"redis://{self.host.address('redis')}")
                self.addCleanup(client.close)
                if password:
                    client.call("AUTH", "default", password)
                client.call("GET", "x")

    def test_each_service_sees_its_own_keys_alone(self):
        self.start()
        for user, others in (("registry", "{b001}:accounts"), ("billing", "{catalog}:version")):
            client = hosts.Redis(f"redis://{self.host.address('redis')}")
            self.addCleanup(client.close)
            client.call("AUTH", "prismatic-" + user, self.host.passwords[user])
            for words in (("TYPE", others), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("ACL", "LIST"), ("FLUSHALL",)):
                with self.assertRaisesRegex(RuntimeError, "NOPERM"):
                    client.call(*words)

    def test_a_restart_loses_the_money_where_default_may_not_do_everything(self):
        """The reason for the page's odd first line: Redis replays its file as `default`, looks at that user's rights at the
        end of each transaction, leaves out what they do not cover, and serves. The file still has it."""
        key = self.start(default="user default off resetpass resetkeys -@all")
        self.sell_and_restart_redis(key)
        shown = self.host.cli("account", "show", "acme")
        self.assertNotEqual(shown.returncode, 0)
        self.assertIn("ACCOUNT_NOT_FOUND", shown.stderr)
        self.assertIn(LEFT_OUT, self.host.read("redis.log"))
        self.host.kill("redis")
        self.host.start_redis(self.host.users())
        wait_until(lambda: self.host.cli("account", "show", "acme").returncode == 0, 30, "the account")
        self.assertEqual(self.host.told("account", "show", "acme")["balance_usd"], "4.96")
        self.assertEqual(self.host.told("ledger", "verify", "--account", "acme")["differences"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
