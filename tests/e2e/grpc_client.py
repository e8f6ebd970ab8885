"""Calls of a suite's gRPC services as a stranger makes them: methods and messages are known from reflection alone."""
import os
import time
import uuid

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


# Redis has 100 ms for a reservation, which a busy machine does not always give it.
TRIES = 5


def uuid7():
    random = int.from_bytes(os.urandom(10), "big")
    return str(uuid.UUID(int=time.time_ns() // 1_000_000 << 80 | 7 << 76 | (random >> 68) % 4096 << 64 | 2 << 62
                         | random % (1 << 62)))


class Service:
    """`Service(suite, "PRISMATIC_BILLING_ADDR", "prismatic.billing.v1.Billing").CheckKey(api_key=...)`. Closed by
    `with`."""

    def __init__(self, address, name, metadata=()):
        self.channel = grpc.insecure_channel(address)
        self.metadata = metadata
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))
        self.name, self.methods = name, pool.FindServiceByName(name).methods_by_name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def __getattr__(self, method):
        descriptor = self.methods[method]
        request, response = GetMessageClass(descriptor.input_type), GetMessageClass(descriptor.output_type)
        invoke = self.channel.unary_unary(f"/{self.name}/{method}", request_serializer=request.SerializeToString,
                                          response_deserializer=response.FromString)

        def call(**fields):
            for left in reversed(range(TRIES)):
                try:
                    return invoke(request(**fields), timeout=10, metadata=self.metadata)
                except grpc.RpcError as error:  # as every caller repeats: the same identity, nothing is done twice
                    if error.code() != grpc.StatusCode.UNAVAILABLE or not left:
                        raise
                    time.sleep(0.1)

        return call


def billing(suite):
    return Service(suite.env["PRISMATIC_BILLING_ADDR"], "prismatic.billing.v1.Billing")


def billing_admin(suite):
    return Service(suite.env["PRISMATIC_BILLING_ADMIN_ADDR"], "prismatic.billing.v1.BillingAdmin",
                   (("authorization", "Bearer " + suite.env["PRISMATIC_ADMIN_TOKEN"]),))
