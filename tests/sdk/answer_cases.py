"""What an SDK shows of answers. Mixed into a test class of each SDK."""
import base64
import json

from sdk_suite import PICTURE, png_size
from suite import SEED_REQUEST

MODEL_MEMBERS = {"id", "object", "created", "owned_by"}


def pictures(value):
    return [base64.b64decode(item["b64_json"], validate=True) for item in value["data"]]


class AnswerCases:
    def seed_request(self, image_url):
        account, key = self.new_customer()
        with self.arrivals({200: 1}, upstream=1):
            outcome = self.generate(dict(SEED_REQUEST, image_url=image_url), key=key)
        value = self.assert_answered(outcome)
        self.assert_attempts(outcome, 1)
        self.assertIsInstance(value["created"], int)
        self.assertEqual(len(value["data"]), 1)
        self.assert_wide(pictures(value)[0])
        self.assertEqual(outcome.headers["x-prismatic-cost-usd"], "0.04")
        self.assertEqual(len(self.charges(account)), 1)
        sent = json.loads(self.suite.upstream_requests(1)[0]["body"])
        for name in ("prompt", "negative_prompt", "aspect_ratio", "quality", "style", "seed"):
            self.assertEqual(sent[name], SEED_REQUEST[name])
        self.assertIn("https://example.com/reference.png", json.dumps(sent))

    def test_seed_request_with_a_list_of_reference_images(self):
        self.seed_request(["https://example.com/reference.png"])

    def test_seed_request_with_one_reference_image_as_a_string(self):
        self.seed_request("https://example.com/reference.png")

    def test_reference_image_of_a_megabyte_inside_the_request(self):
        data_url = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(1 << 20)).decode()
        value = self.assert_answered(self.generate(image_url=[data_url]))
        png_size(pictures(value)[0])

    def test_several_pictures(self):
        account, key = self.new_customer()
        value = self.assert_answered(self.generate(n=6, key=key))
        self.assertEqual([png_size(picture) for picture in pictures(value)], [(256, 256)] * 6)
        self.assertEqual([entry["image_count"] for entry in self.charges(account)], [6])

    def test_url_instead_of_bytes(self):
        value = self.assert_answered(self.generate(response_format="url"))
        self.assertEqual([set(item) for item in value["data"]], [{"url"}])
        self.assertRegex(value["data"][0]["url"], "^(https?://|data:image/png;base64,)")

    def test_revised_prompt_and_usage_of_the_upstream(self):
        value = self.assert_answered(self.generate(prompt="a lighthouse [[sandbox revised usage]]"))
        self.assertIn("lighthouse", value["data"][0]["revised_prompt"])
        usage = value["usage"]
        self.assertEqual(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"])
        self.assertEqual(set(usage["input_tokens_details"]), {"text_tokens", "image_tokens"})

    def test_null_means_absent(self):
        value = self.assert_answered(self.generate(
            {"model": "imagen-4", "prompt": "a lighthouse", "size": None, "n": None, "quality": None, "style": None,
             "response_format": None, "user": None, "seed": None, "aspect_ratio": None, "image_url": None}))
        png_size(pictures(value)[0])

    def test_parameters_that_were_left_out_are_named(self):
        outcome = self.generate(model="sandbox-chat", seed=7, num_inference_steps=30)
        self.assert_answered(outcome)
        ignored = outcome.headers["x-prismatic-ignored-parameters"].split(",")
        self.assertIn("seed", ignored)
        self.assertIn("num_inference_steps", ignored)

    def test_models_are_listed(self):
        value = self.assert_answered(self.call("models.list"))
        self.assertLessEqual({"imagen-4", "google/imagen-4", "sandbox-chat"}, {model["id"] for model in value["data"]})
        for model in value["data"]:
            self.assertEqual(set(model), MODEL_MEMBERS)
            self.assertEqual(model["object"], "model")
            self.assertIsInstance(model["created"], int)

    def test_models_are_retrieved_also_with_a_slash_in_the_name(self):
        for name in ("imagen-4", "google/imagen-4"):
            value = self.assert_answered(self.call("models.retrieve", name))
            self.assertEqual((value["id"], value["object"], value["owned_by"]), (name, "model", "google"))

    def test_model_with_a_slash_in_the_name_generates(self):
        value = self.assert_answered(self.generate(model="google/imagen-4"))
        png_size(pictures(value)[0])

    def test_restricted_key_lists_what_it_may_use(self):
        _, key = self.new_customer("--models", "sandbox-chat")
        value = self.assert_answered(self.call("models.list", key=key))
        self.assertEqual([model["id"] for model in value["data"]], ["sandbox-chat"])

    def test_limits_are_told_in_headers(self):
        _, key = self.new_customer("--requests-per-minute", "60", "--images-per-minute", "30")
        outcome = self.generate(PICTURE, n=2, key=key)
        self.assert_answered(outcome)
        told = {name: outcome.headers[f"x-ratelimit-{name}"] for name in
                ("limit-requests", "remaining-requests", "limit-images", "remaining-images")}
        self.assertEqual(told, {"limit-requests": "60", "remaining-requests": "59", "limit-images": "30",
                                "remaining-images": "28"})
        for metric in ("requests", "images"):
            self.assertRegex(outcome.headers[f"x-ratelimit-reset-{metric}"], r"^(\d+m)?\d+(\.\d+)?(ms|s)$")
