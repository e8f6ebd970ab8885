#!/usr/bin/env python3
"""The admin port: what is changed there is felt, counted and written down.

usage: admin_changes_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import json
import os
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from admin_suite import AdminTestCase  # noqa: E402
from suite import wait_until  # noqa: E402


class AdminChangesTest(AdminTestCase):
    def seconds_until(self, condition):
        began = time.monotonic()
        wait_until(condition, 10, "what was changed")
        return time.monotonic() - began

    def test_the_images_switch_is_felt_within_a_second(self):
        off = self.people["operator"].call("POST", "/admin/v1/providers/sandbox/images", {"enabled": False})
        self.assertEqual(off.status, 200, off.body)
        try:
            self.assertFalse(off.json["provider"]["images_enabled"])
            self.assertEqual(off.json["provider"]["images_override"]["actor"], "operator-1")
            self.assertLess(self.seconds_until(lambda: self.suite.generate().status == 503), 1)
            self.assertEqual(self.suite.generate().error["code"], "no_image_route")
            listed = {provider["name"]: provider for provider in self.owner("GET", "/admin/v1/providers")["providers"]}
            self.assertFalse(listed["sandbox"]["images_enabled"])
            self.assertTrue(listed["sandbox"]["yaml"].startswith("name: sandbox\n"))
            self.assertEqual(listed["sandbox"]["state"]["name"], "sandbox")
            overrides = self.owner("GET", "/admin/v1/catalog")["overrides"]
            self.assertIn(("sandbox", False), [(one["provider"], one["enabled"]) for one in overrides])
        finally:
            self.owner("POST", "/admin/v1/providers/sandbox/images", {"enabled": True})
        self.assertLess(self.seconds_until(lambda: self.suite.generate().status == 200), 1)
        newest = self.owner("GET", "/admin/v1/audit?page_size=50")["entries"]
        self.assertIn(("provider.images", "operator-1", "sandbox"),
                      [(entry["action"], entry["actor"], entry["target"]) for entry in newest])

    def model(self, name="imagen-4"):
        listed = self.owner("GET", "/admin/v1/models")
        return next(one for one in listed["models"] if one["name"] == name), listed["content_version"]

    def set_price(self, price):
        _, version = self.model()
        return self.owner("PUT", "/admin/v1/models/imagen-4/price",
                          {"retail_generation_usd": price, "based_on": version, "note": "a test"})

    def test_an_edited_price_is_what_is_charged(self):
        before, stale = self.model()
        applied = self.set_price("0.051234567")
        try:
            self.assertEqual([(change["path"], change["before"], change["after"]) for change in applied["changes"]],
                             [("models[imagen-4].retail_generation_usd", '"0.04"', '"0.051234567"')])
            self.seconds_until(
                lambda: self.suite.generate().headers.get("x-prismatic-cost-usd") == "0.051234567")
            self.assertEqual(self.suite.ledger("demo")[-1]["amount_usd"], "-0.051234567")
            after, _ = self.model()
            self.assertEqual({key for key in after if after[key] != before[key]},
                             {"retail_generation_usd", "retail_generation_nano_usd", "yaml"})
            conflict = self.people["owner"].call("PUT", "/admin/v1/models/imagen-4/price",
                                                 {"retail_generation_usd": "9", "based_on": stale})
            self.assert_refused(conflict, 409, "CATALOG_CONFLICT")
            self.set_price(None)
            self.seconds_until(lambda: self.suite.generate().status == 503)
            self.assertEqual(self.suite.generate().error["code"], "generation_price_missing")
        finally:
            self.set_price("0.04")
        self.seconds_until(lambda: self.suite.generate().headers.get("x-prismatic-cost-usd") == "0.04")
        self.assertEqual(self.model()[0]["yaml"], before["yaml"])
        for price in ("-1", "1e3", "0.1234567891", "", 1, "1\nroutes: []", '1", routes: "'):
            answer = self.people["owner"].call("PUT", "/admin/v1/models/imagen-4/price",
                                               {"retail_generation_usd": price, "based_on": self.model()[1]})
            self.assertEqual((answer.status, answer.error["param"]), (400, "retail_generation_usd"), answer.body)

    def test_a_provider_and_a_model_come_and_go(self):
        _, version = self.model()
        provider = "name: extra\nwire_format: openai_images\nbase_url: http://127.0.0.1:9/v1\n"
        tried = self.owner("POST", "/admin/v1/providers",
                           {"yaml": provider, "based_on": version, "validate_only": True})
        self.assertEqual([change["path"] for change in tried["changes"]], ["providers[extra]"])
        added = self.owner("POST", "/admin/v1/providers", {"yaml": provider, "based_on": version})
        self.assertTrue(added["changed"])
        model = ("name: extra/model\npublic_ids: [extra/model]\ncapabilities: [image_generation]\n"
                 "routes:\n  - {provider: extra, upstream_model: x}\n")
        version = self.owner("POST", "/admin/v1/models", {"yaml": model, "based_on": added["catalog_version"]})
        version = self.owner("PUT", "/admin/v1/models/extra%2Fmodel/price",
                             {"retail_generation_usd": "1", "quota_units_per_image": 3,
                              "based_on": version["catalog_version"]})
        self.assertEqual(self.model("extra/model")[0]["quota_units_per_image"], 3)
        in_use = self.people["owner"].call("DELETE", f"/admin/v1/providers/extra?based_on={version['catalog_version']}")
        self.assert_refused(in_use, 400, "CATALOG_INVALID")
        version = self.owner("DELETE",
                             f"/admin/v1/models/extra%2Fmodel?based_on={version['catalog_version']}&note=gone")
        self.owner("DELETE", f"/admin/v1/providers/extra?based_on={version['catalog_version']}")
        versions = self.owner("GET", "/admin/v1/catalog/versions?page_size=5")
        self.assertEqual([one["kind"] for one in versions["versions"]], ["edit"] * 5)
        self.assertEqual(versions["versions"][1]["note"], "gone")
        compared = self.owner("GET", f"/admin/v1/catalog/changes?to={versions['versions'][0]['version']}")
        self.assertEqual([change["path"] for change in compared["changes"]], ["providers[extra]"])
        back = self.owner("POST", "/admin/v1/catalog/rollback",
                          {"version": versions["versions"][1]["version"], "validate_only": True})
        self.assertEqual([change["path"] for change in back["changes"]], ["providers[extra]"])

    def test_a_provider_is_tested(self):
        tested = self.people["operator"].call("POST", "/admin/v1/providers/sandbox/test", {})
        self.assertEqual((tested.status, tested.json["ok"]), (200, True), tested.body)
        made = self.people["operator"].call("POST", "/admin/v1/providers/sandbox/test", {"generate": True})
        self.assertEqual({check["name"]: check["result"] for check in made.json["checks"]}["image"], "ok", made.body)

    def test_the_overview_counts_what_was_sold(self):
        before = self.owner("GET", "/admin/v1/overview?days=7")
        self.assertEqual(self.suite.generate(n=2).status, 200)
        images = before["days"][-1]["images"]
        wait_until(lambda: self.owner("GET", "/admin/v1/overview?days=7")["days"][-1]["images"] >= images + 2, 30,
                   "the day's figures")
        overview = self.owner("GET", "/admin/v1/overview?days=7")
        self.assertEqual(len(overview["days"]), 7)
        self.assertEqual([day["day"] for day in overview["days"]], sorted(day["day"] for day in overview["days"]))
        self.assertEqual(overview["models"][0]["model"], "imagen-4")
        self.assertIn("sandbox", [provider["name"] for provider in overview["providers"]])
        self.assertTrue(any("password" in notice for notice in overview["notices"]), overview["notices"])

    def test_the_status_names_every_service(self):
        services = self.owner("GET", "/admin/v1/status")["services"]
        self.assertEqual([one["name"] for one in services], ["gateway", "model-registry", "billing", "provider-proxy"])
        for one in services:
            self.assertEqual((one["ok"], one["error"]), (True, None), one)
            self.assertGreater(one["catalog_version"], 0)
            if one["name"] != "gateway":
                self.assertLess(abs(one["clock_skew_ms"]), 1000)
        self.assertEqual([one["redis"]["settings"]["appendfsync"] for one in services[1:3]], ["always", "always"])

    def test_a_service_that_is_away_is_said_to_be(self):
        if not self.suite.separate:  # nothing is ever away from what is in one process
            self.assertEqual({one["ok"] for one in self.owner("GET", "/admin/v1/status")["services"]}, {True})
            return
        self.suite.kill("billing")
        try:
            overview = self.owner("GET", "/admin/v1/overview")
            self.assertIsNone(overview["days"])
            self.assertIn("billing does not answer", " ".join(overview["notices"]))
            status = {one["name"]: one for one in self.owner("GET", "/admin/v1/status")["services"]}
            self.assertEqual((status["billing"]["ok"], status["model-registry"]["ok"]), (False, True))
            answer = self.people["owner"].call("GET", "/admin/v1/accounts")
            self.assert_refused(answer, 503, "BILLING_UNAVAILABLE")
            self.assertIn("retry-after", answer.headers)
        finally:
            self.suite.restart("billing")

    def test_the_audit_log_is_one_and_page_after_page_complete(self):
        self.suite.new_key("audited", wallet="1")
        self.owner("POST", "/admin/v1/accounts/audited/top-ups", {"amount_usd": "2", "request_id": "audited-1"})
        whole = self.owner("GET", "/admin/v1/audit?page_size=200")["entries"]
        self.assertEqual({entry["source"] for entry in whole}, {"registry", "billing"})
        self.assertEqual([entry["time"] for entry in whole], sorted((one["time"] for one in whole), reverse=True))
        top_up = next(one for one in whole if one["action"] == "wallet.top_up" and one["account"] == "audited")
        self.assertEqual(top_up["actor"], "owner")
        paged, before = [], ""
        while before is not None and len(paged) < 1000:
            page = self.owner("GET", f"/admin/v1/audit?page_size=7{before}")
            paged += page["entries"]
            later = page["next_before_time"]
            before = None if later is None else "&before_time=" + urllib.parse.quote(later)
        marks = [json.dumps(entry, sort_keys=True) for entry in paged]
        self.assertEqual(len(marks), len(set(marks)))
        self.assertEqual(marks[:len(whole)], [json.dumps(entry, sort_keys=True) for entry in whole])
        own = self.owner("GET", "/admin/v1/audit?account=audited")["entries"]
        self.assertEqual({entry["account"] for entry in own}, {"audited"})

    def test_no_secret_is_logged(self):
        secrets = [self.password, *(person.token for person in self.people.values()), self.people["owner"].csrf]
        logs = "".join(self.suite.log(name[:-4]) for name in os.listdir(self.suite.state) if name.endswith(".log"))
        for secret in secrets:
            self.assertNotIn(secret, logs)
        self.assertIn('"route":"/admin/v1/operators"', logs)
        self.assertGreater(self.suite.metric("prismatic_admin_requests_total"), 0)
        for port in ("http", "admin_http"):
            self.assertIn(f"\nprismatic_{port}_connections ", self.suite.metrics())


if __name__ == "__main__":
    unittest.main()
