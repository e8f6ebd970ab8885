#!/usr/bin/env python3
"""OpenAI's SDK for Node, unmodified, against the running suite.

usage: node_sdk_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import filecmp
import glob
import itertools
import json
import os
import subprocess
import tempfile
import threading
import unittest

from answer_cases import AnswerCases
from error_cases import ErrorCases
from retry_cases import RetryCases
from sdk_suite import Attempt, Outcome, SdkError, SdkTestCase, Shared, readme_block

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
TIMEOUT_SECONDS = 60


def installed_node():
    """The Node of the lock file, when all that it names has been installed by scripts/lib/npm.sh."""
    lock, stamp = (os.path.join(FOLDER, name) for name in ("package-lock.json", "node_modules/.installed-lock.json"))
    if not os.path.exists(stamp) or not filecmp.cmp(lock, stamp, shallow=False):
        return None
    return glob.glob(os.path.join(FOLDER, "node_modules/node-linux-*/bin/node"))[0]


NODE = installed_node()
# Where changes are judged, a missing SDK is a failure.
SKIPPED = NODE is None and not os.environ.get("CI")
needs_node = unittest.skipIf(SKIPPED, "NOT TESTED: the npm packages of tests/sdk/node are not installed")


class NodeSdk:
    """driver.mjs as a child process; calls may be made from several threads at once."""

    def __init__(self, suite):
        if NODE is None:
            raise RuntimeError("the npm packages of tests/sdk/node are not installed")
        self.suite = suite
        self.process = subprocess.Popen([NODE, os.path.join(FOLDER, "driver.mjs")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.waiting = {}  # guarded by lock
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(TIMEOUT_SECONDS)
        self.reader.join()
        self.process.stdout.close()
        if status != 0:
            raise RuntimeError(f"driver.mjs ended with {status}")

    def read(self):
        for line in self.process.stdout:
            outcome = json.loads(line)
            with self.lock:
                self.waiting.pop(outcome["id"]).set_result(outcome)
        with self.lock:
            for future in self.waiting.values():
                future.set_exception(RuntimeError("driver.mjs has ended"))

    def call(self, method, *arguments, body=None, key=None, headers=None, request_headers=None, max_retries=None):
        arguments = [*arguments, *([body] if body is not None else [])]
        if request_headers is not None:
            arguments.append({"headers": request_headers})
        client = {"baseURL": self.suite.env["PRISMATIC_BASE_URL"], "apiKey": key or self.suite.key}
        client.update({} if headers is None else {"defaultHeaders": headers})
        client.update({} if max_retries is None else {"maxRetries": max_retries})
        return self.outcome(self.ask(method=method, arguments=arguments, client=client))

    def ask(self, **request):
        future, number = concurrent.futures.Future(), next(self.numbers)
        with self.lock:
            self.waiting[number] = future
            self.process.stdin.write(json.dumps({"id": number, **request}) + "\n")
            self.process.stdin.flush()
        return future.result(TIMEOUT_SECONDS)

    @staticmethod
    def outcome(told):
        if "broken" in told:
            raise AssertionError(told["broken"])
        error = told.get("error")
        if error is not None:
            error = SdkError(error["kind"], error["status"], error["type"], error["code"], error["param"],
                             error["requestId"], error["message"])
        attempts = [Attempt(attempt["retryCount"], attempt["at"]) for attempt in told["attempts"]]
        return Outcome(told.get("value"), error, told.get("requestId"), told.get("headers"), attempts)


def setUpModule():
    if not SKIPPED:
        Shared.start(NodeSdk)


def tearDownModule():
    Shared.stop()


@needs_node
class NodeAnswersTest(AnswerCases, SdkTestCase):
    pass


@needs_node
class NodeErrorsTest(ErrorCases, SdkTestCase):
    class_of_405 = "APIError"


@needs_node
class NodeRetriesTest(RetryCases, SdkTestCase):
    pass


@needs_node
class NodeReadmeTest(SdkTestCase):
    def test_example_of_the_readme_saves_a_picture(self):
        program = readme_block("javascript")
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.join(FOLDER, "node_modules"), os.path.join(folder, "node_modules"))
            with open(os.path.join(folder, "example.mjs"), "w", encoding="utf-8") as file:
                file.write(program)
            done = subprocess.run([NODE, "example.mjs"], cwd=folder, env={**os.environ, **self.suite.env},
                                  capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assert_is_picture(os.path.join(folder, "picture.png"))


if __name__ == "__main__":
    unittest.main()
