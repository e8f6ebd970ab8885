"""Each error as an SDK raises it, with its default retries; and how many requests that took.

What must not be retried arrives once at the gateway. Mixed into a test class of each SDK.
"""
import contextlib
import functools

from suite import wait_until

INVALID = "invalid_request_error"


class ErrorCases:
    class_of_405 = ""  # no SDK has one of its own for it; set by each

    def assert_refused_once(self, body, kind, status, kind_of_body, code, param=None, upstream=0, key=None, **options):
        """Asked with the default retries: one request at the gateway, `upstream` at the upstream, no charge."""
        with self.arrivals({status: 1}, upstream):
            outcome = self.generate(key=key or self.uncharged_key, **options, **body)
        self.assert_error(outcome, kind, status, kind_of_body, code, param)
        self.assert_attempts(outcome, 1)
        return outcome

    @functools.cached_property
    def uncharged_key(self):
        """A key, one for each test, whose account ends as it began."""
        account, key = self.new_customer()

        def assert_nothing_was_charged():
            shown = self.suite.account(account)
            self.assertEqual((shown["held_nano_usd"], shown["concurrent"], self.charges(account)), (0, 0, []))

        self.addCleanup(assert_nothing_was_charged)
        return key

    # --- 400 ---
    def test_value_out_of_range_is_a_bad_request(self):
        self.assert_refused_once({"n": 11}, "BadRequestError", 400, INVALID, "invalid_value", "n")
        self.assert_refused_once({"seed": "x"}, "BadRequestError", 400, INVALID, "invalid_value", "seed")
        self.assert_refused_once({"response_format": "png"}, "BadRequestError", 400, INVALID, "invalid_value",
                                 "response_format")

    def test_what_is_missing_or_empty_is_a_bad_request(self):
        for body, param in (({"model": None}, "model"), ({"prompt": ""}, "prompt")):
            self.assert_refused_once(body, "BadRequestError", 400, INVALID, "missing_required_parameter", param)

    def test_streaming_is_a_bad_request(self):
        self.assert_refused_once({"stream": True}, "BadRequestError", 400, INVALID, "unsupported_parameter", "stream")

    def test_more_images_than_the_limit_ever_allows_is_a_bad_request(self):
        _, key = self.new_customer("--images-per-minute", "2")
        self.assert_refused_once({"n": 3}, "BadRequestError", 400, INVALID, "image_count_too_large", "n", key=key)

    def test_refused_content_is_a_bad_request_and_not_asked_again(self):
        self.assert_refused_once({"prompt": "a knife [[sandbox refuse]]"}, "BadRequestError", 400,
                                 "image_generation_user_error", "moderation_blocked", upstream=1)
        self.assert_refused_once({"prompt": "a knife [[sandbox refuse]]", "model": "sandbox-chat"}, "BadRequestError",
                                 400, "image_generation_user_error", "moderation_blocked", upstream=1)

    # --- 401, 403, 404, 405 ---
    def test_unknown_keys_are_authentication_errors(self):
        _, key = self.new_customer()
        damaged = key[:-1] + ("0" if key[-1] != "0" else "1")
        for wrong in ("sk-not-a-key", damaged):
            self.assert_refused_once({}, "AuthenticationError", 401, INVALID, "invalid_api_key", key=wrong)
            with self.arrivals({401: 1}, upstream=0, route="models"):
                outcome = self.call("models.list", key=wrong)
            self.assert_error(outcome, "AuthenticationError", 401, INVALID, "invalid_api_key")

    def test_revoked_key_is_an_authentication_error(self):
        account, key = self.new_customer()
        self.suite.cli("key", "revoke", f"{account}.1")
        self.assert_refused_once({}, "AuthenticationError", 401, INVALID, "invalid_api_key", key=key)

    def test_model_outside_the_key_is_a_permission_error(self):
        _, key = self.new_customer("--models", "imagen-4")
        self.assert_refused_once({"model": "sandbox-chat"}, "PermissionDeniedError", 403, INVALID, "model_not_allowed",
                                 key=key)
        self.assert_answered(self.generate(key=key))

    def test_unknown_model_is_not_found(self):
        self.assert_refused_once({"model": "no-such/model"}, "NotFoundError", 404, INVALID, "model_not_found", "model")
        for name in ("no-such-model", "no-such/model:x"):
            with self.arrivals({404: 1}, upstream=0, route="model"):
                outcome = self.call("models.retrieve", name)
            self.assert_error(outcome, "NotFoundError", 404, INVALID, "model_not_found", "model")

    def test_other_endpoints_of_the_sdk_are_not_found(self):
        with self.arrivals({404: 1}, upstream=0, route="unknown"):
            outcome = self.call("chat.completions.create",
                                body={"model": "imagen-4", "messages": [{"role": "user", "content": "hello"}]})
        self.assert_error(outcome, "NotFoundError", 404, INVALID, "unknown_url")

    def test_deleting_a_model_is_not_allowed(self):
        with self.arrivals({405: 1}, upstream=0, route="model"):
            outcome = self.call("models.delete", "imagen-4")
        self.assert_error(outcome, self.class_of_405, 405, INVALID, "method_not_allowed")

    # --- 409 ---
    def test_finished_idempotency_key_is_a_conflict_and_charged_once(self):
        for place in ("headers", "request_headers"):
            account, key = self.new_customer()
            identity = {place: {"Idempotency-Key": f"order-{account}"}}
            with self.arrivals({200: 1}, upstream=1):
                self.assert_answered(self.generate(key=key, **identity))
            outcome = self.assert_refused_once({}, "ConflictError", 409, INVALID, "idempotency_key_completed", key=key,
                                               **identity)
            self.assertRegex(outcome.error.message, rf"{account}\.[0-9a-f-]{{36}}")
            self.assert_refused_once({"prompt": "another"}, "BadRequestError", 400, INVALID, "idempotency_key_reused",
                                     key=key, **identity)
            self.assertEqual(len(self.charges(account)), 1)

    # --- 429 ---
    def test_empty_wallet_is_a_rate_limit_error_that_is_not_retried(self):
        _, key = self.new_customer(wallet="0.07")
        self.assert_refused_once({"n": 2}, "RateLimitError", 429, "insufficient_quota", "credit_balance_exhausted",
                                 key=key)
        self.assert_answered(self.generate(key=key))
        self.assert_refused_once({}, "RateLimitError", 429, "insufficient_quota", "credit_balance_exhausted", key=key)

    def test_limit_that_is_used_up_is_a_rate_limit_error(self):
        for flag, kind in (("--requests-per-minute", "requests"), ("--images-per-minute", "images")):
            _, key = self.new_customer(flag, "1")
            self.assert_answered(self.generate(key=key))
            # One a minute: the default retries would wait for it.
            self.assert_refused_once({}, "RateLimitError", 429, kind, "rate_limit_exceeded", key=key, max_retries=0)

    def test_limit_that_allows_nothing_is_not_retried(self):
        _, key = self.new_customer("--requests-per-minute", "0")
        self.assert_refused_once({}, "RateLimitError", 429, "requests", "rate_limit_exceeded", key=key)

    # --- 5xx ---
    @contextlib.contextmanager
    def images_off(self, provider):
        self.suite.cli("provider", "images", provider, "off")
        try:
            wait_until(lambda: self.suite.generate(model=provider).status == 503, 5, "the switch off")
            yield
        finally:
            self.suite.cli("provider", "images", provider, "on")
            wait_until(lambda: self.suite.generate(model=provider).status == 200, 5, "the switch on")

    def test_model_without_a_route_is_a_server_error_that_is_not_retried(self):
        with self.images_off("sandbox-chat"):
            self.assert_refused_once({"model": "sandbox-chat"}, "InternalServerError", 503, "server_error",
                                     "no_image_route")

    def test_upstream_that_may_have_worked_is_never_asked_again(self):
        for fault in ("status=500", "status=502", "status=503 body=html", "cut=400", "body=html", "body=broken_json",
                      "body=empty_data", "body=wrong_base64", "body=not_image"):
            with self.subTest(fault):
                self.assert_refused_once({"prompt": f"a lighthouse [[sandbox {fault}]]"}, "InternalServerError", 502,
                                         "server_error", "upstream_error", upstream=1)

    def test_upstream_timeout_is_never_asked_again(self):
        self.assert_refused_once({"prompt": "a lighthouse [[sandbox status=504]]"}, "InternalServerError", 504,
                                 "server_error", "upstream_timeout", upstream=1)
