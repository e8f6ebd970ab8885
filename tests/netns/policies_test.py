#!/usr/bin/env python3
"""The chart's table of connections is what the suite needs, all of it and nothing else: the real processes, one network
namespace for each, and between them just the rows of the table.

Needs root, and the packages iproute2 and nftables; skipped where it cannot be had, with the reason.

usage: policies_test.py [--bin DIR] [unittest arguments]
"""
import unittest

from arguments import BINARIES
from checks import Checks
from connections import INTERNET, PROVIDER_NETWORKS
from namespaces import why_not
from proofs import PROOFS
from stack import FORBIDDEN, SERVICES, Stack, wait_until

FELT_SECONDS = 20  # until a closed row is felt: a client's backoff and the deadlines of a request are below it
WELL_SECONDS = 30  # until the suite is well again
WHY_NOT = why_not()


@unittest.skipIf(WHY_NOT, f"SKIPPED, no network namespaces here: {WHY_NOT}")
class StackTest(unittest.TestCase):
    redis = "bundled"

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(BINARIES, cls.redis)
        cls.addClassCleanup(cls.stack.close)
        cls.checks = Checks(cls.stack)
        cls.stack.open_account()

    def setUp(self):
        self.stack.open_all()

    def check(self, proof):
        return getattr(self.checks, proof.check)(*proof.arguments)

    def await_well(self, proof):
        wait_until(lambda: self.check(proof) == "", WELL_SECONDS, f"{proof.check} with every row of the table open")

    def tried_in_vain(self, row):
        """How often `row`'s side asked for the connection since it was closed."""
        numbers = self.stack.table.numbers(row)
        return sum(times for (source, target, protocol, port), times in self.stack.network.refused().items()
                   if (source, target) == (row.source, row.target) and
                   any(protocol == each and number in (None, port) for each, number in numbers))

    def prove(self, row):
        """Only `row` is closed: it is asked for, in vain, and what it is for fails."""
        proof = PROOFS[row]
        self.await_well(proof)
        self.stack.open_all(but=row)
        if proof.restart:
            self.stack.restart(proof.restart)
        said, tries = [], 2 if proof.restart else 1  # who has just started may be slow; who asks again is in need

        def felt():
            said.append(self.check(proof))
            return said[-1] and proof.symptom.search(said[-1]) and self.tried_in_vain(row) >= tries

        try:
            wait_until(felt, FELT_SECONDS, f"{proof.check} failing with {proof.symptom.pattern!r}")
        except AssertionError as error:
            tried = self.tried_in_vain(row)
            raise AssertionError(f"without {row}: {error}; tried {tried} times; last said {said[-1]!r}") from None
        finally:
            self.stack.open_all()
            if proof.restart:
                self.stack.restart(proof.restart)

    def prove_rows(self, rows):
        for row in rows:
            with self.subTest(source=row.source, target=row.target, port=row.port):
                self.assertTrue(row in PROOFS, f"{row}: nobody needs it, or tests/netns/proofs.py does not say who")
                self.prove(row)
        for row in rows:
            self.await_well(PROOFS[row])


class PoliciesTest(StackTest):
    """Redis as a pod of the chart."""

    def test_each_row_is_needed(self):
        self.prove_rows(self.stack.rows())

    def test_what_is_proved_is_in_the_table(self):
        self.assertEqual(set(PROOFS) - set(self.stack.table.rows), set())

    def test_the_suite_asks_for_nothing_else(self):
        """From start to finish no process tries a connection that the table does not have."""
        for role in SERVICES:
            self.stack.restart(role)
        for row in self.stack.rows():
            self.await_well(PROOFS[row])
        self.assertEqual(self.stack.network.refused(), {})

    def test_only_the_rows_are_open(self):
        """Each role against each port that anybody listens on."""
        rows = {(row.source, row.target, row.port) for row in self.stack.rows()}
        components = [role for role in self.stack.table.ports if role in self.stack.addresses]
        opened, closed = [], []
        for source in self.stack.addresses:
            for target in components:
                for name, number in self.stack.table.ports_of(target).items():
                    if source != target:
                        reached = self.reaches(source, target, number)
                        self.assertEqual(reached, (source, target, name) in rows, f"{source} -> {target} {name}")
                        (opened if reached else closed).append((source, target, name))
        self.assertGreater(len(closed), 5 * len(opened))
        for named in (("gateway", "redis", "redis"), ("provider-proxy", "billing", "grpc"), ("sandbox", "registry", "grpc"),
                      ("stranger", "billing", "admin"), ("ingress", "gateway", "admin"), ("billing-clients", "billing", "admin")):
            self.assertIn(named, closed)

    def reaches(self, source, target, port):
        try:
            self.stack.network.connect(source, self.stack.addresses[target], port).close()
            return True
        except ConnectionRefusedError:
            return False

    def test_provider_proxy_alone_reaches_the_internet_and_no_private_or_metadata_address(self):
        port = self.stack.table.egress["ports"][0]
        listeners = [self.stack.network.listen(role, "0.0.0.0", port) for role in FORBIDDEN]
        try:
            self.assertTrue(self.reaches("provider-proxy", INTERNET, port))
            for role in FORBIDDEN:
                self.assertTrue(self.reaches(role, role, port), f"{role} does not listen")
                self.assertFalse(self.reaches("provider-proxy", role, port), role)
            for role in (*SERVICES, "sandbox", "redis", "tools", "test", "ledger-export", "stranger"):
                if role != "provider-proxy":
                    for target in (INTERNET, PROVIDER_NETWORKS, *FORBIDDEN):
                        self.assertFalse(self.reaches(role, target, port), f"{role} -> {target}")
        finally:
            for listener in listeners:
                listener.close()

    def test_the_internet_does_not_reach_in(self):
        for role in (*SERVICES, "redis", "sandbox"):
            for number in self.stack.table.ports_of(role).values():
                self.assertFalse(self.reaches(INTERNET, role, number), f"{role}:{number}")


class ExternalRedisTest(StackTest):
    """A Redis elsewhere in place of the chart's."""
    redis = "external"

    def test_each_row_to_redis_is_needed(self):
        rows = [row for row in self.stack.rows() if row.target == "redis-external"]
        self.assertEqual(len(rows), 2)
        self.prove_rows(rows)


class SentinelTest(StackTest):
    """A Redis that sentinels name."""
    redis = "sentinel"

    def test_each_row_to_the_sentinels_and_their_redis_is_needed(self):
        rows = [row for row in self.stack.rows() if row.target in ("redis-external", "sentinels")]
        self.assertEqual(len(rows), 4)
        self.prove_rows(rows)


del StackTest  # its own tests are those of the classes made from it

if __name__ == "__main__":
    unittest.main(verbosity=2)
