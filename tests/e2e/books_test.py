#!/usr/bin/env python3
"""The ledger as an auditor handles it: exported through crashes, verified, trimmed, and verified again; whatever is
altered in Redis is named by `ledger verify`, exactly.

usage: books_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import contextlib
import csv
import datetime
import decimal
import io
import json
import os
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from grpc_client import billing, billing_admin, uuid7  # noqa: E402
from operator_suite import OperatorTest  # noqa: E402
from oracle import redis_of  # noqa: E402
from suite import wait_until  # noqa: E402

CENT4 = 40_000_000


class BooksTest(OperatorTest):
    def file(self, name):
        return os.path.join(self.suite.state, name + ".jsonl")

    def export(self, account):
        return self.json("ledger", "export", "--account", account, "-o", self.file(account))

    def exported(self, account):
        with open(self.file(account), encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def listed(self, account):
        return self.json("ledger", "list", "--account", account, "--all")["entries"]

    def a_busy_account(self, name):
        """Entries of many kinds: opening, subscription, its charges, wallet charges, adjustment, changes, top-up."""
        key = self.suite.new_key(name, wallet="2", account_flags=("--quota", "4", "--quota-period", "month"))
        with billing(self.suite) as service:
            for asked, delivered in ((1, 1), (3, 2), (4, 4), (2, 2), (1, 1)):  # 3 units, the rest from the wallet
                self.charge(service, key, asked, delivered)
            self.json("account", "adjust", name, "--usd=-0.1", "--reason", "a, \"b\"", "--request-id", "a1")
            self.json("account", "update", name, "--quota", "9")
            self.charge(service, key, 2, 2, "sandbox-chat")
            self.json("account", "top-up", name, "--usd", "0.7", "--request-id", "t1")
        self.assertEqual(self.verify(name), [])
        return key


class ExportTest(BooksTest):
    def test_an_export_killed_in_the_middle_goes_on_without_gap_or_repeat(self):
        key = self.suite.new_key("crashy", wallet="100")
        stop = threading.Event()

        def buy():
            with billing(self.suite) as service:
                while not stop.is_set():
                    self.charge(service, key)

        buyer = threading.Thread(target=buy)
        buyer.start()
        try:
            for size in (1, 60_000, 120_000):  # a crash each time while entries are coming
                exporter = subprocess.Popen(  # pylint: disable=consider-using-with
                    [self.suite.cli_path, "ledger", "export", "--account", "crashy", "-o", self.file("crashy"),
                     "--follow"], env=self.environment(), stdout=subprocess.DEVNULL)
                try:
                    wait_until(lambda size=size: os.path.exists(self.file("crashy"))
                               and os.path.getsize(self.file("crashy")) > size, 60, "entries in the file")
                finally:
                    exporter.kill()
                    exporter.wait()
        finally:
            stop.set()
            buyer.join()
        os.truncate(self.file("crashy"), os.path.getsize(self.file("crashy")) - 17)  # a line that was cut by the crash
        held = len(self.exported_lines("crashy")) - 1
        done = self.run_cli("ledger", "export", "--account", "crashy", "-o", self.file("crashy"), "--output", "json")
        self.assertIn("cut off a line", done.stderr)
        self.assertGreaterEqual(json.loads(done.stdout)["appended"], 1)
        entries = self.exported("crashy")
        self.assertGreater(len(entries), held)
        self.assertEqual([entry["sequence"] for entry in entries], list(range(1, len(entries) + 1)))
        self.assertEqual([{k: v for k, v in entry.items() if k != "account"} for entry in entries],
                         self.listed("crashy"))
        self.assertEqual(self.export("crashy")["appended"], 0)
        self.assertEqual(self.verify("crashy", "--file", self.file("crashy")), [])

    def exported_lines(self, account):
        with open(self.file(account), encoding="utf-8") as file:
            return file.read().split("\n")

    def test_two_exports_do_not_share_a_file_and_a_foreign_file_is_left_alone(self):
        self.a_busy_account("mine")
        self.text("account", "create", "theirs", "--wallet-usd", "1")
        self.export("mine")
        before = self.exported_lines("mine")
        self.assert_refused("LEDGER_FILE_DAMAGED", "ledger", "export", "--account", "theirs", "-o", self.file("mine"))
        self.assertEqual(self.exported_lines("mine"), before)
        follower = subprocess.Popen(  # pylint: disable=consider-using-with
            [self.suite.cli_path, "ledger", "export", "--account", "theirs", "-o", self.file("theirs"), "--follow"],
            env=self.environment(), stdout=subprocess.PIPE, text=True)
        try:
            self.assertIn("file", follower.stdout.readline())  # it has the file
            self.assert_refused("USAGE", "ledger", "export", "--account", "theirs", "-o", self.file("theirs"), code=2)
            self.text("account", "top-up", "theirs", "--usd", "1", "--request-id", "t1")
            wait_until(lambda: len(self.exported("theirs")) == 2, 10, "the entry that came")
        finally:
            follower.kill()
            follower.wait()
            follower.stdout.close()

    def test_tail_goes_on_through_the_entries_as_they_come(self):
        self.text("account", "create", "tailed", "--wallet-usd", "1")
        tail = subprocess.Popen(  # pylint: disable=consider-using-with
            [self.suite.cli_path, "ledger", "tail", "--account", "tailed", "--after", "0", "--count", "3", "--output",
             "json"], env=self.environment(), stdout=subprocess.PIPE, text=True)
        with tail:
            self.assertEqual(json.loads(tail.stdout.readline())["sequence"], 1)
            for name in ("a", "b"):
                self.text("account", "top-up", "tailed", "--usd", "1", "--request-id", name)
                self.assertEqual(json.loads(tail.stdout.readline())["request_id"], name)
            self.assertEqual(tail.wait(10), 0)

    def test_the_ledger_opens_as_csv_and_its_amounts_add_up(self):
        self.a_busy_account("sheet")
        rows = list(csv.DictReader(io.StringIO(self.text("ledger", "list", "--account", "sheet", "--all", "--output",
                                                         "csv"))))
        entries = self.listed("sheet")
        self.assertEqual([int(row["sequence"]) for row in rows], [entry["sequence"] for entry in entries])
        self.assertEqual(sum(decimal.Decimal(row["amount_usd"]) for row in rows),
                         decimal.Decimal(self.json("account", "show", "sheet")["balance_usd"]))
        self.assertIn('a, "b"', [row["reason"] for row in rows])
        self.assertEqual({row["type"] for row in rows},
                         {"top_up", "subscription_granted", "charge", "adjustment", "subscription_changed"})
        part = self.run_cli("ledger", "list", "--account", "sheet", "--output", "csv", "--after", "3")
        self.assertEqual([int(row["sequence"]) for row in csv.DictReader(io.StringIO(part.stdout))],
                         [entry["sequence"] for entry in entries[3:]])


class TrimTest(BooksTest):
    def trim(self, account, through):
        return self.json("ledger", "trim", "--account", account, "--through", str(through), "--exported",
                         self.file(account))

    def refuse_trim(self, reason, account, through):
        self.assert_refused(reason, "ledger", "trim", "--account", account, "--through", str(through), "--exported",
                            self.file(account))

    def test_a_trimmed_ledger_still_adds_up_alone_and_from_its_file(self):
        key = self.a_busy_account("short")
        whole = self.listed("short")
        newest = whole[-1]["sequence"]
        self.export("short")
        self.refuse_trim("INVALID_VALUE", "short", newest)  # the newest entry stays
        carried = self.trim("short", 4)
        self.assertEqual((carried["type"], carried["sequence"], carried["carried_amount_nano_usd"]),
                         ("carried_forward", 4, whole[3]["balance_nano_usd"]))
        self.assertEqual(self.trim("short", 4), carried)  # again
        self.assertEqual([entry["sequence"] for entry in self.listed("short")], list(range(4, newest + 1)))
        self.assertEqual(self.verify("short"), [])
        self.assertEqual(self.verify("short", "--file", self.file("short")), [])

        with billing(self.suite) as service:
            self.charge(service, key)  # from the subscription, whose counters were carried
        self.assertEqual(self.export("short")["appended"], 1)
        self.trim("short", newest)
        self.assertEqual([entry["sequence"] for entry in self.listed("short")], [newest, newest + 1])
        self.assertEqual(self.verify("short"), [])
        self.assertEqual(self.verify("short", "--file", self.file("short")), [])
        self.assertEqual([entry["sequence"] for entry in self.exported("short")], list(range(1, newest + 2)))

        # Whoever lost the file keeps what is left, and may not go on from what ends before it.
        lines = self.exported("short")
        with open(self.file("short"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines[:2])
        self.assert_refused("LEDGER_GAP", "ledger", "export", "--account", "short", "-o", self.file("short"))
        os.remove(self.file("short"))
        self.assertEqual(self.export("short")["appended"], 2)

    def test_what_no_file_holds_is_not_trimmed(self):
        self.a_busy_account("kept")
        self.export("kept")
        with open(self.file("kept"), encoding="utf-8") as file:
            lines = file.readlines()
        self.json("account", "top-up", "kept", "--usd", "1", "--request-id", "later")
        self.refuse_trim("NOT_EXPORTED", "kept", len(lines) + 1)
        cases = (("LEDGER_FILE_DAMAGED", lines[:1] + lines[2:]),  # a line is missing
                 ("LEDGER_DIVERGED", [line.replace("imagen-4", "imagen-5") for line in lines]),
                 ("NOT_EXPORTED", lines[:2]), ("NOT_EXPORTED", []))
        for reason, content in cases:
            with open(self.file("kept"), "w", encoding="utf-8") as file:
                file.writelines(content)
            self.refuse_trim(reason, "kept", 5)
        self.assertEqual([entry["sequence"] for entry in self.listed("kept")], list(range(1, len(lines) + 2)))


class TamperTest(BooksTest):
    @contextlib.contextmanager
    def altered(self, pattern):
        """A key of Redis and a client for it; afterwards the key is what it was."""
        with redis_of(self.suite) as redis:
            [key] = redis.call("KEYS", pattern)
            copy = redis.call("DUMP", key)
            try:
                yield redis, key
            finally:
                redis.call("RESTORE", key, 0, copy, "REPLACE")

    @contextlib.contextmanager
    def altered_entry(self, account, sequence, drop=False, **fields):
        """The ledger with one entry altered, which only somebody with Redis' password can do."""
        with self.altered(f"*:led:{account}") as (redis, key):
            entries = redis.call("XRANGE", key, "-", "+")
            redis.call("DEL", key)
            for number, words in entries:
                if number == b"%d-0" % sequence:
                    if drop:
                        continue
                    for name, value in fields.items():
                        words[words.index(name.encode()) + 1] = str(value).encode()
                redis.call("XADD", key, number, *words)
            yield

    def test_an_altered_balance_quota_or_counter_is_named(self):
        self.a_busy_account("forged")
        account = self.json("account", "show", "forged")
        balance, used = account["balance_nano_usd"], account["subscription"]["used_units"]
        with self.altered("*:acct:forged") as (redis, key):
            redis.call("HSET", key, "bal", balance + 1)
            self.assertEqual(self.verify("forged"), [("account", "balance", str(balance), str(balance + 1))])
        with self.altered("*:acct:forged") as (redis, key):
            redis.call("HSET", key, "owed", 5)
            self.assertEqual(self.verify("forged"), [("account", "owed", "0", "5")])
        with self.altered("*:acct:forged") as (redis, key):
            fields = redis.call("HGET", key, "sub").split(b"|")
            self.assertEqual(int(fields[6]), used)
            fields[6] = b"%d" % (used - 1)
            redis.call("HSET", key, "sub", b"|".join(fields))
            self.assertEqual(self.verify("forged"), [("subscription", "units used", str(used), str(used - 1))])
        with self.altered("*:use:forged:*") as (redis, key):
            day = key.decode()[-8:]
            redis.call("HINCRBY", key, "1|sandbox-chat|i", 3)
            where = f"usage of {day[:4]}-{day[4:6]}-{day[6:]} forged.1 sandbox-chat"
            self.assertEqual(self.verify("forged"), [(where, "images", "2", "5")])
        self.assertEqual(self.verify("forged"), [])

    def test_an_altered_entry_is_named_with_what_it_should_say(self):
        self.a_busy_account("edited")
        charge = next(entry for entry in self.listed("edited")
                      if entry["type"] == "charge" and entry["funding_source"] == "wallet")
        number, amount, after = charge["sequence"], charge["amount_nano_usd"], charge["balance_nano_usd"]
        where = f"entry {number}"
        with self.altered_entry("edited", number, amount=amount + 1):
            wrong = self.verify("edited")
            self.assertIn((where, "balance", str(after + 1), str(after)), wrong)
            self.assertIn((where, "charge", str(-amount), str(-amount - 1)), wrong)
        with self.altered_entry("edited", number, delivered=charge["delivered_count"] - 1):
            wrong = self.verify("edited")
            self.assertIn((where, "charge", str(-amount - CENT4), str(-amount)), wrong)
        with self.altered_entry("edited", number, drop=True):
            self.assertIn((f"entry {number + 1}", "sequence", str(number), str(number + 1)), self.verify("edited"))
        with self.altered_entry("edited", number, model="imagen-5"):
            self.assertEqual({what for _, what, _, _ in self.verify("edited")},
                             {"requests", "images", "charged nano-USD"})
        self.assertEqual(self.verify("edited"), [])

    def test_an_entry_altered_after_its_export_shows_against_the_file(self):
        self.a_busy_account("copied")
        exported = self.export("copied")["last_sequence"]
        with self.altered_entry("copied", exported, request="another-payment"):
            self.assert_refused("LEDGER_DIVERGED", "ledger", "export", "--account", "copied", "-o", self.file("copied"))
        self.assertEqual(self.export("copied")["appended"], 0)
        # In the middle, and so that everything still adds up: only the file knows.
        top_up = next(entry for entry in self.listed("copied") if entry["request_id"] == "t1")
        against_the_file = ("--file", self.file("copied"))
        with self.altered_entry("copied", 3, rsv="copied." + uuid7()):
            self.assertEqual(self.verify("copied"), [])
            [(where, what, expected, found)] = self.verify("copied", *against_the_file)
            self.assertEqual((where, what), ("entry 3 against the file", "reservation_id"))
            self.assertEqual(expected, self.exported("copied")[2]["reservation_id"])
            self.assertNotEqual(found, expected)
        with self.altered_entry("copied", top_up["sequence"], request="another-payment"):
            self.assertEqual(self.verify("copied"), [])
            self.assertEqual(self.verify("copied", *against_the_file),
                             [(f"entry {top_up['sequence']} against the file", "request_id", "t1", "another-payment")])
        with self.altered_entry("copied", exported, drop=True):
            self.assertIn((f"entry {exported} against the file", "place in billing", "there", "missing"),
                          self.verify("copied", *against_the_file))
        self.assertEqual(self.verify("copied", *against_the_file), [])

    def test_an_export_into_a_device_is_refused_and_ends(self):
        self.text("account", "create", "device", "--wallet-usd", "1")
        self.assert_refused("USAGE", "ledger", "export", "--account", "device", "-o", "/dev/full", code=2)

    def test_a_reason_that_is_a_formula_is_text_in_the_csv(self):
        self.text("account", "create", "formula", "--wallet-usd", "1")
        self.text("account", "adjust", "formula", "--usd=-0.1", "--reason", "=HYPERLINK(\"x\")", "--request-id", "a1")
        row = list(csv.DictReader(io.StringIO(self.text("ledger", "list", "--account", "formula", "--all", "--output",
                                                        "csv"))))[-1]
        self.assertEqual((row["reason"], row["amount_usd"]), ("'=HYPERLINK(\"x\")", "-0.1"))

    def test_usage_of_more_rows_than_one_answer_holds_is_read_in_parts_and_a_day_of_them_is_told(self):
        self.a_busy_account("wide")

        def rows(first, count):
            return [word for i in range(first, first + count)
                    for kind, value in (("r", 1), ("i", 0), ("c", 0), ("u", 0))
                    for word in (f"1|made-up-{i}|{kind}", value)]

        with self.altered("*:use:wide:*") as (redis, key):
            today = datetime.datetime.strptime(key.decode()[-8:], "%Y%m%d")
            before = key[:-8] + (today - datetime.timedelta(days=1)).strftime("%Y%m%d").encode()
            redis.call("HSET", key, *rows(0, 3000))
            redis.call("HSET", before, *rows(0, 3000))
            usage = self.json("usage", "--account", "wide")["usage"]
            self.assertEqual(sum(row["model"].startswith("made-up-") for row in usage), 6000)
            self.assertEqual([row["day"] for row in usage], sorted(row["day"] for row in usage))
            self.assertEqual(len(self.verify("wide")), 6000)
            redis.call("DEL", before)
            redis.call("HSET", key, *rows(3000, 3000))
            done = self.run_cli("ledger", "verify", "--account", "wide")
            self.assertEqual((done.returncode, done.stdout[:27]), (0, "wide agrees with its ledger"))
            self.assertIn(f"note: usage of {today:%Y-%m-%d} could not be compared", done.stderr)
            self.assert_refused("INVALID_VALUE", "usage", "--account", "wide")
        self.assertEqual(self.verify("wide"), [])

    def test_verify_is_right_while_traffic_runs(self):
        key = self.suite.new_key("rush", wallet="100")
        stop = threading.Event()

        def buy():
            with billing(self.suite) as service, billing_admin(self.suite) as admin:
                while not stop.is_set():
                    self.charge(service, key, 2, 1)
                    admin.TopUpWallet(account="rush", amount_nano_usd=1, request_id=uuid7())

        buyer = threading.Thread(target=buy)
        buyer.start()
        try:
            for _ in range(10):
                self.assertEqual(self.verify("rush"), [])
        finally:
            stop.set()
            buyer.join()
        self.assertEqual(self.verify("rush"), [])


if __name__ == "__main__":
    unittest.main()
