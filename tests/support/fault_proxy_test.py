#!/usr/bin/env python3
"""The fault proxy does what it says, in front of a real HTTP server, with and without TLS."""
import http.client
import http.server
import os
import socket
import ssl
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault_proxy import Certificate, FaultProxy  # pylint: disable=wrong-import-position

ANSWER = bytes(range(256)) * 400


class Upstream(http.server.ThreadingHTTPServer):
    """Answers each POST with ANSWER, and remembers the bodies."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):  # pylint: disable=invalid-name
            self.server.schemes.append(self.headers["X-Forwarded-Proto"])
            self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER)

        def log_message(self, *_):
            pass

    def handle_error(self, *_):
        """Connections that break are what this is about."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.bodies, self.schemes = [], []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class FaultProxyCases:
    certificate = None

    def setUp(self):
        self.upstream = Upstream()
        self.proxy = FaultProxy(f"http://127.0.0.1:{self.upstream.server_port}/v1", self.certificate)

    def tearDown(self):
        self.proxy.close()
        self.upstream.shutdown()
        self.upstream.server_close()

    def client(self, proxy=None):
        port = (proxy or self.proxy).port
        if self.certificate is None:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        else:
            context = ssl.create_default_context(cafile=self.certificate.authority)
            client = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        self.addCleanup(client.close)
        return client

    def post(self, client, body=b"hello", headers=None):
        client.request("POST", "/v1/images/generations", body, headers or {})
        return client.getresponse()

    def test_passes_requests_of_one_connection_on(self):
        client = self.client()
        for body in (b"one", b"x" * 3_000_000, b""):
            self.assertEqual(self.post(client, body).read(), ANSWER)
        self.assertEqual(self.upstream.bodies, [b"one", b"x" * 3_000_000, b""])
        self.assertEqual((self.proxy.connections_made, self.proxy.requests), (1, 3))
        self.assertEqual(self.upstream.schemes[0], None if self.certificate is None else "https")
        self.assertEqual(self.proxy.lines[0], "POST /v1/images/generations HTTP/1.1")
        client.close()
        self.proxy.wait_until(lambda proxy: proxy.connections_open == 0)

    def test_answers_those_who_expect_it(self):
        client = self.client()
        answer = self.post(client, b"x" * 100_000, {"Expect": "100-continue"})
        self.assertEqual(answer.read(), ANSWER)
        self.assertEqual(self.upstream.bodies, [b"x" * 100_000])

    def test_refuses_connections_and_serves_again_on_the_same_port(self):
        standing = self.client()
        self.post(standing).read()
        for _ in range(3):
            self.proxy.mode = "refuse"
            self.assertEqual(self.proxy.connections_open, 0)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.proxy.port), timeout=5)
            self.proxy.mode = "pass"
            self.assertEqual(self.post(self.client()).read(), ANSWER)
        # What stood before is closed: the client's library finds that out and connects anew.
        self.assertEqual(standing.sock.recv(1), b"")

    def test_resets_once_the_upstream_has_answered(self):
        self.proxy.mode = "reset"
        with self.assertRaises(ConnectionResetError):
            self.post(self.client())
        self.assertEqual(len(self.upstream.bodies), 1)

    def test_cuts_the_answer(self):
        self.proxy.mode = "cut"
        for cut_after, expected in ((None, len(ANSWER) // 2), (10, 10), (0, 0)):
            self.proxy.cut_after = cut_after
            answer = self.post(self.client())
            self.assertEqual(int(answer.headers["Content-Length"]), len(ANSWER))
            with self.assertRaises(http.client.IncompleteRead) as caught:
                answer.read()
            self.assertEqual(caught.exception.partial, ANSWER[:expected])

    def test_drips(self):
        self.proxy.mode, self.proxy.bytes_per_second = "drip", 250_000
        begin = time.monotonic()
        self.assertEqual(self.post(self.client()).read(), ANSWER)
        self.assertGreater(time.monotonic() - begin, 0.8 * len(ANSWER) / 250_000)

    def test_a_client_that_hangs_up_ends_a_drip(self):
        self.proxy.mode, self.proxy.bytes_per_second = "drip", 1
        client = self.client()
        client.request("POST", "/", b"hello")
        self.proxy.wait_until(lambda proxy: proxy.requests == 1)
        client.close()
        self.proxy.wait_until(lambda proxy: proxy.connections_open == 0)

    def test_answers_without_end_until_the_client_hangs_up(self):
        self.proxy.mode = "endless"
        client = self.client()
        answer = self.post(client)
        self.assertTrue(answer.read(100).startswith(b'{"created":1,"data":[{"b64_json":"AAAA'))
        self.assertEqual(len(answer.read(5_000_000)), 5_000_000)
        answer.close()
        client.close()
        self.proxy.wait_until(lambda proxy: proxy.connections_open == 0)
        self.assertEqual(self.upstream.bodies, [])
        self.assertGreater(self.proxy.counts["endless_bytes"], 5_000_000)

    def test_holds_answers_until_the_mode_changes(self):
        self.proxy.mode = "hold"
        held, gone = self.client(), self.client()
        for client in (held, gone):
            client.request("POST", "/", b"hello")
        self.proxy.wait_until(lambda proxy: proxy.requests == 2)
        gone.close()
        self.proxy.wait_until(lambda proxy: proxy.connections_open == 1)
        held.sock.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            held.sock.recv(1)
        held.sock.settimeout(20)
        self.proxy.mode = "pass"
        self.assertEqual(held.getresponse().read(), ANSWER)

    def test_close_ends_whatever_is_going_on(self):
        clients = []
        for mode in ("hold", "endless", "drip", "pass"):
            self.proxy.mode, self.proxy.bytes_per_second = mode, 1
            clients.append(self.client())
            clients[-1].request("POST", "/", b"hello")
            self.proxy.wait_until(lambda proxy, number=len(clients): proxy.requests == number)
            self.proxy.mode = "hold"
        begin = time.monotonic()
        self.proxy.close()
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(self.proxy.connections_open, 0)

    def test_knows_its_modes(self):
        with self.assertRaises(ValueError):
            self.proxy.mode = "sulk"

    def test_an_upstream_that_is_not_there_ends_the_connection(self):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            with FaultProxy(nobody.getsockname(), self.certificate) as proxy:
                with self.assertRaises((http.client.RemoteDisconnected, ConnectionResetError)):
                    self.post(self.client(proxy))


class PlainTest(FaultProxyCases, unittest.TestCase):
    pass


# Types of TLS records.
ALERT, APPLICATION_DATA = 21, 23


def incoming_bytes(plain, incoming):
    data = plain.recv(65536)
    incoming.write(data)
    return data


def record_types(data):
    while data:
        yield data[0]
        data = data[5 + int.from_bytes(data[3:5], "big"):]


class TlsTest(FaultProxyCases, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificate = Certificate()
        cls.addClassCleanup(cls.certificate.close)

    def test_a_stranger_to_its_authority_does_not_shake_hands(self):
        client = http.client.HTTPSConnection("127.0.0.1", self.proxy.port, timeout=20)
        self.addCleanup(client.close)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.post(client)
        self.proxy.wait_until(lambda proxy: proxy.counts["failed_handshakes"] == 1)

    def test_the_certificates_names_count(self):
        with Certificate("DNS:elsewhere.example") as other, FaultProxy(self.upstream.server_address, other) as proxy:
            context = ssl.create_default_context(cafile=other.authority)
            client = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=20, context=context)
            self.addCleanup(client.close)
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.post(client)

    def test_a_cut_is_not_a_farewell(self):
        """The end of the stream without TLS's own closing message, which a careful client takes for an attack."""
        self.proxy.mode, self.proxy.cut_after = "cut", 10
        context = ssl.create_default_context(cafile=self.certificate.authority)
        # Where an alert can be told from data on the wire; Pythons differ in what they make of an end without one.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with socket.create_connection(("127.0.0.1", self.proxy.port), timeout=20) as plain:
            received = b""
            for step in (client.do_handshake, lambda: client.write(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")):
                while True:
                    try:
                        step()
                        break
                    except ssl.SSLWantReadError:
                        plain.sendall(outgoing.read())
                        received += incoming_bytes(plain, incoming)
                plain.sendall(outgoing.read())
            while more := incoming_bytes(plain, incoming):
                received += more
        self.assertIn(APPLICATION_DATA, list(record_types(received)))
        self.assertNotIn(ALERT, list(record_types(received)))


if __name__ == "__main__":
    unittest.main()
