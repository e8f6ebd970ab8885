#!/usr/bin/env python3
"""Every command about money as an operator types it, against the real suite.

usage: operator_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import collections
import concurrent.futures
import csv
import datetime
import decimal
import hashlib
import io
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from grpc_client import billing, uuid7  # noqa: E402
from operator_suite import OperatorTest  # noqa: E402
from oracle import redis_of  # noqa: E402
from suite import wait_until  # noqa: E402

DOLLAR, CENT4 = 1_000_000_000, 40_000_000


class AccountCommandsTest(OperatorTest):
    def test_an_account_from_its_opening_to_a_suspension_and_back(self):
        opened = self.json("account", "create", "life", "--wallet-usd", "1", "--quota", "10", "--quota-period", "month",
                           "--funding", "subscription_first", "--requests-per-minute", "600")
        self.assertEqual((opened["balance_usd"], opened["requests_per_minute"], opened["images_per_minute"]),
                         ("1", 600, None))
        self.assertEqual((opened["subscription"]["quota_units"], opened["funding_policy"]), (10, "subscription_first"))
        self.assert_refused("ACCOUNT_EXISTS", "account", "create", "life")
        key = self.json("key", "create", "--account", "life")["api_key"]
        self.assertEqual(self.suite.generate(key=key).status, 200)
        self.assertEqual(self.json("account", "show", "life")["subscription"]["used_units"], 1)

        changed = self.json("account", "update", "life", "--quota", "20", "--images-per-minute", "30",
                            "--requests-per-minute", "unlimited", "--funding", "wallet_only")
        self.assertEqual((changed["requests_per_minute"], changed["images_per_minute"]), (None, 30))
        self.assertEqual((changed["subscription"]["quota_units"], changed["subscription"]["used_units"]), (20, 1))
        self.assertEqual(self.suite.generate(key=key).status, 200)
        self.assertEqual(self.json("account", "show", "life")["balance_nano_usd"], DOLLAR - CENT4)

        self.assertTrue(self.json("account", "suspend", "life")["suspended"])
        refused = self.suite.generate(key=key)
        self.assertEqual((refused.status, refused.error["code"]), (403, "account_suspended"))
        self.assertFalse(self.json("account", "resume", "life")["suspended"])
        self.assertEqual(self.suite.generate(key=key).status, 200)

        self.assertIsNone(self.json("account", "update", "life", "--no-subscription")["subscription"])
        self.assertEqual(self.verify("life"), [])

    def test_money_by_hand_moves_once_and_says_why(self):
        self.text("account", "create", "hand", "--wallet-usd", "0.1")
        top_up = ("account", "top-up", "hand", "--usd", "0.000000001", "--request-id", "invoice-1")
        first, again = self.json(*top_up), self.json(*top_up)
        self.assertEqual((first["replayed"], again["replayed"]), (False, True))
        self.assertEqual(first["balance_nano_usd"], 100_000_001)
        self.assertEqual(again["ledger_sequence"], first["ledger_sequence"])
        self.assert_refused("IDEMPOTENCY_KEY_REUSED", "account", "top-up", "hand", "--usd", "2", "--request-id",
                            "invoice-1")
        why = 'goodwill, "as agreed"; Zürich'
        self.json("account", "adjust", "hand", "--usd", "0.5", "--reason", why, "--request-id", "case-1")
        taken = self.json("account", "adjust", "hand", "--usd=-0.6", "--reason", "mistake", "--request-id", "case-2")
        self.assertEqual(taken["balance_nano_usd"], 1)
        self.assert_refused("CREDIT_BALANCE_EXHAUSTED", "account", "adjust", "hand", "--usd=-1", "--reason", "x",
                            "--request-id", "case-3")
        self.assert_refused("INVALID_VALUE", "account", "write-off", "hand", "--usd", "1", "--reason", "x",
                            "--request-id", "case-4")
        self.assert_refused("ACCOUNT_NOT_FOUND", "account", "top-up", "nobody", "--usd", "1", "--request-id", "x")
        entries = self.json("ledger", "list", "--account", "hand")["entries"]
        self.assertEqual([(e["type"], e["amount_nano_usd"], e["reason"]) for e in entries],
                         [("top_up", 100_000_000, None), ("top_up", 1, None), ("adjustment", 500_000_000, why),
                          ("adjustment", -600_000_000, "mistake")])
        self.assertEqual(self.verify("hand"), [])

    def test_a_debt_is_shown_blocks_and_is_written_off(self):
        key = self.suite.new_key("debtor", wallet="0.12")
        with billing(self.suite) as service, redis_of(self.suite) as redis:
            held = service.CreateReservation(api_key=key, attempt_id=uuid7(), model="imagen-4", image_count=3)
            reservation = held.reservation.id
            shown = self.json("reservation", "list", "--account", "debtor")["reservations"]
            self.assertEqual([(r["id"], r["state"], r["reserved_usd"]) for r in shown],
                             [(reservation, "pending", "0.12")])
            redis.end_holds()
            wait_until(lambda: self.json("reservation", "show", reservation)["state"] == "expired", 20, "the expiry")
            self.json("account", "adjust", "debtor", "--usd=-0.1", "--reason", "paid out", "--request-id", "out")
            log = f'pod-7 {{"message":"settlement_pending","reservation":"{reservation}","delivered":2}}\n'
            replayed = self.json("settlement", "replay", "-", stdin=log)["settlements"]
        self.assertEqual([(r["outcome"], r["charge_usd"]) for r in replayed], [("settled", "0.08")])
        account = self.json("account", "show", "debtor")
        self.assertEqual((account["balance_usd"], account["owed_usd"]), ("0", "0.06"))
        self.assertEqual(self.suite.generate(key=key).error["code"], "account_in_debt")
        self.assertEqual(self.verify("debtor"), [])
        self.json("account", "write-off", "debtor", "--usd", "0.05", "--reason", "our outage", "--request-id", "w1")
        paid = self.json("account", "top-up", "debtor", "--usd", "0.05", "--request-id", "t1")
        self.assertEqual((paid["balance_usd"], paid["owed_usd"]), ("0.04", "0"))
        self.assertEqual(self.suite.generate(key=key).status, 200)
        self.assertEqual(self.verify("debtor"), [])

    def test_counters_that_drifted_are_found_and_recounted(self):
        key = self.suite.new_key("drift", wallet="1")
        with billing(self.suite) as service, redis_of(self.suite) as redis:
            held = service.CreateReservation(api_key=key, attempt_id=uuid7(), model="imagen-4", image_count=1)
            [account] = redis.call("KEYS", "*:acct:drift")
            redis.call("HSET", account, "held", CENT4 + 7, "cc", 3, "cc:1", 2)
            self.assertEqual(self.verify("drift"), [("account", "money held", str(CENT4), str(CENT4 + 7)),
                                                    ("account", "requests in flight", "1", "3"),
                                                    ("key drift.1", "requests in flight", "1", "2")])
            corrected = self.json("account", "recount", "drift")["corrected"]
            self.assertEqual({(c["counter"], c["before"], c["after"]) for c in corrected},
                             {("held_nano_usd", CENT4 + 7, CENT4), ("concurrent", 3, 1),
                              ("concurrent of key drift.1", 2, 1)})
            self.assertEqual(self.verify("drift"), [])
            self.assertEqual(self.text("account", "recount", "drift"), "every counter of drift was right\n")
            service.SettleReservation(reservation_id=held.reservation.id, delivered_count=1)
        self.assertEqual(self.verify("drift"), [])


class KeyCommandsTest(OperatorTest):
    def test_a_keys_secret_is_shown_once_and_never_again(self):
        self.text("account", "create", "secretive", "--wallet-usd", "1")
        done = self.run_cli("key", "create", "--account", "secretive", "--models", "imagen-4", "--expires-in", "30d")
        secret = re.search(r"pk_secretive\.1_\S+", done.stdout).group()
        self.assertIn("shown this once", done.stderr)
        self.assertEqual(self.suite.generate(key=secret).status, 200)
        said = [self.run_cli(*words, "--output", form)
                for form in ("table", "json")
                for words in (("key", "list", "--account", "secretive"), ("key", "update", "secretive.1", "--models",
                              "all"), ("ledger", "list", "--account", "secretive"), ("account", "show", "secretive"),
                              ("key", "check", "--api-key", secret), ("key", "revoke", "secretive.1"))]
        for each in said:
            self.assertNotIn(secret.split("_")[2], each.stdout + each.stderr)
        self.assertEqual([each.returncode for each in said[:6]], [0] * 6)
        self.assertNotIn(secret.split("_")[2], self.suite.logs())

    def test_models_expiry_and_revocation_count_at_once(self):
        key = self.suite.new_key("strict", "--models", "sandbox-chat", "--expires-in", "30d", wallet="1")
        self.assertEqual(self.suite.generate(key=key).error["code"], "model_not_allowed")
        changed = self.json("key", "update", "strict.1", "--models", "imagen-4,sandbox-chat", "--expires-in", "never",
                            "--images-per-minute", "1")
        self.assertEqual((changed["models"], changed["expire_time"], changed["images_per_minute"]),
                         (["imagen-4", "sandbox-chat"], None, 1))
        self.assertEqual(self.suite.generate(key=key).status, 200)
        self.assertEqual(self.suite.generate(key=key).error["code"], "rate_limit_exceeded")
        listed = list(csv.DictReader(io.StringIO(self.text("key", "list", "--account", "strict", "--output", "csv"))))
        self.assertEqual([(k["key_id"], k["revoked"], k["models"]) for k in listed],
                         [("strict.1", "no", "imagen-4,sandbox-chat")])
        self.assertTrue(self.json("key", "revoke", "strict.1")["revoked"])
        self.assertEqual(self.suite.generate(key=key).error["code"], "invalid_api_key")
        self.assert_refused("KEY_NOT_FOUND", "key", "revoke", "strict.9")
        self.assert_refused("KEY_NOT_FOUND", "key", "update", "strict.9", "--models", "all")

    def test_a_key_of_elsewhere_is_imported_by_file_pipe_or_hash(self):
        self.text("account", "create", "mover", "--wallet-usd", "1")
        self.text("account", "create", "other")
        old = "sk-live-" + "x" * 40
        imported = self.json("key", "import", "--account", "mover", "--key-file", "-", stdin=old + "\n")
        self.assertEqual((imported["id"], imported["imported"]), ("mover.1", True))
        answer = self.suite.generate(key=old)
        self.assertEqual((answer.status, answer.headers["x-prismatic-cost-usd"]), (200, "0.04"))
        digest = hashlib.sha256(old.encode()).hexdigest()
        self.assertEqual(self.json("key", "import", "--account", "mover", "--sha256", digest)["id"], "mover.1")
        self.assert_refused("KEY_EXISTS", "key", "import", "--account", "other", "--sha256", digest)
        self.assertEqual(self.json("key", "check", "--key-file", "-", stdin=old)["account"], "mover")
        self.json("key", "revoke", "mover.1")
        self.assertEqual(self.suite.generate(key=old).error["code"], "invalid_api_key")


class MeteringCommandsTest(OperatorTest):
    def test_usage_is_by_day_key_and_model_and_opens_as_csv(self):
        began = datetime.datetime.now(datetime.timezone.utc).date()
        key = self.suite.new_key("metered", wallet="1")
        for body in ({}, {"n": 2}, {"model": "sandbox-chat"}):
            self.assertEqual(self.suite.generate(key=key, **body).status, 200)
        rows = list(csv.DictReader(io.StringIO(self.text("usage", "--account", "metered", "--csv"))))
        days = {(began + datetime.timedelta(days=n)).isoformat() for n in (0, 1)}  # it may be midnight
        self.assertLessEqual({row["day"] for row in rows}, days)
        sums = collections.defaultdict(decimal.Decimal)
        for row in rows:
            for what in ("requests", "images", "charged_usd"):
                sums[row["key_id"], row["model"], what] += decimal.Decimal(row[what])
        self.assertEqual({name: str(number) for name, number in sums.items()},
                         {("metered.1", "imagen-4", "requests"): "2", ("metered.1", "imagen-4", "images"): "3",
                          ("metered.1", "imagen-4", "charged_usd"): "0.12",
                          ("metered.1", "sandbox-chat", "requests"): "1", ("metered.1", "sandbox-chat", "images"): "1",
                          ("metered.1", "sandbox-chat", "charged_usd"): "0.04"})
        usage = self.json("usage", "--account", "metered", "--from", rows[0]["day"], "--to", rows[-1]["day"])["usage"]
        self.assertEqual(sum(row["charged_nano_usd"] for row in usage), 4 * CENT4)
        self.assertEqual(self.json("usage", "--account", "metered", "--to", "2020-01-31")["usage"], [])
        self.assert_refused("ACCOUNT_NOT_FOUND", "usage", "--account", "nobody")

    def test_estimate_and_check_hold_nothing(self):
        key = self.suite.new_key("asker", "--images-per-minute", "5", wallet="0.1")
        mine = {"PRISMATIC_API_KEY": key}
        estimate = self.json("estimate", "--model", "imagen-4", "--n", "2", environment=mine)
        self.assertEqual((estimate["total_usd"], estimate["funding_source"], estimate["would_be_admitted"]),
                         ("0.08", "wallet", True))
        dear = self.json("estimate", "--model", "imagen-4", "--n", "3", environment=mine)
        self.assertEqual((dear["would_be_admitted"], dear["refusal_reason"]), (False, "CREDIT_BALANCE_EXHAUSTED"))
        self.assert_refused("CALLER_NOT_ALLOWED", "estimate", "--model", "imagen-4", "--account", "asker")
        check = self.json("key", "check", "--n", "5", environment=mine)
        self.assertEqual((check["account"], check["key_id"], check["images"]["remaining"]), ("asker", "asker.1", 5))
        self.assert_refused("IMAGE_COUNT_TOO_LARGE", "key", "check", "--n", "6", environment=mine)
        self.assert_refused("INVALID_API_KEY", "key", "check", "--key-file", "-", stdin="pk_asker.1_wrong_00000000")
        account = self.json("account", "show", "asker")
        self.assertEqual((account["held_nano_usd"], account["concurrent"], account["ledger_sequence"]), (0, 0, 1))

    def test_a_reservation_is_listed_while_it_holds_and_shown_afterwards(self):
        key = self.suite.new_key("holder", wallet="1")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(self.suite.generate, key=key, n=2, prompt="a lighthouse [[sandbox delay_ms=2000]]")
            held = []
            wait_until(lambda: held.extend(self.json("reservation", "list", "--account", "holder")["reservations"])
                       or held, 10, "the hold")
            answer = slow.result()
        self.assertEqual(answer.status, 200)
        self.assertEqual((held[0]["image_count"], held[0]["reserved_usd"], held[0]["key_id"]), (2, "0.08", "holder.1"))
        self.assertEqual(held[0]["id"], f"holder.{answer.headers['x-request-id']}")
        self.assertEqual(self.json("reservation", "list", "--account", "holder")["reservations"], [])
        shown = self.json("reservation", "show", held[0]["id"])
        self.assertEqual((shown["state"], shown["delivered_count"], shown["charge_usd"]), ("settled", 2, "0.08"))
        self.assert_refused("RESERVATION_FORGOTTEN", "reservation", "show", f"holder.{uuid7()}")

    def test_a_replayed_log_settles_once_and_names_what_it_cannot(self):
        key = self.suite.new_key("replayed", wallet="1")
        with billing(self.suite) as service:
            ids = [service.CreateReservation(api_key=key, attempt_id=uuid7(), model="imagen-4",
                                             image_count=2).reservation.id for _ in range(3)]
            service.ReleaseReservation(reservation_id=ids[2])
        path = os.path.join(self.suite.state, "gateway-copy.log")
        with open(path, "w", encoding="utf-8") as log:
            log.write(self.suite.log(self.suite.front))  # other lines
            for reservation, delivered in ((ids[0], 2), (ids[1], 1), (ids[0], 2)):
                log.write(json.dumps({"level": "warning", "message": "settlement_pending", "request_id": "r",
                                      "reservation": reservation, "delivered": delivered}) + "\n")
        first = self.json("settlement", "replay", path)["settlements"]
        self.assertEqual([(s["reservation_id"], s["outcome"], s["charge_usd"]) for s in first],
                         [(ids[0], "settled", "0.08"), (ids[1], "settled", "0.04")])
        again = list(csv.DictReader(io.StringIO(self.text("settlement", "replay", path, "--output", "csv"))))
        self.assertEqual([s["outcome"] for s in again], ["settled_before"] * 2)
        self.assertEqual(self.json("account", "show", "replayed")["balance_nano_usd"], DOLLAR - 3 * CENT4)

        with open(path, "a", encoding="utf-8") as log:
            for reservation in (ids[2], f"replayed.{uuid7()}"):
                log.write(f'{{"message":"settlement_pending","reservation":"{reservation}","delivered":1}}\n')
        refused = self.assert_refused("NOT_SETTLED", "settlement", "replay", path)
        self.assertIn("reservation_resolved", refused.stdout)
        self.assertIn("reservation_forgotten", refused.stdout)
        with open(path, "a", encoding="utf-8") as log:
            log.write('{"message":"settlement_pending","reser')
        self.assert_refused("LINES_UNREADABLE", "settlement", "replay", path)
        self.assertEqual(self.verify("replayed"), [])


class UsageOfTheToolTest(OperatorTest):
    def test_every_command_has_help_with_an_example(self):
        listed = re.findall(r"^  ([a-z][a-z-]*(?: [a-z][a-z-]*)?) ", self.text("--help"), re.M)
        self.assertGreater(len(listed), 30)
        for command in listed:
            self.assertIn(f"\nexample:\n  prismatic {command}", self.text(*command.split(), "--help"))

    def test_exit_codes_tell_refusals_usage_and_silence_apart(self):
        self.assert_refused("ACCOUNT_NOT_FOUND", "account", "show", "nobody", code=1)
        self.assert_refused("USAGE", "account", "show", code=2)
        self.assert_refused("USAGE", "account", "top-up", "a", "--usd", "1e3", "--request-id", "x", code=2)
        self.assert_refused("SERVICE_UNREACHABLE", "account", "show", "a", "--billing-admin-addr", "127.0.0.1:1",
                            code=3)
        self.assert_refused("INVALID_API_KEY", "account", "show", "a", code=1,
                            environment={"PRISMATIC_ADMIN_TOKEN": "w" * 48})

    def test_a_store_that_is_away_is_named_and_a_repeat_adds_the_money_once(self):
        self.text("account", "create", "stormy")
        top_up = ("account", "top-up", "stormy", "--usd", "1", "--request-id", "invoice-9")
        with self.suite.stopped("redis"):
            self.assert_refused("BILLING_UNAVAILABLE", *top_up)
        wait_until(lambda: self.run_cli(*top_up).returncode == 0, 20, "Redis to be back")
        self.assertEqual(self.json("account", "show", "stormy")["balance_nano_usd"], DOLLAR)
        self.assertEqual(self.verify("stormy"), [])


if __name__ == "__main__":
    unittest.main()
