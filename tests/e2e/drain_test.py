#!/usr/bin/env python3
"""SIGTERM: nothing that was begun is lost, and a load balancer has the time to look elsewhere.

usage: drain_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import os
import signal
import sys
import unittest

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from admin_client import Admin  # noqa: E402
from suite import Suite, png_size, wait_until  # noqa: E402
from wire import Wire, post  # noqa: E402

DOLLAR, CENT4 = 1_000_000_000, 40_000_000
DELAY_SECONDS = 2


class DrainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.accounts = 0

    def start(self, *flags):
        type(self).accounts += 1
        self.account = f"acme-{self.accounts}"
        self.suite.restart(self.suite.front, *flags)  # a child of ours from here on, whose exit code we get
        self.process = self.suite.started[self.suite.front]
        self.logged = len(self.suite.log(self.suite.front))
        self.key = self.suite.new_key(self.account, wallet="1")
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)

    def begin(self, count, delay_ms):
        before = self.suite.upstream_total()
        prompt = f"a lighthouse [[sandbox delay_ms={delay_ms}]]"
        answers = [self.pool.submit(self.suite.generate, key=self.key, prompt=prompt) for _ in range(count)]
        wait_until(lambda: self.suite.upstream_total() == before + count, 10, "the requests at the sandbox")
        return answers

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def readiness(self):
        return self.suite.http("GET", self.suite.env["PRISMATIC_BASE_URL"].removesuffix("/v1") + "/readyz").status

    def refuses_connections(self):
        try:
            Wire(self.suite).socket.close()
            return False
        except ConnectionRefusedError:
            return True

    def assert_pictures(self, answers):
        for answer in answers:
            self.assertEqual(answer.result().status, 200, answer.result().body)
            png_size(answer.result().images()[0])

    def assert_ended_well(self, charges):
        self.assertEqual(self.process.wait(15), 0)
        log = self.suite.log(self.suite.front)[self.logged:]
        self.assertIn("gateway finishes what it began", log)
        self.assertNotIn("settlement_pending", log)
        # In one process billing went with it; what it wrote is looked at by its successor.
        if not self.suite.separate:
            self.suite.start_again(self.suite.front)
            self.suite.wait_ready()
        account = self.suite.account(self.account)
        self.assertEqual((account["balance_nano_usd"], account["held_nano_usd"], account["concurrent"]),
                         (DOLLAR - charges * CENT4, 0, 0))
        self.assertEqual([entry["type"] for entry in self.suite.ledger(self.account)].count("charge"), charges)

    def test_slow_generations_are_finished_and_charged_once(self):
        self.start()
        answers = self.begin(5, delay_ms=1500)
        self.terminate()
        self.assert_pictures(answers)
        self.assert_ended_well(charges=5)

    def test_readiness_falls_first_and_requests_are_served_meanwhile(self):
        self.start(f"--drain-delay={DELAY_SECONDS}s")
        slow = self.begin(2, delay_ms=1000 * DELAY_SECONDS + 1500)
        self.assertEqual(self.readiness(), 200)
        self.terminate()
        wait_until(lambda: self.readiness() == 503, 1, "the fall of readiness")
        meanwhile = [self.suite.generate(key=self.key) for _ in range(3)]
        self.assertEqual([answer.status for answer in meanwhile], [200] * 3)
        self.assertEqual(self.readiness(), 503)
        wait_until(self.refuses_connections, DELAY_SECONDS + 5, "the refusal of connections")
        self.assertFalse(any(answer.done() for answer in slow), "nothing was left to wait for")
        self.assert_pictures(slow)
        self.assert_ended_well(charges=5)

    def test_open_connections_are_answered_or_closed_never_left_hanging(self):
        self.start()
        with Wire(self.suite) as idle, Wire(self.suite) as busy:
            for wire in (idle, busy):
                wire.send(post(self.key, {}))
                self.assertEqual(wire.answer().status, 200)
            before = self.suite.upstream_total()
            busy.send(post(self.key, {"prompt": "a lighthouse [[sandbox delay_ms=1200]]"}))
            wait_until(lambda: self.suite.upstream_total() == before + 1, 10, "the request at the sandbox")
            self.terminate()
            self.assertTrue(idle.is_closed())
            answer = busy.answer()
            self.assertEqual((answer.status, answer.headers["connection"].lower()), (200, "close"))
            self.assertTrue(busy.is_closed())
        self.assert_ended_well(charges=3)

    def test_a_request_that_is_half_sent_is_served_or_told_to_come_again(self):
        self.start()
        slow = self.begin(1, delay_ms=1500)
        request = post(self.key, {})
        with Wire(self.suite) as late:
            late.send(request[:-10])
            self.suite.wait_ready()  # what came before has arrived
            self.terminate()
            wait_until(self.refuses_connections, 5, "the refusal of connections")
            served = 0
            try:
                late.send(request[-10:])
                answer = late.answer()
                served = int(answer.status == 200)
                if not served:
                    self.assertEqual((answer.status, answer.error["type"], answer.error["code"]),
                                     (503, "server_error", "server_is_overloaded"))
                    self.assertEqual(answer.headers["x-should-retry"], "true")
                    self.assertGreater(int(answer.headers["retry-after"]), 0)
            except ConnectionError:
                pass  # closed before it was complete: nothing was begun
        self.assert_pictures(slow)
        self.assert_ended_well(charges=1 + served)

    def test_every_process_says_that_it_leaves_and_serves_on_until_a_second_signal(self):
        names = ("registry", "billing", "provider-proxy", "gateway") if self.suite.separate else ("all-in-one",)
        self.start()
        for name in names:
            self.suite.restart(name, "--drain-delay=60s")
            process, port = self.suite.started[name], name if self.suite.separate else "gateway"
            wait_until(lambda each=name: self.health(each) == [True, True, True], 10, f"{name} to be ready")
            self.assertEqual(self.suite.metric("prismatic_shutdown_state", port), 0)
            process.send_signal(signal.SIGTERM)
            wait_until(lambda each=port: self.suite.metric("prismatic_shutdown_state", each) == 1, 10, "the signal")
            wait_until(lambda each=name: self.health(each) == [True, False, False], 10, "the fall of readiness")
            if name in ("gateway", "all-in-one"):  # what it still gets is served, pictures and administration
                self.assertEqual(self.suite.generate(key=self.key).status, 200)
                self.assertEqual(Admin(self.suite).machine("GET", "/admin/v1/providers").status, 200)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 1, name)
            self.suite.restart(name)

    def health(self, name):
        """Of the ports of a process: whether all say that they live, and that they are ready, by both of its names."""
        ports = {"registry": ("REGISTRY", "REGISTRY_ADMIN"), "billing": ("BILLING", "BILLING_ADMIN"),
                 "provider-proxy": ("PROVIDER",)}
        asked = [port for each in ports if name in (each, "all-in-one") for port in ports[each]]
        says = {service: [self.says(self.suite.env[f"PRISMATIC_{port}_ADDR"], service) for port in asked]
                for service in ("liveness", "readiness", "")}
        if name in ("gateway", "all-in-one"):
            for service, path in (("liveness", "/healthz"), ("readiness", "/readyz"), ("", "/readyz")):
                url = self.suite.env["PRISMATIC_BASE_URL"].removesuffix("/v1") + path
                says[service].append(self.suite.http("GET", url).status == 200)
        # Those that differ are neither.
        return [answers[0] if len(set(answers)) == 1 else None for answers in says.values()]

    @staticmethod
    def says(address, service):
        with grpc.insecure_channel(address) as channel:
            asked = health_pb2.HealthCheckRequest(service=service)
            return health_pb2_grpc.HealthStub(channel).Check(asked, timeout=10).status == 1

    def test_with_nothing_to_do_it_ends_at_once(self):
        self.start()
        self.terminate()
        self.assert_ended_well(charges=0)


if __name__ == "__main__":
    unittest.main()
