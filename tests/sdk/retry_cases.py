"""What an SDK retries, with its default of two retries: after the hint, and with what success.

Mixed into a test class of each SDK.
"""
import concurrent.futures
import json
import os
import signal

from suite import wait_until

# Timers may fire a little early, and the clocks at both ends are not one.
EARLY_SECONDS = 0.02


class RetryCases:
    def assert_waited(self, waited, hint):
        """After the hint, the first time longer than what an SDK waits when it is told nothing (0.5 s)."""
        self.assertGreaterEqual(waited, hint - EARLY_SECONDS)

    def use_up(self, key, kind):
        """Asks until the key's limit refuses and will do so for a second or more; how many were admitted."""
        for admitted in range(200):
            answer = self.suite.generate(key=key)
            while answer.status == 429:
                self.assertEqual((answer.error["code"], answer.error["type"]), ("rate_limit_exceeded", kind))
                self.assertEqual(answer.headers["x-should-retry"], "true")
                hint = int(answer.headers["retry-after-ms"])
                self.assertEqual(int(answer.headers["retry-after"]), -(-hint // 1000))
                if hint >= 1000:
                    return admitted
                answer = self.suite.generate(key=key)
            self.assertEqual(answer.status, 200, answer.body)
        raise AssertionError("200 requests and no refusal")

    def succeeds_when_the_limit_frees(self, flag, kind):
        account, key = self.new_customer(flag, "30")  # one more every 2 s
        admitted = self.use_up(key, kind)
        # A hint that is too short shows as a second 429; so does an SDK that does not wait for it.
        with self.arrivals({429: 1, 200: 1}, upstream=1):
            outcome = self.generate(key=key)
        self.assert_answered(outcome)
        self.assert_attempts(outcome, 2)
        self.assertEqual(len(self.charges(account)), admitted + 1)

    def test_requests_per_minute_are_waited_for(self):
        self.succeeds_when_the_limit_frees("--requests-per-minute", "requests")

    def test_images_per_minute_are_waited_for(self):
        self.succeeds_when_the_limit_frees("--images-per-minute", "images")

    def test_concurrency_is_waited_for(self):
        _, key = self.new_customer("--max-concurrent", "1")
        before, total = self.answered("generations"), self.suite.upstream_total()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(self.suite.generate, key=key, prompt="slow [[sandbox delay_ms=1500]]")
            wait_until(lambda: self.suite.upstream_total() > total, what="the slow request upstream")
            outcome = self.generate(key=key)
            self.assertEqual(slow.result().status, 200)
        self.assert_answered(outcome)
        # The hint is a second: nobody knows when the other request will end.
        self.assertIn(len(outcome.attempts), (2, 3))
        self.assert_attempts(outcome, len(outcome.attempts))
        self.assert_waited(self.waits(outcome)[0], 1)
        self.assertEqual(self.answered("generations") - before, {200: 2, 429: len(outcome.attempts) - 1})
        self.assertEqual(self.suite.upstream_total(), total + 2)

    def test_overloaded_upstream_is_asked_again_after_its_hint(self):
        self.succeeds_when_the_upstream_is_free_again("status=429 retry_after=1")

    def test_overloaded_upstream_leaves_the_idempotency_key_free(self):
        self.succeeds_when_the_upstream_is_free_again("status=503 retry_after=1", {"Idempotency-Key": "order-1"})

    def succeeds_when_the_upstream_is_free_again(self, fault, headers=None):
        account, key = self.new_customer()
        self.suite.await_upstream()
        self.suite.http("POST", self.suite.env["PRISMATIC_SANDBOX_URL"] + "/_sandbox/faults",
                        json.dumps({"count": 1, "directive": fault}))
        with self.arrivals({503: 1, 200: 1}, upstream=2):
            outcome = self.generate(key=key, headers=headers)
        self.assert_answered(outcome)
        self.assert_attempts(outcome, 2)
        self.assert_waited(self.waits(outcome)[0], 1)
        self.assertEqual(len(self.charges(account)), 1)

    def test_upstream_that_stays_overloaded_is_asked_three_times(self):
        account, key = self.new_customer()
        self.suite.await_upstream()
        with self.arrivals({503: 3}, upstream=3):
            outcome = self.generate(key=key, prompt="a lighthouse [[sandbox status=429 retry_after=1]]")
        self.assert_error(outcome, "InternalServerError", 503, "server_error", "model_overloaded")
        self.assert_attempts(outcome, 3)
        for wait in self.waits(outcome):
            self.assert_waited(wait, 1)
        self.assertEqual(self.charges(account), [])
        self.assertEqual(self.suite.account(account)["held_nano_usd"], 0)

    def test_billing_that_is_away_for_a_moment_is_asked_again(self):
        account, key = self.new_customer()
        before = self.answered("generations")
        redis = self.suite.pid("redis")
        with concurrent.futures.ThreadPoolExecutor(1) as pool, self.arrivals({503: 1, 200: 1}, upstream=1):
            os.kill(redis, signal.SIGSTOP)
            try:
                asked = pool.submit(self.generate, key=key)
                wait_until(lambda: self.answered("generations") - before, what="the first refusal")
            finally:
                os.kill(redis, signal.SIGCONT)
            outcome = asked.result()
        self.assert_answered(outcome)
        self.assert_attempts(outcome, 2)
        self.assertEqual(len(self.charges(account)), 1)
        self.assertEqual(self.suite.account(account)["held_nano_usd"], 0)

    def test_no_retry_when_the_client_wants_none(self):
        with self.arrivals({503: 1}, upstream=1):
            outcome = self.generate(prompt="a lighthouse [[sandbox status=429 retry_after=1]]", max_retries=0)
        self.assert_error(outcome, "InternalServerError", 503, "server_error", "model_overloaded")
        self.assert_attempts(outcome, 1)

    def test_idempotency_key_in_use_is_asked_again_until_it_is_done(self):
        account, key = self.new_customer()
        headers, body = {"Idempotency-Key": "order-1"}, {"prompt": "slow [[sandbox delay_ms=1500]]"}
        with concurrent.futures.ThreadPoolExecutor(1) as pool, self.arrivals({200: 1, 409: 3}, upstream=1):
            total = self.suite.upstream_total()
            first = pool.submit(self.generate, key=key, headers=headers, **body)
            wait_until(lambda: self.suite.upstream_total() > total, what="the first request upstream")
            impatient = self.generate(key=key, headers=headers, max_retries=0, **body)
            patient = self.generate(key=key, headers=headers, **body)
            self.assert_answered(first.result())
        self.assert_error(impatient, "ConflictError", 409, "invalid_request_error", "idempotency_key_in_use")
        # Its first 409 said "in use" and to come back in 2 s, the second one "completed" and not to.
        self.assert_error(patient, "ConflictError", 409, "invalid_request_error", "idempotency_key_completed")
        self.assert_attempts(patient, 2)
        self.assert_waited(self.waits(patient)[0], 2)
        self.assertEqual(len(self.charges(account)), 1)
