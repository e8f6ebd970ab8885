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

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

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
        done = subprocess.run([self.suite.cli_path, "accuont", "show"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
