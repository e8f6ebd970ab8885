"""Calls of billing as a careful client makes them: each ends as ok, as refused for good, or with nobody knowing."""
import collections
import os
import sys
import time

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from grpc_client import uuid7  # noqa: E402,F401

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
# Reasons that say nothing about what became of the call, see errors.proto.
SAYS_NOTHING = {"", "BILLING_UNAVAILABLE", "INTERNAL_ERROR"}
# A client that hangs on to a broken connection for a second would miss most of what happens here.
CHANNEL = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50),
           ("grpc.max_reconnect_backoff_ms", 200), ("grpc.use_local_subchannel_pool", 1)]

# `reply` is the message when it is ok, `reason` the word of errors.proto when it is not.
Outcome = collections.namedtuple("Outcome", "state reply reason")


class Contract:
    """Methods and messages of billing, learned once by reflection. Its callers may outlive the server."""

    SERVICES = {"billing": "prismatic.billing.v1.Billing", "admin": "prismatic.billing.v1.BillingAdmin"}

    def __init__(self, suite):
        self.token = suite.env["PRISMATIC_ADMIN_TOKEN"]
        self.addresses = {"billing": suite.env["PRISMATIC_BILLING_ADDR"],
                          "admin": suite.env["PRISMATIC_BILLING_ADMIN_ADDR"]}
        self.methods = {}
        for port, address in self.addresses.items():
            with grpc.insecure_channel(address) as channel:
                pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
                service = pool.FindServiceByName(self.SERVICES[port])
                for name, method in service.methods_by_name.items():
                    self.methods[name] = (port, f"/{service.full_name}/{name}", GetMessageClass(method.input_type),
                                          GetMessageClass(method.output_type))
                self.status = GetMessageClass(pool.FindMessageTypeByName("prismatic.common.v1.StatusDetails"))
                self.detail = GetMessageClass(pool.FindMessageTypeByName("prismatic.common.v1.ErrorDetail"))

    def reason_of(self, error):
        for name, value in error.trailing_metadata() or ():
            if name == "grpc-status-details-bin":
                for packed in self.status.FromString(value).details:
                    return self.detail.FromString(packed.value).reason
        return ""


class Caller:
    """One client with connections of its own. Closed by `with`."""

    def __init__(self, contract, addresses=None):
        self.contract = contract
        self.channels = {port: grpc.insecure_channel(address, CHANNEL)
                         for port, address in (addresses or contract.addresses).items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for channel in self.channels.values():
            channel.close()

    def call(self, method, timeout=3, wait_for_ready=False, **fields):
        port, path, request, response = self.contract.methods[method]
        metadata = (("authorization", "Bearer " + self.contract.token),) if port == "admin" else ()
        invoke = self.channels[port].unary_unary(path, request_serializer=request.SerializeToString,
                                                 response_deserializer=response.FromString)
        try:
            return Outcome(OK, invoke(request(**fields), timeout=timeout, metadata=metadata,
                                      wait_for_ready=wait_for_ready), "")
        except grpc.RpcError as error:
            reason = self.contract.reason_of(error)
            return Outcome(UNKNOWN if reason in SAYS_NOTHING else FAILED, None, reason)

    def must(self, method, **fields):
        """The reply of a service that runs; what breaks on a connection of its predecessor's is asked again. A
        refusal is a failure of the test."""
        give_up = time.monotonic() + 15
        while True:
            outcome = self.call(method, wait_for_ready=True, **fields)
            if outcome.state == OK:
                return outcome.reply
            if outcome.state == FAILED or time.monotonic() > give_up:
                raise AssertionError(f"{method}: {outcome.reason or 'no answer'}")
            time.sleep(0.02)
