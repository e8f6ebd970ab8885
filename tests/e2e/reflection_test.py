#!/usr/bin/env python3
"""What a stranger with gRPC tools sees: reflection, health, reasons of errors; by the stock Python packages."""
import os
import sys
import unittest

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import Suite  # noqa: E402

SERVICES = {
    "PRISMATIC_REGISTRY_ADDR": "prismatic.model_registry.v1.ModelRegistry",
    "PRISMATIC_REGISTRY_ADMIN_ADDR": "prismatic.model_registry.v1.ModelRegistryAdmin",
    "PRISMATIC_BILLING_ADDR": "prismatic.billing.v1.Billing",
    "PRISMATIC_BILLING_ADMIN_ADDR": "prismatic.billing.v1.BillingAdmin",
    "PRISMATIC_PROVIDER_ADDR": "prismatic.provider_proxy.v1.ProviderProxy",
}


class ReflectionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def call(self, address, method, fields, metadata=()):
        """Calls a unary method known from reflection alone."""
        with grpc.insecure_channel(self.suite.env[address]) as channel:
            pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
            service, _, name = method.rpartition(".")
            descriptor = pool.FindServiceByName(service).FindMethodByName(name)
            request, response = GetMessageClass(descriptor.input_type), GetMessageClass(descriptor.output_type)
            invoke = channel.unary_unary(f"/{service}/{name}", request_serializer=request.SerializeToString,
                                         response_deserializer=response.FromString)
            return invoke(request(**fields), timeout=10, metadata=metadata)

    def test_each_port_lists_its_service(self):
        for address, service in SERVICES.items():
            with grpc.insecure_channel(self.suite.env[address]) as channel:
                database = ProtoReflectionDescriptorDatabase(channel)
                self.assertIn(service, database.get_services())
                self.assertIn("grpc.health.v1.Health", database.get_services())
                self.assertTrue(DescriptorPool(database).FindServiceByName(service).methods)

    def test_each_port_is_healthy(self):
        for address in SERVICES:
            with grpc.insecure_channel(self.suite.env[address]) as channel:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
                self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING, address)

    def test_a_stranger_resolves_a_model(self):
        answer = self.call("PRISMATIC_REGISTRY_ADDR", "prismatic.model_registry.v1.ModelRegistry.ResolveModel",
                           {"public_id": "google/imagen-4"})
        self.assertEqual(answer.model.name, "imagen-4")

    def test_an_estimate_holds_nothing(self):
        answer = self.call("PRISMATIC_BILLING_ADDR", "prismatic.billing.v1.Billing.EstimateCost",
                           {"api_key": self.suite.key, "model": "imagen-4", "image_count": 3})
        self.assertEqual((answer.unit_price_nano_usd, answer.total_nano_usd, answer.would_be_admitted),
                         (40_000_000, 120_000_000, True))
        self.assertEqual(self.suite.account("demo")["held_nano_usd"], 0)

    def test_admin_ports_ask_for_the_token(self):
        token = (("authorization", "Bearer " + self.suite.env["PRISMATIC_ADMIN_TOKEN"]),)
        account = ("PRISMATIC_BILLING_ADMIN_ADDR", "prismatic.billing.v1.BillingAdmin.GetAccount", {"name": "demo"})
        providers = ("PRISMATIC_REGISTRY_ADMIN_ADDR", "prismatic.model_registry.v1.ModelRegistryAdmin.ListProviders", {})
        for call in (account, providers):
            self.call(*call, metadata=token)
            for metadata in ((), (("authorization", "Bearer wrong-wrong-wrong-wrong"),)):
                with self.assertRaises(grpc.RpcError) as refused:
                    self.call(*call, metadata=metadata)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
                details = dict(refused.exception.trailing_metadata())["grpc-status-details-bin"]
                self.assertIn(b"INVALID_API_KEY", details)


if __name__ == "__main__":
    unittest.main()
