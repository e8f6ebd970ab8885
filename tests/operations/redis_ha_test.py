#!/usr/bin/env python3
"""docs/how-to/redis-ha.md: servers, users and sentinels from the page's own blocks, a suite that sells on them, and what
the page says to do with them: the master dies, is switched over on purpose, is replaced.

usage: redis_ha_test.py [--bin DIR] [unittest arguments]
"""
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "chaos")]
import hosts  # noqa: E402
from pages import blocks, conf, typed  # noqa: E402
from restore_test import CENT4, Buyers  # noqa: E402
from sentinels import free_port  # noqa: E402
from suite import wait_until  # noqa: E402
from units import SERVICES  # noqa: E402

PAGE = "how-to/redis-ha.md"
PASSWORDS = {"replica": "r" * 24, "sentinel": "s" * 24}


class Set:
    """Two servers and three sentinels of the page, on a host of tests."""

    def __init__(self, host):
        self.host, self.ports, self.sentinels = host, {}, [free_port() for _ in range(3)]
        self.users = host.users() + self.filled(conf(PAGE, "users.acl"))
        for name in ("10.0.0.1", "10.0.0.2"):
            self.start(name, None if name == "10.0.0.1" else "10.0.0.1")
        wait_until(lambda: self.replicas("10.0.0.1") == 1, 60, "the replica")
        for number, port in enumerate(self.sentinels):
            folder = self.folder(f"sentinel-{number}")
            text = self.filled(conf(PAGE, "sentinel.conf")).replace("port 26379", f"port {port}")
            text = text.replace("/var/lib/redis/sentinel", folder)
            text = text.replace("10.0.0.1 6379", f"127.0.0.1 {self.ports['10.0.0.1']}")
            # The page's 5 s would be most of the test.
            text = text.replace("down-after-milliseconds main 5000", "down-after-milliseconds main 1500")
            host.write(f"sentinel-{number}/sentinel.conf", text)
            host.start(f"sentinel-{number}", ["redis-server", folder + "/sentinel.conf", "--sentinel", "--bind",
                                              "127.0.0.1"])
        wait_until(self.agree, 60, "the sentinels")

    def folder(self, name):
        os.makedirs(self.host.path(name), exist_ok=True)
        return self.host.path(name)

    @staticmethod
    def filled(text):
        for name, password in PASSWORDS.items():
            text = text.replace(f"change-this-{name}-password", password)
        return text

    def start(self, name, master=None):
        """A server with what it kept of before; `master` is whom it follows when it is new."""
        port = self.ports.setdefault(name, free_port())
        folder = self.folder(name)
        if not os.path.exists(folder + "/redis.conf"):
            text = self.filled(conf(PAGE, "redis.conf"))
            for said, meant in (("port 6379", f"port {port}"), ("/var/lib/redis/prismatic", folder),
                                ("/etc/redis/prismatic-users.acl", folder + "/users.acl"), ("bind 0.0.0.0", "bind 127.0.0.1")):
                assert said in text, said
                text = text.replace(said, meant)
            if master:
                text += conf(PAGE, "redis.conf of a replica").replace("10.0.0.1 6379",
                                                                       f"127.0.0.1 {self.ports[master]}")
            self.host.write(name + "/redis.conf", text)
            self.host.write(name + "/users.acl", self.users)
        self.host.start(name, ["redis-server", folder + "/redis.conf"])
        wait_until(lambda: self.ask(name, "PING") == b"PONG", 20, name)

    def ask(self, name, *words):
        try:
            client = hosts.Redis(f"redis://127.0.0.1:{self.ports[name]}")
        except OSError:
            return None
        try:
            return client.pipeline([("AUTH", "operator", self.host.passwords["operator"]), words])[1]
        except (OSError, RuntimeError, ValueError):
            return None
        finally:
            client.close()

    def ask_sentinel(self, number, *words):
        client = hosts.Redis(f"redis://127.0.0.1:{self.sentinels[number]}")
        try:
            return client.call(*words)
        finally:
            client.close()

    def replicas(self, name):
        info = (self.ask(name, "INFO", "replication") or b"").decode()
        return sum("state=online" in line and "offset=0," not in line for line in info.splitlines())

    def told(self, number):
        try:
            return (self.ask_sentinel(number, "INFO", "sentinel") or b"").decode()
        except (OSError, RuntimeError, ValueError):
            return ""

    def agree(self, slaves=1):
        return all(f"slaves={slaves},sentinels=3" in self.told(number) and "status=ok" in self.told(number)
                   for number in range(3))

    def master(self):
        """Its name, when all sentinels say the same."""
        ports = {int(self.ask_sentinel(number, "SENTINEL", "get-master-addr-by-name", "main")[1]) for number in range(3)}
        return {port: name for name, port in self.ports.items()}[ports.pop()] if len(ports) == 1 else None

    def url(self, user):
        nodes = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return (f"redis+sentinel://prismatic-{user}@{nodes}/main?password_file={self.host.path('secrets/redis-' + user)}"
                "&wait=1")


class RedisHaTest(unittest.TestCase):
    def setUp(self):
        self.host = hosts.Host(in_memory=True)
        self.addCleanup(self.host.close)
        self.set = Set(self.host)
        self.host.more = {user: {"REDIS": self.set.url(user)} for user in ("registry", "billing")}
        self.host.write("etc/catalog.yaml", self.host.catalog.replace("env:PROVIDER_KEY_SANDBOX", "file:sandbox"))
        self.host.start_sandbox()
        for service in SERVICES:
            self.host.start_service(service)
        self.host.wait_ready()
        self.keys = {name: self.host.new_key(name, "5000") for name in ("acme", "zebra")}

    def type(self, section, number=0, sentinel=2):
        """A block of the page, the addresses replaced by ours."""
        block = re.sub(r"-h 10\.0\.0\.3 -p 26379", f"-p {self.set.sentinels[sentinel]}", blocks(PAGE, section)[number])
        for name, port in self.set.ports.items():
            block = block.replace(f"-h {name} -p 6379", f"--user operator -p {port}")
        done = typed(block, self.host.folder, {**hosts.clean_environment(),
                                               "REDISCLI_AUTH": self.host.passwords["operator"]}, [], watched=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def check_the_money(self, buyers):
        """To the cent: what was put in, less each picture that a customer saw, and is not named as lost."""
        named = set(re.findall(r'"settlement (?:lost|refused)".*?"reservation":"([^"]+)"', self.host.read("gateway.log")))
        for name in self.keys:
            lost = sum(reservation.startswith(name + ".") for reservation in named)
            wait_until(lambda name=name: self.host.told("account", "show", name)["held_nano_usd"] == 0, 60, "settlements")
            shown = self.host.told("account", "show", name)
            self.assertEqual(shown["balance_nano_usd"], 5000 * 10**9 - CENT4 * (buyers.bought[name] - lost), name)
            self.assertEqual(self.host.told("ledger", "verify", "--account", name)["differences"], [])

    def test_the_set_is_well_as_the_page_says_one_looks(self):
        said = self.type("Look whether all is well")
        for words in ("OK 3 usable Sentinels", "role:master", "connected_slaves:1", "state=online"):
            self.assertIn(words, said)
        # With the page's users every server has what the services wrote, and a sentinel has rewritten its file.
        self.assertEqual(self.set.ask("10.0.0.2", "DBSIZE"), self.set.ask("10.0.0.1", "DBSIZE"))

    def test_a_master_that_dies_is_replaced_and_comes_back_as_a_replica(self):
        with Buyers(self.host, self.keys) as buyers:
            buyers.until(5)
            self.host.kill("10.0.0.1")
            wait_until(lambda: self.set.master() == "10.0.0.2", 60, "the failover")
            buyers.until(5)
            self.set.start("10.0.0.1")
            wait_until(lambda: self.set.replicas("10.0.0.2") == 1, 120, "the old master as a replica")
            buyers.until(5)
        self.check_the_money(buyers)
        self.assertNotIn("ACLs rules changed", self.host.read("10.0.0.1.log"))
        for name in self.set.ports:  # the page's rights are all that anybody asked for
            denied = {(dict(zip(each[::2], each[1::2]))[b"username"], dict(zip(each[::2], each[1::2]))[b"object"])
                      for each in self.set.ask(name, "ACL", "LOG")}
            self.assertLessEqual(denied, {(b"prismatic-billing", b"config|get"), (b"prismatic-registry", b"config|get")})

    def test_a_switch_over_on_purpose_loses_nothing(self):
        with Buyers(self.host, self.keys) as buyers:
            buyers.until(5)
            self.type("Switch over on purpose")
            wait_until(lambda: self.set.master() == "10.0.0.2", 60, "the switch-over")
            wait_until(lambda: self.set.replicas("10.0.0.2") == 1, 120, "the old master as a replica")
            buyers.until(5)
        self.check_the_money(buyers)
        self.assertNotIn("settlement lost", self.host.read("gateway.log"))
        self.assertIn(b"master_link_status:up", self.set.ask("10.0.0.1", "INFO", "replication"))

    def test_a_server_is_replaced_while_everybody_sells(self):
        with Buyers(self.host, self.keys) as buyers:
            buyers.until(5)
            self.set.start("10.0.0.4", "10.0.0.1")
            wait_until(lambda: self.set.replicas("10.0.0.1") == 2, 60, "the new replica")
            wait_until(lambda: self.set.agree(slaves=2), 60, "the sentinels to see it")
            self.host.kill("10.0.0.2")
            for sentinel in range(3):
                self.type("Replace a server", sentinel=sentinel)
                wait_until(lambda one=sentinel: "slaves=1,sentinels=3" in self.set.told(one), 60, "what is there")
            self.assertEqual(self.set.master(), "10.0.0.1")
            buyers.until(5)
        self.check_the_money(buyers)


if __name__ == "__main__":
    unittest.main(verbosity=2)
