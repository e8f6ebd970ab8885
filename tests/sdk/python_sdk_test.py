#!/usr/bin/env python3
"""OpenAI's SDK for Python, unmodified, against the running suite.

usage: python_sdk_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import asyncio
import base64
import inspect
import operator
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import openai
from openai.pagination import SyncPage

from answer_cases import AnswerCases
from error_cases import ErrorCases
from retry_cases import RetryCases
from sdk_suite import PICTURE, Attempt, Outcome, SdkError, SdkTestCase, Shared, png_size, readme_block
from suite import SEED_REQUEST


def split(function, body):
    """OpenAI's own parameters as arguments, all others in `extra_body`, as the SDK wants them."""
    known = inspect.signature(function).parameters
    extra = {name: value for name, value in body.items() if name not in known}
    own = {name: value for name, value in body.items() if name in known}
    return {**own, **({"extra_body": extra} if extra else {})}


class PythonSdk:
    """Calls may be made from several threads at once; they share the SDK's pool of connections."""

    def __init__(self, suite):
        self.suite = suite
        self.thread = threading.local()
        self.pool = openai.DefaultHttpxClient(event_hooks={"request": [self.record]})

    def close(self):
        self.pool.close()

    def record(self, request):
        """Looks on while the SDK sends, and changes nothing."""
        self.thread.attempts.append(Attempt(request.headers["x-stainless-retry-count"], time.monotonic()))

    def options(self, key=None, headers=None, max_retries=None):
        options = {"base_url": self.suite.env["PRISMATIC_BASE_URL"], "api_key": key or self.suite.key}
        options.update({} if headers is None else {"default_headers": headers})
        options.update({} if max_retries is None else {"max_retries": max_retries})
        return options

    def call(self, method, *arguments, body=None, key=None, headers=None, request_headers=None, max_retries=None):
        attempts = self.thread.attempts = []
        client = openai.OpenAI(http_client=self.pool, **self.options(key, headers, max_retries))
        path, _, verb = method.rpartition(".")
        resource = operator.attrgetter(path)(client)
        named = split(getattr(resource, verb), body or {})
        if request_headers is not None:
            named["extra_headers"] = request_headers
        try:
            raw = getattr(resource.with_raw_response, verb)(*arguments, **named)
            return self.answer(raw, attempts)
        except openai.APIStatusError as error:
            kind = type(error).__name__
            assert type(error) is getattr(openai, kind), "not a class of the SDK"
            return Outcome(None, SdkError(kind, error.status_code, error.type, error.code, error.param,
                                          error.request_id, error.message), None, error.response.headers, attempts)

    @staticmethod
    def answer(raw, attempts):
        parsed = raw.parse()
        is_page = isinstance(parsed, SyncPage)
        value = {"data": [item.to_dict() for item in parsed]} if is_page else parsed.to_dict()
        return Outcome(value, None, parsed._request_id, raw.headers, attempts)


def setUpModule():
    Shared.start(PythonSdk)


def tearDownModule():
    Shared.stop()


class PythonAnswersTest(AnswerCases, SdkTestCase):
    pass


class PythonErrorsTest(ErrorCases, SdkTestCase):
    class_of_405 = "APIStatusError"


class PythonRetriesTest(RetryCases, SdkTestCase):
    pass


class PythonOnlyTest(SdkTestCase):
    def strict_client(self):
        return openai.OpenAI(_strict_response_validation=True, **Shared.sdk.options())

    def test_strict_validation_accepts_the_answers(self):
        requests = [SEED_REQUEST, dict(PICTURE, n=3), dict(PICTURE, response_format="url"),
                    dict(PICTURE, size="1024x1024", quality="hd", style="natural"),
                    dict(PICTURE, size="1536x864"), dict(PICTURE, model="sandbox-chat", size="2K"),
                    dict(PICTURE, prompt="a lighthouse [[sandbox revised usage]]")]
        with self.strict_client() as client:
            for request in requests:
                with self.subTest(request):
                    answer = client.images.generate(**split(client.images.generate, request))
                    self.assertEqual(len(answer.data), request.get("n", 1))
            self.assertIn("imagen-4", [model.id for model in client.models.list()])
            self.assertEqual(client.models.retrieve("google/imagen-4").id, "google/imagen-4")

    def test_strict_validation_is_really_on(self):
        # Otherwise the test above shows nothing: the gateway's /healthz is no model.
        with self.strict_client() as client, self.assertRaises(openai.APIResponseValidationError):
            client.get("/../healthz", cast_to=openai.types.Model)

    def test_asynchronous_client_with_many_at_once(self):
        async def ask():
            async with openai.AsyncOpenAI(**Shared.sdk.options()) as client:
                return await asyncio.gather(*(client.images.generate(**dict(PICTURE, prompt=f"picture {number}"))
                                              for number in range(16)))

        with self.arrivals({200: 16}, upstream=16):
            answers = asyncio.run(ask())
        self.assertEqual({png_size(base64.b64decode(answer.data[0].b64_json)) for answer in answers}, {(256, 256)})
        self.assertEqual(len({answer._request_id for answer in answers}), 16)

    def test_example_of_the_readme_saves_a_picture(self):
        program = readme_block("python")
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "example.py"), "w", encoding="utf-8") as file:
                file.write(program)
            done = subprocess.run([sys.executable, "example.py"], cwd=folder, env={**os.environ, **self.suite.env},
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assert_is_picture(os.path.join(folder, "picture.png"))


if __name__ == "__main__":
    unittest.main()
