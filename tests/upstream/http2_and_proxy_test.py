#!/usr/bin/env python3
"""How provider-proxy reaches upstreams: HTTP/2 over connections that are used again, through an egress proxy where one
is to be used, and never over TLS that it cannot verify.

usage: http2_and_proxy_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import os
import socket
import unittest

from tls_nginx import TlsNginx
from loopback_servers import EgressProxy
from upstream_suite import Clients, UpstreamSuite, model, outcomes_of, provider, share_failed, wait_until

from connections import Loop  # pylint: disable=wrong-import-order
from fault_proxy import Certificate  # pylint: disable=wrong-import-order
from upstream_catalog import Books, Sandbox  # pylint: disable=wrong-import-order

ASK = {"prompt": "a lighthouse [[sandbox delay_ms=30]]", "size": "256x256", "response_format": "b64_json"}
CLIENTS, SECONDS = 20, 2
# One for each call that is under way, also with HTTP/2: services/provider_proxy/upstream/http_client.cc says why. What
# has been answered leaves its connection to the next call; one or two more are opened where both happen at once.
CONNECTIONS_MAX = CLIENTS + 2


class World:
    """The suite, and upstreams that are reached in different ways. Each model of the catalog is one way."""

    def __init__(self, cleanup):
        self.cleanup = cleanup
        self.certificates = {name: self.kept(Certificate(names), "close") for name, names in
                             {"trusted": "IP:127.0.0.1", "other name": "DNS:elsewhere.test",
                              "stranger": "IP:127.0.0.1"}.items()}
        self.egress = {name: self.kept(EgressProxy()) for name in ("default", "named")}
        self.suite = self.kept(UpstreamSuite(proxy_flags=("--upstream-ca-file", self.authorities(),
                                                          "--egress-proxy", self.egress["default"].address)))
        self.sandbox = self.kept(Sandbox(self.suite, "behind"))
        port = int(self.sandbox.address.rpartition(":")[2])
        self.nginx = {name: self.kept(TlsNginx(port, certificate)) for name, certificate in self.certificates.items()}
        self.nginx["old"] = self.kept(TlsNginx(port, self.certificates["trusted"], protocol=""))
        self.gone = socket.socket()  # bound and never listening: an egress proxy that is not there
        self.gone.bind(("127.0.0.1", 0))
        cleanup(self.gone.close)
        self.offer()
        self.key = self.suite.new_key("acme", wallet="1000")

    def kept(self, made, end="stop"):
        self.cleanup(getattr(made, end))
        return made

    def authorities(self):
        """One file with those that are trusted."""
        path = os.path.join(self.certificates["trusted"].folder, "bundle.pem")
        with open(path, "w", encoding="ascii") as bundle:
            for name in ("trusted", "other name"):
                with open(self.certificates[name].authority, encoding="ascii") as authority:
                    bundle.write(authority.read())
        return path

    def offer(self):
        tls, plain, named = self.nginx["trusted"].address, self.sandbox.address, self.egress["named"].address
        nobody = f"http://127.0.0.1:{self.gone.getsockname()[1]}"
        ways = {"direct": (tls, "direct"), "direct-old": (self.nginx["old"].address, "direct"),
                "default": (tls, None), "named": (tls, named),
                "plain": (plain, None), "plain-direct": (plain, "direct"),
                "stranger": (self.nginx["stranger"].address, "direct"),
                "stranger-proxied": (self.nginx["stranger"].address, named),
                "other-name": (self.nginx["other name"].address, "direct"), "no-proxy": (tls, nobody)}
        providers = [provider(name, address, egress_proxy=egress) for name, (address, egress) in ways.items()]
        models = [model(name, name) for name in ways]
        for name in ("stranger", "stranger-proxied", "other-name", "no-proxy"):
            rescued = model(f"{name}-rescued", name, "plain-direct")
            rescued["routes"][1]["priority"] = 2
            models.append(rescued)
        self.suite.offer(providers, models)


class Http2AndProxyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(cls.addClassCleanup)
        cls.suite = cls.world.suite

    def generate(self, name, **fields):
        return self.suite.generate({"model": name, **ASK, **fields}, self.world.key)

    def load(self, name):
        loop = Loop()
        self.addCleanup(loop.close)
        return Clients(loop, self.suite, lambda _: {"model": name, **ASK}, CLIENTS, self.world.key, within=0.2)

    def through(self, way):
        """What went through an egress proxy: (method, target) each."""
        return list(self.world.egress[way].targets)

    # --- HTTP/2 ---

    def check_reuse(self, name, nginx, protocol):
        before = len(nginx.generations())
        load = self.load(name).start().run(SECONDS).finish()
        self.assertEqual(share_failed(load.sent), 0, outcomes_of(load.sent))
        delivered = outcomes_of(load.sent)[200]
        wait_until(lambda: len(nginx.generations()) >= before + delivered, 10, "nginx's record")
        passed = nginx.generations()[before:]
        connections = {one.connection for one in passed}
        print(f"\n{name}: {len(passed)} requests over {', '.join({one.protocol for one in passed})}, "
              f"{', '.join({one.tls for one in passed})}, {len(connections)} connections for {CLIENTS} clients")
        self.assertEqual({one.protocol for one in passed}, {protocol})
        self.assertLessEqual({one.tls for one in passed}, {"TLSv1.2", "TLSv1.3"})
        self.assertGreater(len(passed), 5 * CLIENTS)
        self.assertLessEqual(len(connections), CONNECTIONS_MAX)

    def test_requests_arrive_over_http2_and_connections_are_used_again(self):
        self.check_reuse("direct", self.world.nginx["trusted"], "HTTP/2.0")

    def test_without_http2_connections_are_used_again(self):
        self.check_reuse("direct-old", self.world.nginx["old"], "HTTP/1.1")

    def test_http2_passes_through_an_egress_proxy(self):
        before = len(self.through("default"))
        self.check_reuse("default", self.world.nginx["trusted"], "HTTP/2.0")
        tunnels = self.through("default")[before:]
        self.assertEqual(set(tunnels), {("CONNECT", f"127.0.0.1:{self.world.nginx['trusted'].port}")})
        self.assertLessEqual(len(tunnels), CONNECTIONS_MAX)

    # --- egress proxies ---

    def used(self, name):
        """(by the default proxy, by the named one) for one request."""
        before = {way: len(self.through(way)) for way in ("default", "named")}
        answer = self.generate(name)
        self.assertEqual(answer.status, 200, answer.body[:300])
        return tuple(len(self.through(way)) - before[way] for way in ("default", "named"))

    def test_each_provider_is_reached_through_the_proxy_that_it_is_to_be(self):
        # A tunnel that stands is used again, so the first request of a way tells.
        self.assertEqual(self.used("named"), (0, 1))
        self.assertEqual(self.used("direct"), (0, 0))
        self.assertEqual(self.used("plain-direct"), (0, 0))
        self.assertEqual(self.used("plain"), (1, 0))
        self.assertEqual(self.through("default")[-1], ("POST", self.world.sandbox.address.partition("//")[2]))
        self.assertEqual(self.through("named")[-1], ("CONNECT", f"127.0.0.1:{self.world.nginx['trusted'].port}"))

    def test_an_egress_proxy_that_is_not_there_counts_as_not_started(self):
        self.check_not_started("no-proxy")

    # --- TLS ---

    def check_not_started(self, name):
        """Alone: a 503 that costs nothing, and the sandbox has seen nothing. With another route: a picture."""
        before, arrived = Books.of(self.suite, "acme"), self.arrived()
        answer = self.generate(name)
        self.assertEqual((answer.status, answer.error["code"]), (503, "model_overloaded"))
        self.assertIn("retry-after", answer.headers)
        wait_until(lambda: Books.of(self.suite, "acme").held == 0, 10, "the release")
        self.assertEqual(Books.of(self.suite, "acme").balance, before.balance)
        self.assertEqual(self.arrived(), arrived)
        rescued = self.generate(f"{name}-rescued")
        self.assertEqual((rescued.status, len(rescued.images())), (200, 1))
        self.assertEqual(self.arrived(), arrived + 1)

    def arrived(self):
        return self.world.sandbox.ask("GET", "/_sandbox/requests?limit=1")["total"]

    def test_a_certificate_of_an_unknown_authority_is_refused(self):
        self.check_not_started("stranger")

    def test_a_certificate_of_an_unknown_authority_is_refused_behind_an_egress_proxy_too(self):
        before = len(self.through("named"))
        self.check_not_started("stranger-proxied")
        self.assertEqual(self.through("named")[before], ("CONNECT", f"127.0.0.1:{self.world.nginx['stranger'].port}"))

    def test_a_certificate_for_another_name_is_refused(self):
        self.check_not_started("other-name")


if __name__ == "__main__":
    unittest.main()
