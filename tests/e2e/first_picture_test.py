#!/usr/bin/env python3
"""The suite as a user sees it: real processes, Redis, HTTP, gRPC and command line.

usage: first_picture_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import SEED_REQUEST, Suite, png_size, wait_until  # noqa: E402

CENT4 = 40_000_000  # 0.04 USD in nano-USD


class FirstPictureTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.add_unpriced_model()

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    @classmethod
    def add_unpriced_model(cls):
        path = os.path.join(cls.suite.state, "catalog.yaml")
        with open(path, encoding="utf-8") as catalog:
            text = catalog.read()
        with open(path, "w", encoding="utf-8") as catalog:
            catalog.write(text.rstrip() + """
  - name: sandbox-unpriced
    public_ids: [sandbox-unpriced]
    owned_by: prismatic
    capabilities: [image_generation]
    routes:
      - {provider: sandbox, upstream_model: unpriced-1, supported_parameters: [n, size]}
""")
        cls.suite.cli("catalog", "apply", path)
        wait_until(lambda: "sandbox-unpriced" in cls.suite.api("GET", "/models").body.decode(), 2, "the new model")

    def assert_error(self, answer, status, kind, code, param=None, retry="false"):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(set(answer.error), {"message", "type", "param", "code"})
        self.assertEqual((answer.error["type"], answer.error["code"], answer.error["param"]), (kind, code, param))
        self.assertEqual(answer.headers["x-should-retry"], retry)
        self.assertTrue(answer.headers["x-request-id"])

    def assert_nothing_held(self, account):
        shown = self.suite.account(account)
        self.assertEqual((shown["held_nano_usd"], shown["concurrent"]), (0, 0))

    def test_run_left_the_first_picture(self):
        with open(os.path.join(self.suite.state, "first-picture.png"), "rb") as picture:
            width, height = png_size(picture.read())
        self.assertAlmostEqual(width / height, 16 / 9, delta=0.02)

    def test_seed_request_moves_the_wallet_by_exactly_the_price(self):
        key = self.suite.new_key("seed", wallet="1")
        for image_url in (["https://example.com/reference.png"], "https://example.com/reference.png"):
            before = self.suite.account("seed")["balance_nano_usd"]
            answer = self.suite.generate(SEED_REQUEST, key=key, image_url=image_url)
            self.assertEqual(answer.status, 200, answer.body)
            width, height = png_size(answer.images()[0])
            self.assertAlmostEqual(width / height, 16 / 9, delta=0.02)
            self.assertEqual(self.suite.account("seed")["balance_nano_usd"], before - CENT4)
            self.assertEqual(answer.headers["x-prismatic-cost-usd"], "0.04")
            upstream = json.loads(self.suite.upstream_requests(1)[0]["body"])
            self.assertEqual(upstream["model"], "imagen-4.0-generate-001")
        before = self.suite.account("seed")["balance_nano_usd"]
        answer = self.suite.generate(SEED_REQUEST, key=key, n=4)
        self.assertEqual(len(answer.images()), 4)
        self.assertEqual(answer.headers["x-prismatic-cost-usd"], "0.16")
        self.assertEqual(self.suite.account("seed")["balance_nano_usd"], before - 4 * CENT4)
        self.assert_nothing_held("seed")

    def test_curl_as_it_stands_in_the_readme(self):
        script = f"""curl -sS $BASE/v1/images/generations -H "Authorization: Bearer $PRISMATIC_API_KEY" \\
          -H "Content-Type: application/json" -d '{json.dumps(SEED_REQUEST)}'"""
        env = {**os.environ, "BASE": self.suite.env["PRISMATIC_BASE_URL"].removesuffix("/v1"),
               "PRISMATIC_API_KEY": self.suite.key}
        done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=True, timeout=60)
        self.assertIn("b64_json", json.loads(done.stdout)["data"][0])

    def test_chat_route_carries_the_reference_image_as_a_content_part(self):
        key = self.suite.new_key("chat", wallet="1")
        answer = self.suite.generate(SEED_REQUEST, key=key, model="sandbox-chat", n=2)
        self.assertEqual(answer.status, 200, answer.body)
        images = answer.images()
        self.assertEqual(len(images), 2)
        width, height = png_size(images[0])
        self.assertAlmostEqual(width / height, 16 / 9, delta=0.02)
        upstream = self.suite.upstream_requests(1)[0]
        self.assertTrue(upstream["path"].endswith("/chat/completions"))
        body = json.loads(upstream["body"])
        self.assertNotEqual(body["model"], "sandbox-chat")
        parts = body["messages"][-1]["content"]
        self.assertIn({"type": "image_url", "image_url": {"url": "https://example.com/reference.png"}}, parts)
        ignored = answer.headers["x-prismatic-ignored-parameters"].split(",")
        self.assertIn("seed", ignored)
        self.assertEqual(self.suite.account("chat")["balance_nano_usd"], 1_000_000_000 - 2 * CENT4)

    def test_two_public_ids_of_one_model_are_listed_and_work(self):
        ids = [model["id"] for model in self.suite.api("GET", "/models").json["data"]]
        for public_id in ("imagen-4", "google/imagen-4"):
            self.assertIn(public_id, ids)
            self.assertEqual(self.suite.generate(model=public_id).status, 200)
        for path in ("/models/google/imagen-4", "/models/google%2Fimagen-4"):
            self.assertEqual(self.suite.api("GET", path).json["id"], "google/imagen-4")
        self.assert_error(self.suite.api("GET", "/models/nope:x"), 404, "invalid_request_error", "model_not_found",
                          "model")

    def test_a_wallet_for_ten_gives_ten_of_two_hundred(self):
        key = self.suite.new_key("ten", wallet="0.40")
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(lambda i: self.suite.generate(key=key, prompt=f"picture {i}"), range(200)))
        served = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        self.assertEqual((len(served), len(refused)), (10, 190))
        for answer in refused:
            self.assert_error(answer, 429, "insufficient_quota", "credit_balance_exhausted")
        for answer in served:
            png_size(answer.images()[0])
        account = self.suite.account("ten")
        self.assertEqual((account["balance_nano_usd"], account["held_nano_usd"], account["concurrent"]), (0, 0, 0))
        kinds = [entry["type"] for entry in self.suite.ledger("ten")]
        self.assertEqual((kinds.count("charge"), kinds.count("top_up"), len(kinds)), (10, 1, 11))
        self.assertEqual([entry["sequence"] for entry in self.suite.ledger("ten")], list(range(1, 12)))

    def test_images_switch_is_obeyed_within_a_second(self):
        self.suite.cli("provider", "images", "sandbox", "off")
        try:
            wait_until(lambda: self.suite.generate().status == 503, 1, "the switch off")
            before = self.suite.upstream_total()
            for _ in range(5):
                self.assert_error(self.suite.generate(), 503, "server_error", "no_image_route")
            self.assertEqual(self.suite.upstream_total(), before)
        finally:
            self.suite.cli("provider", "images", "sandbox", "on")
        wait_until(lambda: self.suite.generate().status == 200, 1, "the switch on")

    def test_refusals_hold_nothing_and_reach_no_upstream(self):
        poor = self.suite.new_key("poor", wallet="0.039999999")
        none = self.suite.new_key("none", "--requests-per-minute", "0", wallet="1")
        two = self.suite.new_key("two", "--images-per-minute", "2", wallet="1")
        before = self.suite.upstream_total()
        self.assert_error(self.suite.generate(key=""), 401, "invalid_request_error", "invalid_api_key")
        self.assert_error(self.suite.generate(key="pk_x.1_bad_bad"), 401, "invalid_request_error", "invalid_api_key")
        self.assert_error(self.suite.generate(key=poor[:-1] + ("0" if poor[-1] != "0" else "1")), 401,
                          "invalid_request_error", "invalid_api_key")
        self.assert_error(self.suite.generate(key=poor), 429, "insufficient_quota", "credit_balance_exhausted")
        self.assert_error(self.suite.generate(model="no-such-model"), 404, "invalid_request_error", "model_not_found",
                          "model")
        self.assert_error(self.suite.generate(model="sandbox-unpriced"), 503, "server_error",
                          "generation_price_missing")
        self.assertEqual(self.suite.generate(key=none).status, 429)
        self.assert_error(self.suite.generate(key=two, n=3), 400, "invalid_request_error", "image_count_too_large", "n")
        self.assert_error(self.suite.generate(n=11), 400, "invalid_request_error", "invalid_value", "n")
        self.assert_error(self.suite.api("POST", "/images/generations", "{"), 400, "invalid_request_error",
                          "invalid_value")
        self.assert_error(self.suite.api("POST", "/images/edits", {}), 404, "invalid_request_error", "unknown_url")
        answer = self.suite.api("GET", "/images/generations")
        self.assert_error(answer, 405, "invalid_request_error", "method_not_allowed")
        self.assertEqual(answer.headers["allow"], "POST")
        self.assertEqual(self.suite.upstream_total(), before)
        for account in ("poor", "none", "two"):
            self.assert_nothing_held(account)

    def test_limit_reached_is_told_with_its_wait(self):
        key = self.suite.new_key("limited", "--requests-per-minute", "3", wallet="1")
        for remaining in (2, 1, 0):
            answer = self.suite.generate(key=key)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.headers["x-ratelimit-limit-requests"], "3")
            self.assertEqual(answer.headers["x-ratelimit-remaining-requests"], str(remaining))
        before = self.suite.upstream_total()
        answer = self.suite.generate(key=key)
        self.assert_error(answer, 429, "requests", "rate_limit_exceeded", retry="true")
        self.assertTrue(0 < int(answer.headers["retry-after"]) <= 20)
        self.assertTrue(0 < int(answer.headers["retry-after-ms"]) <= 20_000)
        self.assertEqual(self.suite.upstream_total(), before)
        self.assert_nothing_held("limited")

    def test_upstream_failures_charge_nothing(self):
        key = self.suite.new_key("failures", wallet="1")
        for directive, status, code in (("status=500", 502, "upstream_error"),
                                        ("status=429 retry_after=2", 503, "model_overloaded"),
                                        ("refuse", 400, "moderation_blocked"),
                                        ("cut=100", 502, "upstream_error"),
                                        ("body=html", 502, "upstream_error"),
                                        ("body=not_image", 502, "upstream_error")):
            answer = self.suite.generate(key=key, prompt=f"a lighthouse [[sandbox {directive}]]")
            self.assertEqual((answer.status, answer.error["code"]), (status, code), directive)
        answer = self.suite.generate(key=key, prompt="a lighthouse [[sandbox images=1]]", n=3)
        self.assertEqual(len(answer.images()), 1)
        self.assertEqual(self.suite.account("failures")["balance_nano_usd"], 1_000_000_000 - CENT4)
        self.assert_nothing_held("failures")

    def test_idempotency_key_is_charged_once(self):
        key = self.suite.new_key("idempotent", wallet="1")
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(
                lambda _: self.suite.generate(key=key, headers={"Idempotency-Key": "order-1"}), range(30)))
        self.assertEqual(sum(answer.status == 200 for answer in answers), 1)
        self.assertEqual({answer.error["code"] for answer in answers if answer.status != 200}
                         - {"idempotency_key_in_use", "idempotency_key_completed"}, set())
        self.assertEqual(self.suite.account("idempotent")["balance_nano_usd"], 1_000_000_000 - CENT4)
        reused = self.suite.generate(key=key, headers={"Idempotency-Key": "order-1"}, prompt="another")
        self.assert_error(reused, 400, "invalid_request_error", "idempotency_key_reused")

    def test_a_revoked_key_is_refused_at_once(self):
        self.suite.cli("account", "create", "revoked", "--wallet-usd", "1")
        made = self.suite.cli("key", "create", "--account", "revoked")
        self.assertEqual(self.suite.generate(key=made["api_key"]).status, 200)
        self.suite.cli("key", "revoke", made["id"])
        self.assert_error(self.suite.generate(key=made["api_key"]), 401, "invalid_request_error", "invalid_api_key")

    def test_top_up_is_idempotent(self):
        self.suite.cli("account", "create", "topped")
        for _ in range(2):
            self.suite.cli("account", "top-up", "topped", "--usd", "0.5", "--request-id", "payment-7")
        self.assertEqual(self.suite.account("topped")["balance_nano_usd"], 500_000_000)
        self.assertEqual(len(self.suite.ledger("topped")), 1)

    def test_command_line_generates_a_picture(self):
        out = os.path.join(self.suite.state, "cli.png")
        self.suite.cli("generate", "--model", "imagen-4", "--prompt", "a kite", "--size", "256x512", "-o", out)
        with open(out, "rb") as picture:
            self.assertEqual(png_size(picture.read()), (256, 512))

    def test_metrics_show_requests_generations_reservations_and_redis(self):
        self.assertEqual(self.suite.generate().status, 200)
        text = self.suite.metrics()
        for name in ("prismatic_http_requests_total{", "prismatic_generations_total{", "prismatic_reservations_total{",
                     "prismatic_settlements_total{", "prismatic_redis_command_duration_seconds_bucket{",
                     "prismatic_redis_connected{", "prismatic_upstream_requests_total{", "prismatic_catalog_version",
                     "prismatic_build_info{", "process_cpu_seconds_total"):
            self.assertIn(name, text)

    def test_nothing_secret_is_in_the_logs(self):
        self.suite.generate(prompt="the unmistakable prompt of this test")
        logs = self.suite.logs()
        for secret in (self.suite.key, self.suite.env["PRISMATIC_ADMIN_TOKEN"], "unmistakable prompt"):
            self.assertNotIn(secret, logs)

    def test_health(self):
        base = self.suite.env["PRISMATIC_BASE_URL"].removesuffix("/v1")
        self.assertEqual(self.suite.http("GET", base + "/healthz").status, 200)
        self.assertEqual(self.suite.http("GET", base + "/readyz").status, 200)

    def test_unknown_command_is_wrong_usage(self):
        self.assertEqual(subprocess.run([self.suite.cli_path, "accuont", "show"], capture_output=True, check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
