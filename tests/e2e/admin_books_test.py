#!/usr/bin/env python3
"""Accounts, keys, ledgers and the playground through the admin API, against the real suite.

usage: admin_books_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import base64
import csv
import io
import json
import os
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from grpc_client import billing, billing_admin, uuid7  # noqa: E402
from suite import Suite, png_size, wait_until  # noqa: E402

ACCOUNTS = "/admin/v1/accounts"


class AdminTest(unittest.TestCase):
    """One suite for all tests of the program; each test has accounts of its own."""

    suite = None

    @classmethod
    def setUpClass(cls):
        if AdminTest.suite is None:
            AdminTest.suite = Suite()
            unittest.addModuleCleanup(AdminTest.suite.stop)

    def call(self, method, path, body=None, status=200, token=None, **query):
        query = {name: value for name, value in query.items() if value is not None}
        headers = {"Authorization": "Bearer " + (token or self.suite.env["PRISMATIC_ADMIN_TOKEN"])}
        if body is not None:
            headers["Content-Type"] = "application/json"
        path += "?" + urllib.parse.urlencode(query) if query else ""
        answer = self.suite.http(method, self.suite.env["PRISMATIC_ADMIN_URL"] + path,
                                 None if body is None else json.dumps(body), headers)
        self.assertEqual(answer.status, status, f"{method} {path} {body}: {answer.body[:500]}")
        return answer

    def json(self, *words, **more):
        return self.call(*words, **more).json

    def new_account(self, name, **fields):
        return self.json("POST", ACCOUNTS, {"name": name, **fields}, status=201)

    def top_up(self, name, amount, request_id, **more):
        body = {"amount_usd": amount, "request_id": request_id}
        return self.json("POST", f"{ACCOUNTS}/{name}/top-ups", body, **more)


class AccountsTest(AdminTest):
    def test_an_account_is_the_same_for_the_command_line(self):
        opened = self.new_account("same", wallet_usd="1.000000001", max_concurrent=7,
                                  quota={"units": 3, "period": "week"}, funding_policy="wallet_only")
        self.assertEqual(opened, self.suite.account("same"))
        self.assertEqual(opened, self.json("GET", f"{ACCOUNTS}/same"))
        self.assertEqual((opened["balance_nano_usd"], opened["subscription"]["quota_units"]), (1000000001, 3))

    def test_accounts_are_listed_page_by_page(self):
        names = [f"page-{n:02d}" for n in range(7)]
        for name in reversed(names):
            self.new_account(name)
        found, token = [], None
        while True:
            page = self.json("GET", ACCOUNTS, prefix="page-", page_size=3, page_token=token)
            self.assertLessEqual(len(page["accounts"]), 3)
            found += [account["name"] for account in page["accounts"]]
            token = page["next_page_token"]
            if token is None:
                break
        self.assertEqual(found, names)
        self.assertEqual(self.json("GET", ACCOUNTS, prefix="page-x"), {"accounts": [], "next_page_token": None})

    def test_a_patch_changes_what_it_names(self):
        self.new_account("patched", requests_per_minute=5, images_per_minute=6, quota={"units": 3, "period": "week"})
        one = f"{ACCOUNTS}/patched"
        changed = self.json("PATCH", one, {"requests_per_minute": None, "max_concurrent": 0, "suspended": True})
        self.assertEqual([changed[name] for name in ("requests_per_minute", "images_per_minute", "max_concurrent",
                                                     "suspended")], [None, 6, 0, True])
        self.assertEqual(changed["subscription"]["quota_units"], 3)
        changed = self.json("PATCH", one, {"quota": {"units": 9, "period": "week"}, "funding_policy": "wallet_only"})
        self.assertEqual((changed["subscription"]["quota_units"], changed["funding_policy"], changed["suspended"]),
                         (9, "wallet_only", True))
        changed = self.json("PATCH", one, {"quota": None, "suspended": False, "max_concurrent": None})
        self.assertEqual((changed["subscription"], changed["suspended"], changed["max_concurrent"]),
                         (None, False, None))

    def test_what_is_wrong_in_a_patch_leaves_the_account_as_it_is(self):
        before = self.new_account("whole", requests_per_minute=5)
        for body in ({"suspended": True, "requests_per_minute": -1}, {"suspended": True, "limit": 1}, {},
                     {"suspended": True, "quota": {"units": 1}}, {"suspended": "yes"}):
            self.call("PATCH", f"{ACCOUNTS}/whole", body, status=400)
        self.assertEqual(self.json("GET", f"{ACCOUNTS}/whole"), before)

    def test_a_suspended_account_is_shut_before_it_is_changed(self):
        """A change that fails behind it leaves the account shut, as the description says."""
        self.new_account("shut")
        key = self.json("POST", f"{ACCOUNTS}/shut/keys", {}, status=201)["api_key"]
        self.json("PATCH", f"{ACCOUNTS}/shut", {"suspended": True, "images_per_minute": 3})
        self.assertEqual(self.suite.generate(key=key).status, 403)
        self.json("PATCH", f"{ACCOUNTS}/shut", {"suspended": False})
        self.assertEqual(self.suite.generate(key=key).status, 429)  # no money

    def test_money_in_is_made_once(self):
        self.new_account("paid")
        first = self.top_up("paid", "2.5", "invoice-1")
        self.assertEqual((first["account"]["balance_usd"], first["ledger_sequence"], first["replayed"]),
                         ("2.5", 1, False))
        again = self.top_up("paid", "2.50", "invoice-1")
        self.assertEqual((again["account"]["balance_usd"], again["ledger_sequence"], again["replayed"]),
                         ("2.5", 1, True))
        self.top_up("paid", "2.6", "invoice-1", status=409)
        taken = self.json("POST", f"{ACCOUNTS}/paid/adjustments",
                          {"amount_usd": "-0.000000001", "reason": "dust", "request_id": "a-1"})
        self.assertEqual(taken["account"]["balance_nano_usd"], 2_499_999_999)
        for wrong in ("0", "-1", "1e1", "0.0000000001", "9000001", " 1", 1, None):
            self.top_up("paid", wrong, "invoice-2", status=400)
        self.assertEqual(self.json("GET", f"{ACCOUNTS}/paid")["ledger_sequence"], 2)

    def test_who_did_it_is_in_billings_log(self):
        self.new_account("logged")
        self.top_up("logged", "1", "invoice-1")
        entries = self.json("GET", "/admin/v1/audit", account="logged")["entries"]
        self.assertEqual([(entry["action"], entry["actor"], entry["source"], entry["target"]) for entry in entries],
                         [("wallet.top_up", "admin-token", "billing", "invoice-1"),
                          ("account.create", "admin-token", "billing", "")])


class KeysTest(AdminTest):
    def test_a_key_from_its_making_to_its_end(self):
        self.new_account("keyed", wallet_usd="1")
        made = self.json("POST", f"{ACCOUNTS}/keyed/keys",
                         {"models": ["imagen-4"], "expires_in_seconds": 3600, "images_per_minute": 9}, status=201)
        self.assertEqual(self.suite.generate(key=made["api_key"]).status, 200)
        self.assertEqual(self.suite.generate(key=made["api_key"], model="sandbox-chat").status, 403)
        one = "/admin/v1/keys/" + made["key"]["id"]
        changed = self.json("PATCH", one, {"models": None, "expires_in_seconds": None, "images_per_minute": None})
        self.assertEqual((changed["models"], changed["expire_time"], changed["images_per_minute"]), ([], None, None))
        self.assertEqual(self.suite.generate(key=made["api_key"], model="sandbox-chat").status, 200)
        self.assertNotIn("api_key", json.dumps(self.json("GET", f"{ACCOUNTS}/keyed/keys")))
        self.assertTrue(self.json("POST", one + "/revoke")["revoked"])
        self.assertEqual(self.suite.generate(key=made["api_key"]).status, 401)
        self.assertEqual([key["revoked"] for key in self.json("GET", f"{ACCOUNTS}/keyed/keys")["keys"]], [True])

    def test_a_key_is_for_models_that_there_are(self):
        self.new_account("picky")
        keys = f"{ACCOUNTS}/picky/keys"
        made = self.json("POST", keys, {"models": ["google/imagen-4", "imagen-4"]}, status=201)["key"]
        self.assertEqual(made["models"], ["imagen-4"])
        for method, path in (("POST", keys), ("PATCH", f"/admin/v1/keys/{made['id']}")):
            error = self.call(method, path, {"models": ["imagn-4"]}, status=400).error
            self.assertEqual((error["code"], error["param"]), ("INVALID_VALUE", "models"))
            self.assertIn("`imagn-4`", error["message"])
        self.assertEqual([key["models"] for key in self.json("GET", keys)["keys"]], [["imagen-4"]])

    def test_a_change_of_nothing_is_refused(self):
        self.new_account("still")
        key = self.json("POST", f"{ACCOUNTS}/still/keys", {}, status=201)["key"]["id"]
        self.call("PATCH", f"/admin/v1/keys/{key}", {}, status=400)


class LedgerTest(AdminTest):
    def entries(self, account, **query):
        """All of them, page by page, and how many pages it took."""
        found, before, pages = [], query.pop("before", None), 0
        while True:
            page = self.json("GET", f"{ACCOUNTS}/{account}/ledger", before=before, **query)
            pages += 1
            found += page["entries"]
            if page["next_before"] is None:
                return found, pages
            self.assertLess(page["next_before"], before or 1 << 62)
            before = page["next_before"]

    def many(self, account, count):
        """An account with that many entries: top-ups, and each tenth an adjustment."""
        self.new_account(account)
        with billing_admin(self.suite) as client:
            for number in range(1, count + 1):
                change = {"account": account, "amount_nano_usd": number, "request_id": f"r-{number}"}
                if number % 10:
                    client.TopUpWallet(**change)
                else:
                    client.AdjustWallet(**change, reason="tenth")

    def test_it_comes_newest_first_and_whole(self):
        self.many("walk", 57)
        whole = self.suite.ledger("walk")
        for entry in whole:
            entry.pop("account", None)
        for page_size, pages in ((200, 1), (57, 1), (56, 2), (10, 6), (1, 57)):
            found, asked = self.entries("walk", page_size=page_size)
            self.assertEqual(found, whole[::-1])
            self.assertEqual(asked, pages)
        self.assertEqual([entry["sequence"] for entry in self.entries("walk", page_size=7, before=5)[0]], [4, 3, 2, 1])
        self.assertEqual(self.entries("walk", before=1), ([], 1))
        self.assertEqual(self.entries("walk", before=10**18)[0], whole[::-1])

    def test_an_empty_ledger_is_an_empty_page(self):
        self.new_account("empty")
        self.assertEqual(self.json("GET", f"{ACCOUNTS}/empty/ledger"), {"entries": [], "next_before": None})

    def test_a_filter_looks_at_a_thousand_entries_and_says_where_it_stopped(self):
        self.many("filtered", 2305)
        top_ups = self.json("GET", f"{ACCOUNTS}/filtered/ledger", type="top_up", page_size=20)
        self.assertEqual(len(top_ups["entries"]), 20)
        found, pages = self.entries("filtered", type="adjustment", page_size=200)
        self.assertEqual([entry["sequence"] for entry in found], list(range(2300, 0, -10)))
        self.assertEqual(pages, 3)
        nothing = self.json("GET", f"{ACCOUNTS}/filtered/ledger", type="charge,late_charge")
        self.assertEqual(nothing, {"entries": [], "next_before": 1306})
        self.assertEqual(self.entries("filtered", type="charge"), ([], 3))
        self.assertEqual(self.entries("filtered", key_id="filtered.1")[0], [])
        both, _ = self.entries("filtered", type="adjustment,top_up", page_size=200)
        self.assertEqual(len(both), 2305)

    def test_a_trimmed_ledger_ends_at_what_stands_for_the_rest(self):
        self.many("trimmed", 120)
        copy = os.path.join(self.suite.state, "trimmed.jsonl")
        self.suite.cli("ledger", "export", "--account", "trimmed", "-o", copy)
        self.suite.cli("ledger", "trim", "--account", "trimmed", "--through", "80", "--exported", copy)
        whole = self.suite.ledger("trimmed")
        first = whole[0]
        self.assertEqual((first["type"], first["sequence"], len(whole)), ("carried_forward", 80, 41))
        for page_size in (200, 10, len(whole), len(whole) - 1):
            found, _ = self.entries("trimmed", page_size=page_size)
            self.assertEqual([entry["sequence"] for entry in found], [entry["sequence"] for entry in whole[::-1]])
        found, _ = self.entries("trimmed", type="adjustment", page_size=3)
        self.assertEqual([entry["sequence"] for entry in found], [120, 110, 100, 90])
        for before in (80, 50, 3):
            self.assertEqual(self.entries("trimmed", before=before), ([], 1))
        lines = list(csv.DictReader(io.StringIO(self.call("GET", f"{ACCOUNTS}/trimmed/ledger.csv").body.decode())))
        self.assertEqual([int(line["sequence"]) for line in lines], [entry["sequence"] for entry in whole])

    def test_charges_can_be_looked_for_by_model_and_key(self):
        self.new_account("busy", wallet_usd="10")
        keys = [self.json("POST", f"{ACCOUNTS}/busy/keys", {}, status=201) for _ in range(2)]
        for key, model in ((0, "imagen-4"), (1, "imagen-4"), (1, "sandbox-chat")):
            self.assertEqual(self.suite.generate(key=keys[key]["api_key"], model=model).status, 200)
        ids = [key["key"]["id"] for key in keys]
        for query, expected in (({"model": "imagen-4"}, [ids[1], ids[0]]), ({"key_id": ids[1]}, [ids[1], ids[1]]),
                                ({"key_id": ids[1], "model": "sandbox-chat", "type": "charge"}, [ids[1]])):
            self.assertEqual([entry["key_id"] for entry in self.entries("busy", **query)[0]], expected)
        usage = self.json("GET", f"{ACCOUNTS}/busy/usage")["rows"]
        self.assertEqual([(row["key_id"], row["model"], row["images"], row["charged_usd"]) for row in usage],
                         [(ids[0], "imagen-4", 1, "0.04"), (ids[1], "imagen-4", 1, "0.04"),
                          (ids[1], "sandbox-chat", 1, "0.04")])
        self.assertEqual(self.json("GET", f"{ACCOUNTS}/busy/usage", first_day="2020-01-01", last_day="2020-12-31"),
                         {"rows": [], "damaged": []})
        for days in (("2030-01-02", "2030-01-01"), ("2030-01-01", "2031-01-02")):
            self.call("GET", f"{ACCOUNTS}/busy/usage", first_day=days[0], last_day=days[1], status=400)

    def test_spreadsheets_get_text_as_text(self):
        self.new_account("sheet")
        reasons = ["=1+1", "@SUM(A1)", "+1 for them", "a,b", 'say "so"', "<script>", "-5", "\u202eevil"]
        for number, reason in enumerate(reasons):
            self.json("POST", f"{ACCOUNTS}/sheet/adjustments",
                      {"amount_usd": "1", "reason": reason, "request_id": f"r{number}"})
        answer = self.call("GET", f"{ACCOUNTS}/sheet/ledger.csv")
        self.assertEqual(answer.headers["content-type"], "text/csv; charset=utf-8")
        self.assertEqual(answer.headers["content-disposition"], 'attachment; filename="sheet-ledger.csv"')
        self.assertNotIn("x-prismatic-more", answer.headers)
        lines = list(csv.DictReader(io.StringIO(answer.body.decode())))
        self.assertEqual([line["reason"] for line in lines],
                         ["'=1+1", "'@SUM(A1)", "'+1 for them", "a,b", 'say "so"', "<script>", "-5", "\u202eevil"])
        self.assertEqual(lines[0]["amount_usd"], "1")
        only = self.call("GET", f"{ACCOUNTS}/sheet/ledger.csv", type="charge").body.decode()
        self.assertEqual(len(only.splitlines()), 1)

    def test_open_reservations_are_shown_with_their_end(self):
        self.new_account("open", wallet_usd="10")
        api_key = self.json("POST", f"{ACCOUNTS}/open/keys", {}, status=201)["api_key"]
        with billing(self.suite) as client:
            held = [client.CreateReservation(api_key=api_key, attempt_id=uuid7(), model="imagen-4", image_count=2)
                    for _ in range(3)]
        found, token = [], None
        while True:
            page = self.json("GET", f"{ACCOUNTS}/open/reservations", page_size=2, page_token=token)
            found += page["reservations"]
            token = page["next_page_token"]
            if token is None:
                break
        self.assertEqual([one["id"] for one in found], [one.reservation.id for one in held])
        self.assertEqual({(one["state"], one["reserved_usd"]) for one in found}, {("pending", "0.08")})


class PlaygroundTest(AdminTest):
    def setUp(self):
        self.account = "play-" + self.id().rpartition(".")[2].replace("_", "-")[5:38].strip("-")
        self.new_account(self.account, wallet_usd="1")
        limits = {"requests_per_minute": 5}
        self.api_key = self.json("POST", f"{ACCOUNTS}/{self.account}/keys", limits, status=201)["api_key"]

    def play(self, **fields):
        request = {"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256", **fields}
        return self.json("POST", "/admin/v1/playground", {"api_key": self.api_key, "request": request})

    def test_a_picture_with_what_it_cost_and_who_made_it(self):
        played = self.play(n=2, style="natural", guidance=3)
        self.assertEqual(played["status"], 200)
        for item in played["body"]["data"]:
            self.assertEqual(png_size(base64.b64decode(item["b64_json"])), (256, 256))
        self.assertEqual(len(played["body"]["data"]), 2)
        self.assertEqual((played["provider"], played["upstream_model"]), ("sandbox", "imagen-4.0-generate-001"))
        headers = played["headers"]
        self.assertEqual((headers["x-prismatic-cost-usd"], headers["x-ratelimit-remaining-requests"]), ("0.08", "4"))
        self.assertEqual(headers["x-prismatic-ignored-parameters"], "guidance")
        self.assertGreaterEqual(played["duration_ms"], 0)
        charge = self.json("GET", f"{ACCOUNTS}/{self.account}/ledger", type="charge")["entries"][0]
        self.assertEqual((charge["amount_usd"], charge["delivered_count"]), ("-0.08", 2))
        self.assertEqual(charge["reservation_id"], f"{self.account}.{headers['x-request-id']}")

    def test_what_the_gateway_refuses_is_an_answer(self):
        for fields, status, code in (({"n": 11}, 400, "invalid_value"), ({"model": "absent"}, 404, "model_not_found"),
                                     ({"prompt": "[[sandbox status=500]]"}, 502, "upstream_error")):
            played = self.play(**fields)
            self.assertEqual((played["status"], played["body"]["error"]["code"]), (status, code))
            self.assertIsNone(played["provider"])
        self.suite.await_upstream()
        self.json("POST", "/admin/v1/keys/" + self.api_key.split("_")[1] + "/revoke")
        self.assertEqual(self.play()["status"], 401)

    def test_neither_key_nor_prompt_nor_picture_is_logged(self):
        prompt = "a lighthouse that nobody may read about"
        played = self.play(prompt=prompt)
        wait_until(lambda: played["headers"]["x-request-id"] in self.suite.log(self.suite.front), 5, "the log line")
        secret, picture = self.api_key.split("_")[2], played["body"]["data"][0]["b64_json"][:64]
        for text in (secret, prompt, picture):
            self.assertNotIn(text, self.suite.logs())
            self.assertNotIn(text, self.suite.log(self.suite.front))

    def test_a_big_picture_comes_through_whole(self):
        played = self.play(size="2048x2048", n=3)
        self.assertEqual([png_size(base64.b64decode(item["b64_json"])) for item in played["body"]["data"]],
                         [(2048, 2048)] * 3)


if __name__ == "__main__":
    unittest.main()
