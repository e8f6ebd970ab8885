#!/usr/bin/env python3
"""W3C Trace Context from the edge to every service's log lines, and never to a provider.

usage: trace_test.py [--separate] [--bin DIR] [unittest arguments]

One test takes 30 s: the gateway's patience with a settlement has no setting.
"""
import contextlib
import json
import os
import re
import secrets
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from admin_client import Admin  # noqa: E402
from grpc_client import Service, uuid7  # noqa: E402
from suite import Suite, wait_until  # noqa: E402
from wire import Wire, post  # noqa: E402

SERVICES = ("gateway", "billing", "registry", "provider-proxy")
OURS = ("traceparent", "tracestate", "x-request-id")


def new_ids():
    return secrets.token_hex(16), secrets.token_hex(8)


def malformed(trace, span):
    """What is no traceparent, though it has the trace ID in it."""
    return ("00", f"ff-{trace}-{span}-01", f"00-{trace}-{span}", f"00-{trace}-{span}-01-more", f"00-{trace}-{span}-1",
            f"00-{trace.upper().replace('0', 'A')}-{span}-01", f"00-{'0' * 32}-{span}-01", f"00-{trace}-{'0' * 16}-01",
            f"00-{trace[1:]}-{span}-01", f"00-{trace}0-{span}-01", f"00-{trace}-{span}-0g", f"{trace}-{span}-01-00",
            f"00-{trace}-{span}-01, 00-{trace}-{span}-01", "%0d%0a", "\xe9" * 55, "0" * 10_000)


class TraceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.addClassCleanup(cls.suite.stop)
        cls.processes = SERVICES if cls.suite.separate else ("all-in-one",)
        for name in cls.processes:
            cls.suite.restart(name, "--log-level=debug")
        # The gateway asks provider-proxy again once that says that it is ready.
        wait_until(lambda: cls.suite.generate().status == 200, 10, "the way to the provider")

    def process_of(self, service):
        return service if self.suite.separate else "all-in-one"

    def lines(self, service, field, value, **more):
        """What a service's log says of a trace or a request, as objects."""
        found = []
        for line in self.suite.log(self.process_of(service)).splitlines():
            if value in line:
                entry = json.loads(line)
                if entry.get(field) == value and all(entry.get(name) == wanted for name, wanted in more.items()):
                    found.append(entry)
        return found

    def await_lines(self, service, trace, count=1, **more):
        """A release may be made behind the client's answer."""
        wait_until(lambda: len(self.lines(service, "trace_id", trace, **more)) >= count, 10,
                   f"{count} lines of {service} with {more}")
        found = self.lines(service, "trace_id", trace, **more)
        self.assertEqual(len(found), count, found)
        return found

    def access_line(self, answer):
        found = self.lines("gateway", "request_id", answer.headers["x-request-id"], message="request")
        self.assertEqual(len(found), 1, found)
        return found[0]

    def traced(self, trace, span, flags="01", state="vendor=opaque,tenant@other=1"):
        return {"traceparent": f"00-{trace}-{span}-{flags}", "tracestate": state}

    def generate(self, headers, **fields):
        answer = self.suite.generate(headers=headers, **fields)
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    # --- the way of one request ---
    def test_one_trace_from_the_edge_to_every_service(self):
        trace, span = new_ids()
        request_id = self.generate(self.traced(trace, span)).headers["x-request-id"]
        of = {"access": self.await_lines("gateway", trace, message="request")[0],
              "attempt": self.await_lines("provider-proxy", trace, message="upstream call")[0],
              "generation": self.await_lines("provider-proxy", trace, message="generation")[0],
              "reserve": self.await_lines("billing", trace, grpc_method="CreateReservation", grpc_code="OK")[0],
              "settle": self.await_lines("billing", trace, grpc_method="SettleReservation", grpc_code="OK")[0]}
        self.assertEqual({entry["request_id"] for entry in of.values()}, {request_id})
        spans = {name: entry["span_id"] for name, entry in of.items()}
        for found in spans.values():
            self.assertRegex(found, "^[0-9a-f]{16}$")
            self.assertNotEqual(found, span)
        self.assertEqual(spans["attempt"], spans["generation"], "one call of one process")
        self.assertEqual(len(set(spans.values())), 4 if self.suite.separate else 1, "a span for each hop")
        self.assertEqual((of["generation"]["outcome"], of["generation"]["images"],
                          of["generation"]["upstream_calls"]), ("ok", 1, 1))
        for name in self.processes:
            for line in self.suite.log(name).splitlines():
                if request_id in line:
                    self.assertEqual(json.loads(line).get("trace_id"), trace, line)

    def test_what_is_refused_is_in_its_trace(self):
        for key, fields, status, asked in (("", {}, 401, 0), (None, {"n": 11}, 400, 0),
                                           ("pk_nobody.1_" + "0" * 64, {}, 401, 0), (None, {"model": "none"}, 404, 1)):
            trace, span = new_ids()
            answer = self.suite.generate(key=key, headers=self.traced(trace, span), **fields)
            self.assertEqual(answer.status, status, answer.body)
            self.assertEqual(self.access_line(answer)["trace_id"], trace)
            if asked:
                self.await_lines("billing", trace, grpc_method="CreateReservation", grpc_code="OK")
            self.assertEqual(self.lines("provider-proxy", "trace_id", trace, message="generation"), [])

    def test_a_failed_generation_is_released_in_its_trace(self):
        trace, span = new_ids()
        answer = self.suite.generate(headers=self.traced(trace, span), prompt="a lighthouse [[sandbox status=500]]")
        self.assertGreaterEqual(answer.status, 500)
        self.await_lines("billing", trace, grpc_method="ReleaseReservation", grpc_code="OK")
        self.assertNotEqual(self.await_lines("provider-proxy", trace, message="generation")[0]["outcome"], "ok")
        self.suite.await_upstream()

    def test_the_model_list_is_in_its_trace(self):
        trace, span = new_ids()
        answer = self.suite.api("GET", "/models", headers=self.traced(trace, span))
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.access_line(answer)["trace_id"], trace)
        self.await_lines("billing", trace, grpc_method="CheckKey", grpc_code="OK")

    def test_the_admin_port_takes_it_to_the_services(self):
        trace, span = new_ids()
        admin = Admin(self.suite)
        headers = {"Authorization": f"Bearer {self.suite.env['PRISMATIC_ADMIN_TOKEN']}", **self.traced(trace, span)}
        answer = admin.send("POST", "/admin/v1/accounts", {"name": "traced"}, headers)
        self.assertEqual(answer.status // 100, 2, answer.body)
        self.await_lines("gateway", trace, message="admin request")
        who = self.await_lines("registry", trace, grpc_method="WhoAmI")[0]
        made = self.await_lines("billing", trace, message="admin call")[0]
        served = self.await_lines("billing", trace, grpc_method="CreateAccount")[0]
        self.assertEqual(made["span_id"], served["span_id"], "one call")
        self.assertNotEqual(made["span_id"], who["span_id"])
        self.assertEqual({who["request_id"], made["request_id"]}, {answer.headers["x-request-id"]})

    def test_other_callers_of_the_services_bring_theirs(self):
        trace, span = new_ids()
        metadata = tuple(self.traced(trace, span).items())
        with Service(self.suite.env["PRISMATIC_BILLING_ADDR"], "prismatic.billing.v1.Billing", metadata) as service:
            service.CheckKey(api_key=self.suite.key)
            self.await_lines("billing", trace, grpc_method="CheckKey", grpc_code="OK")
            service.metadata = (("traceparent", f"00-{trace}-{span}"), ("tracestate", "x" * 4_000),
                                ("x-request-id", uuid7()))
            service.CheckKey(api_key=self.suite.key)
            request_id = service.metadata[2][1]
            wait_until(lambda: self.lines("billing", "request_id", request_id), 10, "the call's line")
            self.assertNotEqual(self.lines("billing", "request_id", request_id)[0]["trace_id"], trace)

    # --- what is hostile or none ---
    def test_without_a_trace_each_request_begins_one(self):
        ids = [self.access_line(self.suite.api("GET", "/models", headers=headers))["trace_id"]
               for headers in ({}, {}, {"tracestate": "vendor=1"})]
        self.assertEqual(len(set(ids)), 3)
        for each in ids:
            self.assertTrue(re.fullmatch("[0-9a-f]{32}", each) and set(each) != {"0"}, each)

    def test_what_is_malformed_is_no_error_and_begins_a_trace(self):
        trace, span = new_ids()
        for value in malformed(trace, span):
            answer = self.suite.api("GET", "/models", headers={"traceparent": value, "tracestate": "vendor=1"})
            self.assertEqual(answer.status, 200, (value, answer.body))
            self.assertNotEqual(self.access_line(answer)["trace_id"], trace, value)
        self.generate({"traceparent": malformed(trace, span)[3]})

    def test_two_traceparents_begin_a_trace(self):
        trace, span = new_ids()
        field = f"traceparent: 00-{trace}-{span}-01"
        with Wire(self.suite) as wire:
            wire.send(post(self.suite.key, {}, field, field))
            answer = wire.answer()
        self.assertEqual(answer.status, 200, answer.body)
        self.assertNotEqual(self.access_line(answer)["trace_id"], trace)

    def test_a_later_version_is_read_as_far_as_it_is_known(self):
        trace, span = new_ids()
        answer = self.suite.api("GET", "/models", headers={"traceparent": f"cc-{trace}-{span}-01-what-comes-then"})
        self.assertEqual(self.access_line(answer)["trace_id"], trace)

    def test_a_hostile_tracestate_is_dropped_and_the_trace_goes_on(self):
        for state in ("x" * 10_240, "a=1," * 33 + "b=2", "=", "a=\xe9", "a=b=c", "A=1", "a=\t\xff"):
            trace, span = new_ids()
            answer = self.generate(self.traced(trace, span, state=state))
            self.assertEqual(self.access_line(answer)["trace_id"], trace, state)
            self.await_lines("billing", trace, grpc_method="SettleReservation", grpc_code="OK")
        self.generate({"tracestate": "x" * 10_240})

    def test_several_tracestate_fields_are_no_error(self):
        trace, span = new_ids()
        with Wire(self.suite) as wire:
            wire.send(post(self.suite.key, {}, f"traceparent: 00-{trace}-{span}-00", "tracestate: a=1", "Tracestate: b=2"))
            answer = wire.answer()
        self.assertEqual(answer.status, 200, answer.body)
        self.await_lines("billing", trace, grpc_method="SettleReservation", grpc_code="OK")

    # --- providers ---
    def test_no_provider_hears_of_it(self):
        models = [model["id"] for model in self.suite.api("GET", "/models").json["data"]]
        sandbox = self.suite.env["PRISMATIC_SANDBOX_URL"]
        self.suite.http("DELETE", sandbox + "/_sandbox/requests")
        told, answered = set(), 0
        for model in models:
            trace, span = new_ids()
            answer = self.suite.generate({"model": model, "prompt": "a lighthouse"}, headers=self.traced(trace, span))
            answered += answer.status == 200
            told |= {trace, span, answer.headers["x-request-id"]}
            told |= {line["span_id"] for line in self.lines("gateway", "trace_id", trace)}
        self.assertGreater(answered, 0)
        seen = 0
        for kind in ("", "&kind=poll", "&kind=picture", "&kind=list"):
            for request in self.suite.http("GET", f"{sandbox}/_sandbox/requests?limit=1000{kind}").json["requests"]:
                seen += 1
                self.assertEqual([name for name in OURS if name in request["headers"]], [])
                text = json.dumps(request)
                self.assertEqual([word for word in told if word in text], [])
                self.assertNotIn("vendor=opaque", text)
        self.assertGreaterEqual(seen, answered)


class TraceInTroubleTest(unittest.TestCase):
    def test_a_settlement_behind_the_answer_stays_in_its_trace(self):
        suite = Suite()
        self.addCleanup(suite.stop)
        key = suite.new_key("acme", wallet="1")
        trace, span = new_ids()
        away = "billing" if suite.separate else "redis"

        def lines(name, **more):
            entries = [json.loads(line) for line in suite.log(name).splitlines() if trace in line]
            return [entry for entry in entries if all(entry.get(field) == value for field, value in more.items())]

        with contextlib.ExitStack() as stack:
            wire = stack.enter_context(Wire(suite, timeout=90))
            before = suite.upstream_total()
            wire.send(post(key, {"prompt": "a lighthouse [[sandbox delay_ms=1000]]"},
                           f"traceparent: 00-{trace}-{span}-01"))
            wait_until(lambda: suite.upstream_total() == before + 1, 10, "the request at the sandbox")
            suite.kill(away)
            answer = wire.answer()
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(len(lines(suite.front, message="settlement_pending")), 1)
        suite.start_again(away, *(["--log-level=debug"] if suite.separate else []))
        wait_until(lambda: lines(suite.front, message="settled late"), 60, "the settlement")
        request_ids = {line["request_id"] for line in lines(suite.front)}
        self.assertEqual(request_ids, {answer.headers["x-request-id"]})
        if suite.separate:
            wait_until(lambda: lines("billing", grpc_method="SettleReservation", grpc_code="OK"), 10, "billing's line")
        else:  # the same process, whose billing had no Redis: faults are told at every level
            self.assertTrue(lines(suite.front, message="call failed", grpc_method="SettleReservation"))

    def test_a_fault_of_billing_names_the_trace_without_debugging(self):
        suite = Suite()
        self.addCleanup(suite.stop)
        trace, span = new_ids()
        suite.kill("redis")
        answer = suite.generate(headers={"traceparent": f"00-{trace}-{span}-01"})
        self.assertEqual(answer.status, 503, answer.body)
        name = "billing" if suite.separate else "all-in-one"
        wait_until(lambda: trace in suite.log(name), 10, "the line")
        faults = [json.loads(line) for line in suite.log(name).splitlines() if trace in line and "call failed" in line]
        self.assertIn("CreateReservation", {line["grpc_method"] for line in faults})
        self.assertEqual({line["level"] for line in faults}, {"warning"})
        self.assertEqual({line["request_id"] for line in faults}, {answer.headers["x-request-id"]})
        # Calls that went well are not in the log unless asked for.
        self.assertNotIn('"message":"call"', suite.log(name))


if __name__ == "__main__":
    unittest.main()
