#!/usr/bin/env python3
"""docs/how-to/backup-and-restore.md, typed as it stands: a suite that sells is backed up, sells on, loses everything, is
restored elsewhere, and every cent is accounted for.

usage: restore_test.py [--bin DIR] [unittest arguments]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "chaos")]
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(HERE)), "deploy/backup"))
import hosts  # noqa: E402
import make_good  # noqa: E402
from grpc_client import Service, uuid7  # noqa: E402
from pages import blocks, typed  # noqa: E402
from sentinels import free_port  # noqa: E402
from suite import ROOT, wait_until  # noqa: E402

PAGE = "how-to/backup-and-restore.md"
SNAPSHOT, EXPORT = range(2)
STOP, PUT, BILLING, REPLAY, COMPARE, MAKE_GOOD, RUN, CATALOG, BOOKS, SELL = range(10)
CENT4 = 40_000_000
# Notes what systemd would have been asked for; the test does it.
PREAMBLE = 'systemctl() { echo "$@" >> systemctl; }\nchown() { :; }\njournalctl() { cat journal; }\n'
# As a full disk does.
CUT = 'redis-cli() { command redis-cli "$@" && truncate -s -20 "${@: -1}"; }\n'


class Buyers:
    """Customers who buy without a pause; `bought` counts their pictures that came, `last` is what each was told last."""

    def __init__(self, host, keys):
        self.host, self.stop, self.bought, self.last = host, threading.Event(), dict.fromkeys(keys, 0), {}
        self.threads = [threading.Thread(target=self.buy, args=item, daemon=True) for item in keys.items()]
        for thread in self.threads:
            thread.start()

    def buy(self, account, key):
        while not self.stop.is_set():
            try:
                status, body = self.host.generate(key)
            except ConnectionRefusedError:  # the gateway is being restarted
                time.sleep(0.05)
                continue
            self.bought[account] += status == 200
            self.last[account] = (status, body[:200])
            self.stop.wait(0.02)  # so that a long test does not buy thousands

    def until(self, more):
        """So many pictures more for each."""
        before = dict(self.bought)
        try:
            wait_until(lambda: all(self.bought[name] >= before[name] + more for name in before), 60, "sales")
        except AssertionError as error:
            alive = [thread.is_alive() for thread in self.threads]
            raise AssertionError(f"{error}; {before}, now {self.bought}, {self.last}, buyers alive: {alive}"
                                 f"{self.host.logs()}") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


class RestoreTest(unittest.TestCase):
    def setUp(self):
        self.host = hosts.Host()
        self.addCleanup(self.host.close)
        self.replaced = [
            ("/var/lib/redis/prismatic", self.host.path("redis")), ("/var/backups/prismatic", self.host.path("backups")),
            ("/etc/prismatic/secrets", self.host.path("secrets")),
            ("deploy/backup/make_good.py", os.path.join(ROOT, "deploy/backup/make_good.py"))]
        hosts.start_all(self.host)

    # --- the page ---
    def type(self, section, number, fine=True, preamble=PREAMBLE):
        block = blocks(PAGE, section)[number]
        port = [("-p 6379", f"-p {self.host.ports['redis']}")]
        environment = {**hosts.clean_environment(), **self.host.settings_of_cli(),
                       "PATH": hosts.BIN + ":" + os.environ["PATH"]}
        done = typed(block, self.host.folder, environment, self.replaced + port, preamble)
        said = f"{block}\n{done.stdout}\n{done.stderr}{self.host.logs()}"
        (self.assertEqual if fine else self.assertNotEqual)(done.returncode, 0, said)
        return done.stdout

    def asked_of_systemd(self):
        if not os.path.exists(self.host.path("systemctl")):
            return []
        asked = self.host.read("systemctl").splitlines()
        os.remove(self.host.path("systemctl"))
        return asked

    def test_the_page_has_the_blocks_that_are_typed_here(self):
        for section, count in (("Back up", 2), ("Restore", 10), ("In Kubernetes", 1)):
            self.assertEqual(len(blocks(PAGE, section)), count)
        text = "".join(blocks(PAGE, "Back up") + blocks(PAGE, "Restore"))
        for said in [*(said for said, _ in self.replaced), "-p 6379"]:
            self.assertIn(said, text)

    # --- the story ---
    def hold(self, key):
        """A reservation that is open at the snapshot; its settlement gets lost."""
        with Service(self.host.address("billing"), "prismatic.billing.v1.Billing") as billing:
            return billing.CreateReservation(api_key=key, attempt_id=uuid7(), model="imagen-4",
                                             image_count=3).reservation.id

    def settle(self, reservation):
        with Service(self.host.address("billing"), "prismatic.billing.v1.Billing") as billing:
            return billing.SettleReservation(reservation_id=reservation, delivered_count=2)

    def what_happens_after_the_snapshot(self, reservation):
        """`reservation` is settled late, so that the gateway's log names it, and the exported ledger has its charge."""
        told = self.host.told
        self.settle(reservation)
        late = self.hold(self.host.told("key", "create", "--account", "zebra")["api_key"])
        self.host.write("journal", "".join(json.dumps({"message": "settlement_pending", "reservation": each, "delivered": 2}) +
                                           "\n" for each in (reservation, late)))
        told("account", "top-up", "acme", "--usd", "7", "--request-id", "invoice-2")
        told("account", "adjust", "acme", "--usd=-0.5", "--reason", "it's a \"fee\"", "--request-id", "fee-1")
        told("account", "adjust", "zebra", "--usd", "0.25", "--reason", "a gift", "--request-id", "gift-1")
        told("key", "revoke", "zebra.2")
        told("account", "suspend", "shut")
        told("model", "price", "sandbox-chat", "--usd", "0.05", "--note", "dearer")
        self.late_key = told("key", "create", "--account", "acme")["api_key"]
        told("account", "create", "late", "--wallet-usd", "3")

    def lose_everything(self):
        """The host is gone: processes, Redis' folder, and with them the ports."""
        for name in list(self.host.processes):
            if name != "sandbox":
                self.host.kill(name)
        shutil.rmtree(self.host.path("redis"))
        for name in self.host.ports:
            if name != "sandbox":
                self.host.ports[name] = free_port()

    def start_redis(self):
        self.host.write("redis.conf", self.host.redis_settings())
        self.host.start_redis()

    def end_holds(self, accounts=("acme", "zebra", "plan")):
        """As after seven minutes."""
        client = hosts.Redis(f"redis://{self.host.address('redis')}")
        client.call("AUTH", "operator", self.host.passwords["operator"])
        client.end_holds()
        client.close()
        wait_until(lambda: all(self.host.told("account", "show", name)["held_nano_usd"] == 0
                               for name in accounts), 30, "the end of the holds")

    def ready(self):
        wait_until(lambda: self.host.cli("account", "list").returncode == 0, 30, "billing")
        wait_until(lambda: self.host.cli("provider", "list").returncode == 0, 30, "the registry")

    def restore(self):
        """Steps 1 to 5 of the page, up to where the script that makes good is written."""
        self.type("Restore", STOP)
        self.type("Restore", PUT)
        self.assertEqual(self.asked_of_systemd()[-1], "start redis-server@prismatic")
        self.start_redis()
        self.type("Restore", BILLING)
        self.assertEqual(self.asked_of_systemd(), ["start prismatic-registry prismatic-billing"])
        for service in ("registry", "billing"):
            self.host.start_service(service)
        self.ready()
        self.end_holds()
        replayed = self.type("Restore", REPLAY, fine=False)  # it names what the snapshot does not know
        self.assertRegex(replayed, r"\bsettled\b[^\n]*\n[^\n]*\breservation_forgotten\b")
        return self.type("Restore", COMPARE)

    def test_a_lost_host_is_restored_and_the_books_are_made_good(self):
        host = self.host
        keys = {name: host.new_key(name, "5000") for name in ("acme", "zebra", "shut")}
        host.told("account", "create", "plan", "--quota", "100000", "--quota-period", "month")
        keys["plan"] = host.told("key", "create", "--account", "plan")["api_key"]
        revoked = host.told("key", "create", "--account", "zebra")["api_key"]
        del keys["shut"]
        with Buyers(host, keys) as buyers:
            buyers.until(5)
            reservation = self.hold(keys["acme"])
            self.type("Back up", SNAPSHOT)  # while they buy
            buyers.until(5)
            self.what_happens_after_the_snapshot(reservation)
            buyers.until(5)
        self.type("Back up", EXPORT)
        before = {name: host.told("account", "show", name) for name in ("acme", "zebra", "plan", "shut")}
        self.lose_everything()

        differences = self.restore()
        for name in ("acme", "zebra", "plan"):
            self.assertIn(f"{name}: see above", differences)
        self.assertNotIn("shut: see above", differences)
        script = self.type("Restore", MAKE_GOOD)
        self.assertIn("late was opened after the backup", script)
        self.assertRegex(script, r"#! plan: \d+ units of its quota")
        self.assertIn("key.create acme acme.2", script)
        for _ in range(2):
            self.type("Restore", RUN)
        for name, shown in before.items():
            self.assertEqual(host.told("account", "show", name)["balance_usd"], shown["balance_usd"], name)
        self.assertTrue(host.told("account", "show", "shut")["suspended"])
        self.check_the_end(keys, revoked, buyers)

    def check_the_end(self, keys, revoked, buyers):
        host = self.host
        self.type("Restore", CATALOG)
        prices = {model["public_id"]: model["retail_generation_usd"] for model in host.told("model", "list")["models"]}
        self.assertEqual(prices["sandbox-chat"], "0.05")
        self.type("Restore", BOOKS)
        self.type("Restore", SELL)
        self.assertEqual(self.asked_of_systemd(), ["start prismatic-provider-proxy prismatic-gateway"])
        for service in ("provider-proxy", "gateway"):
            host.start_service(service)
        host.wait_ready()
        wait_until(lambda: host.generate(keys["acme"])[0] == 200, 20, "a picture")
        self.assertEqual([host.generate(key)[0] for key in (revoked, self.late_key)], [401, 401])
        # To the cent: money in, less each picture that a customer saw.
        self.assertEqual(host.told("account", "show", "zebra")["balance_nano_usd"],
                         5_000_250_000_000 - CENT4 * buyers.bought["zebra"])
        self.assertEqual(host.told("account", "show", "acme")["balance_nano_usd"],
                         5_006_500_000_000 - CENT4 * (buyers.bought["acme"] + 2 + 1))
        self.assertEqual(host.told("ledger", "verify", "--account", "acme", "--file",
                                   host.path("backups/ledgers/acme.jsonl"))["differences"], [])

    def test_a_registry_that_lives_on_brings_the_newest_catalog_along(self):
        host = self.host
        key = host.new_key("acme", "5")
        self.type("Back up", SNAPSHOT)
        host.told("model", "price", "imagen-4", "--usd", "0.07", "--note", "dearer")
        self.type("Back up", EXPORT)
        for name in ("gateway", "provider-proxy", "billing", "redis"):
            host.kill(name)
        self.type("Restore", STOP)
        self.assertEqual(self.asked_of_systemd(),
                         ["stop prismatic-gateway prismatic-provider-proxy prismatic-billing redis-server@prismatic"])
        self.type("Restore", PUT)
        self.assertTrue(os.path.isdir(host.path("redis.old/appendonlydir")))
        host.start_redis()
        for service in ("billing", "provider-proxy", "gateway"):
            host.start_service(service)
        host.wait_ready()
        wait_until(lambda: "wrote it back" in host.read("registry.log"), 20, "the registry's word")
        wait_until(lambda: host.generate(key)[0] == 200, 20, "a picture")
        self.assertEqual(host.told("account", "show", "acme")["balance_usd"], "4.93")

    def test_the_snapshot_holds_the_minimum_that_is_needed_for_it(self):
        """The user of the backup may take a snapshot and nothing else."""
        for words in (("GET", "x"), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("SHUTDOWN",), ("FLUSHALL",)):
            client = hosts.Redis(f"redis://{self.host.address('redis')}")
            self.addCleanup(client.close)
            client.call("AUTH", "backup", self.host.passwords["backup"])
            with self.assertRaisesRegex(RuntimeError, "NOPERM"):
                client.call(*words)

    def test_a_broken_snapshot_is_never_called_a_backup(self):
        self.type("Back up", SNAPSHOT)
        folder = self.host.path("backups")
        name = [name for name in os.listdir(folder) if name.endswith(".rdb")][0]
        with open(os.path.join(folder, name), "rb+") as file:
            file.truncate(os.path.getsize(file.name) - 20)
        self.assertNotEqual(subprocess.run(["redis-check-rdb", file.name], capture_output=True, check=False).returncode, 0)
        for preamble in (PREAMBLE + CUT, PREAMBLE):
            if preamble == PREAMBLE:
                self.host.kill("redis")
            said = self.type("Back up", SNAPSHOT, fine=False, preamble=preamble)
            self.assertEqual([each for each in os.listdir(folder) if each.endswith(".rdb")], [name], said)

    def test_an_export_that_fails_leaves_the_files_of_the_last_time(self):
        self.host.new_key("acme", "5")
        self.type("Back up", EXPORT)
        files = [os.path.join("backups", name) for name in ("catalog.yaml", "audit.json", "accounts", "ledgers/acme.jsonl")]
        before = {name: self.host.read(name) for name in files}
        self.assertTrue(all(before.values()))
        for service in ("billing", "registry"):
            self.host.kill(service)
            self.type("Back up", EXPORT, fine=False)
            self.assertEqual({name: self.host.read(name) for name in files}, before)

    def test_the_exports_from_a_toolbox_are_those_that_make_good_reads(self):
        """With a kubectl that is no cluster, only the pod's command."""
        toolbox = 'kubectl() { [ "$1 $2 $3" = "exec deploy/RELEASE-prismatic-tools --" ] && shift 3 && "$@"; }\n'
        self.host.new_key("acme", "5")
        self.type("In Kubernetes", 0, preamble=toolbox)
        actions = {entry["action"] for entry in json.loads(self.host.read("audit.json"))["entries"]}
        self.assertIn("key.create", actions)
        self.assertEqual(self.host.cli("catalog", "diff", self.host.path("catalog.yaml")).returncode, 0)
        before = {name: self.host.read(name) for name in ("audit.json", "catalog.yaml")}
        for service in ("billing", "registry"):
            self.host.kill(service)
            self.type("In Kubernetes", 0, fine=False, preamble=toolbox)
            self.assertEqual({name: self.host.read(name) for name in before}, before)

    def test_a_copy_of_the_folder_under_load_is_read_as_after_a_crash(self):
        """What the page says of copies of appendonlydir, and of snapshots of its volume."""
        host, keys = self.host, {name: self.host.new_key(name, "5000") for name in ("acme", "zebra")}
        with Buyers(host, keys) as buyers:
            buyers.until(5)
            host.redis("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
            wait_until(lambda: b"aof_rewrite_in_progress:0" in host.redis("INFO", "persistence"), 30, "the rewrite")
            sold = dict(buyers.bought)
            shutil.copytree(host.path("redis"), host.path("copy"))
            buyers.until(5)
        for name in ("billing", "redis"):
            host.kill(name)
        shutil.rmtree(host.path("redis"))
        os.rename(host.path("copy"), host.path("redis"))
        host.start_redis()
        host.start_service("billing")
        self.ready()
        self.end_holds(keys)
        for name in keys:
            self.assertEqual(host.told("ledger", "verify", "--account", name)["differences"], [])
            charged = 5000 * 10**9 - host.told("account", "show", name)["balance_nano_usd"]
            self.assertGreaterEqual(charged, CENT4 * sold[name])
            self.assertLess(charged, CENT4 * buyers.bought[name])

    def test_a_dump_beside_appendonly_is_not_read(self):
        """What the page warns of."""
        self.host.new_key("acme", "5")
        self.type("Back up", SNAPSHOT)
        folder = self.host.path("backups")
        self.lose_everything()
        os.mkdir(self.host.path("redis"))
        name = [name for name in os.listdir(folder) if name.endswith(".rdb")][0]
        shutil.copy(os.path.join(folder, name), self.host.path("redis/dump.rdb"))
        self.start_redis()
        self.assertEqual(self.host.redis("DBSIZE"), 0)


def entry(number, kind, amount, **more):
    return {"sequence": number, "type": kind, "amount_usd": amount, "owed_change_usd": "0", "units": 0, "reason": "",
            "request_id": "", "reservation_id": f"acme.r{number}", "time": "2026-01-01T00:00:00.000000Z", **more}


class MakeGoodTest(unittest.TestCase):
    """What the story has not: debts, replays after the script, and where the second of the snapshot ends."""

    def text(self, *lost):
        script = make_good.Script()
        script.account("acme", list(lost))
        return script.text().splitlines()

    def compared(self, file, now):
        """The script, with these entries in the file and in Redis."""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as path:
            path.writelines(json.dumps({"account": "acme", **each}) + "\n" for each in file)
            path.flush()
            script = make_good.Script()
            script.account("acme", *make_good.compared(path.name, {each["sequence"]: each for each in now}))
        return script.text().splitlines()[1:]

    def test_a_charge_that_was_replayed_under_another_number_is_not_taken_again(self):
        paid_in, lost, replayed = entry(1, "top_up", "5", request_id="i"), entry(2, "charge", "-0.04"), entry(3, "charge", "-0.04")
        now = [paid_in, {**replayed, "sequence": 2, "type": "late_charge"}]
        self.assertEqual(self.compared([paid_in, lost, replayed], now), [
            "prismatic account adjust acme --usd=-0.04 --reason '1 charges of entries 2-2 that a restore lost' --request-id "
            "restore-r2"])

    def test_a_replay_after_the_script_is_for_a_person(self):
        paid_in, lost, late = entry(1, "top_up", "5", request_id="i"), entry(2, "charge", "-0.04"), entry(3, "charge", "-0.04")
        taken = entry(2, "adjustment", "-0.08", request_id="restore-r2", reservation_id=None)
        once = [line for line in self.compared([paid_in, lost, late], [paid_in, taken]) if "adjust" in line]
        self.assertEqual(len(once), 1)
        self.assertIn("--usd=-0.08", once[0])
        for replayed in ([late], [lost, late], [lost]):
            now = [paid_in, taken, *({**each, "sequence": 3 + place} for place, each in enumerate(replayed))]
            lines = self.compared([paid_in, lost, late], now)
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], "#! acme: 0.08 USD were taken .* but 0(.04)? are lost")

    def test_a_payment_that_paid_a_debt_is_repeated_whole(self):
        lost = entry(3, "top_up", "1.5", owed_change_usd="-0.5", request_id="i1")
        self.assertEqual(self.text(lost)[1:], ["prismatic account top-up acme --usd=2.0 --request-id i1"])

    def test_what_was_owed_and_what_was_forgiven_is_for_a_person(self):
        lines = self.text(entry(3, "late_charge", "-0.03", owed_change_usd="0.01"),
                          entry(4, "write_off", "0", owed_change_usd="-0.01", reason="our outage", request_id="w1"))
        self.assertEqual(lines[1], "prismatic account adjust acme --usd=-0.03 --reason '1 charges of entries 3-3 that a "
                                   "restore lost' --request-id restore-r3")
        self.assertEqual(lines[2], "#! acme: a write-off is lost; if it still owes that: prismatic account write-off acme "
                                   "--usd=0.01 --reason 'our outage' --request-id w1")
        self.assertRegex(lines[3], "#! acme: 0.01 USD were owed")

    def test_money_comes_in_before_it_goes_out(self):
        lines = self.text(entry(3, "adjustment", "-4", reason="x", request_id="a"),
                          entry(4, "top_up", "4", request_id="b"))
        self.assertEqual([line.split()[2] for line in lines[1:]], ["top-up", "adjust"])

    def test_a_key_that_was_made_and_revoked_since_is_left_alone(self):
        script = make_good.Script()
        for second, action, target in ((8, "key.create", "acme.1"), (9, "key.create", "acme.2"),
                                       (9, "key.revoke", "acme.2"), (9, "key.revoke", "acme.1")):
            script.audit({"action": action, "target": target, "account": "acme", "actor": "ann",
                          "time": f"2026-01-01T00:00:0{second}.5Z"}, "2026-01-01T00:00:08Z")
        self.assertEqual(script.shut, ["prismatic key revoke acme.1"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
