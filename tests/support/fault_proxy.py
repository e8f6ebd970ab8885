"""A proxy that stands between provider-proxy and an upstream, and does to connections what a server with whole answers
cannot. Its mode is what becomes of each request whose head arrives from now on:

    with FaultProxy("127.0.0.1:9150") as proxy:     # or (host, port), or a URL
        ... a provider whose base_url leads to proxy.address, "127.0.0.1:PORT" ...
        proxy.mode = "reset"

    pass     what comes is passed on
    refuse   connections are refused, and those that stand are closed
    reset    the request reaches the upstream; when it answers, the connection is reset
    cut      the answer ends after `cut_after` bytes of its body (None: half of it), in TLS without a farewell
    drip     the answer goes at `bytes_per_second`, head included
    endless  an answer that has begun well and never stops until the client hangs up; the upstream is not asked
    hold     the request reaches the upstream, the answer is kept back until the mode is another one

With a `certificate` it speaks TLS, and plain HTTP/1.1 to the upstream all the same, with `X-Forwarded-Proto: https`, so
that the sandbox gives URLs that lead through it.
"""
import collections
import os
import select
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

MODES = ("pass", "refuse", "reset", "cut", "drip", "endless", "hold")
CHUNK = 1 << 16
HEAD_MAX = 1 << 16
CONNECT_SECONDS = 10
DRIPS_PER_SECOND = 20
ENDLESS_BEGIN = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
                 b'{"created":1,"data":[{"b64_json":"')


class Certificate:
    """A certificate for `names` (as in openssl's subjectAltName) and the authority that it is from, in a folder of
    their own: cert, key, authority are paths. Close it when done, or use it in a `with`."""

    def __init__(self, names="IP:127.0.0.1", days=2):
        self.folder = tempfile.mkdtemp(prefix="prismatic-tls-")
        self.authority, self.cert, self.key = (os.path.join(self.folder, name) for name in
                                               ("ca.pem", "cert.pem", "cert.key"))
        authority_key = os.path.join(self.folder, "ca.key")
        make = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self.run(*make, "-days", "2", "-subj", "/CN=authority of a test", "-keyout", authority_key, "-out",
                 self.authority)
        self.run(*make, "-days", str(days), "-subj", "/CN=test", "-CA", self.authority, "-CAkey", authority_key,
                 "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout",
                 self.key, "-out", self.cert)

    @staticmethod
    def run(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Over(Exception):
    """The connection has nothing more to do."""


class Head:
    """The head of a request or an answer: its first line and its fields."""

    def __init__(self, data):
        lines = data.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()
        self.status = int(self.line.split()[1]) if self.line.startswith("HTTP/") else None

    @property
    def length(self):
        """Of the body; None when the head does not say."""
        text = self.fields.get("content-length")
        return int(text) if text is not None else None


class Connection:
    """One of a client's connections, served by one thread: a request, its answer, the next request."""

    def __init__(self, proxy, client):
        self.proxy, self.client, self.upstream = proxy, client, None
        self.left_over = b""  # what the client has sent beyond its request
        self.ended, self.reset = False, False
        self.bell, self.wake = socket.socketpair()
        self.bell.setblocking(False)
        self.wake.setblocking(False)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def ring(self, end=False):
        """From another thread: look at the mode again, or come to an end."""
        self.ended = self.ended or end
        try:
            self.bell.send(b"!")
        except OSError:
            pass  # rung enough already, or gone

    # --- sockets ---
    def wait(self, seconds, *sockets):
        """Until one of (socket, event) is ready, the bell rings or the time is up."""
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        for each, event in sockets:
            poll.register(each, event)
        poll.poll(None if seconds is None else seconds * 1000)
        try:
            while self.wake.recv(CHUNK):
                pass
        except OSError:
            pass
        if self.ended:
            raise Over

    @staticmethod
    def receive(each):
        """What is there; None when nothing is yet. At the end: Over."""
        try:
            data = each.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        if not data:
            raise Over
        return data

    def receive_some(self, each):
        while (data := self.receive(each)) is None:
            self.wait(None, (each, select.POLLIN))
        return data

    def send(self, target, data):
        view = memoryview(data)
        while view:
            if self.ended:
                raise Over
            try:
                view = view[target.send(view):]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self.wait(None, (target, select.POLLOUT))

    def watch_client(self):
        """While an answer is on its way: Over when the client has gone; the next request is put aside."""
        data = self.receive(self.client)
        if data is not None:
            self.left_over += data
        return data is not None

    # --- its life ---
    def run(self):
        try:
            self.begin()
            while True:
                self.exchange()
        except (Over, OSError, ValueError):
            pass
        finally:
            self.close()

    def begin(self):
        self.client.setblocking(False)
        if self.proxy.tls is None:
            return
        self.client = self.proxy.tls.wrap_socket(self.client, server_side=True, do_handshake_on_connect=False)
        while True:
            try:
                return self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.wait(None, (self.client, select.POLLIN))
            except ssl.SSLWantWriteError:
                self.wait(None, (self.client, select.POLLOUT))
            except OSError:
                self.proxy.count("failed_handshakes")
                raise

    def exchange(self):
        head, body = self.read_head()
        mode = self.proxy.mode
        if mode == "endless":
            self.read_body(head, body, None)
            self.proxy.saw(head.line)
            self.answer_without_end()
        self.connect()
        self.send(self.upstream, head.raw)
        self.read_body(head, body, self.upstream)
        self.proxy.saw(head.line)
        self.answer(mode)

    def read_head(self):
        data, self.left_over = self.left_over, b""
        while b"\r\n\r\n" not in data:
            if len(data) > HEAD_MAX:
                raise Over
            data += self.receive_some(self.client)
        raw, _, body = data.partition(b"\r\n\r\n")
        head = Head(raw)
        if head.fields.pop("expect", "").lower() == "100-continue":
            self.send(self.client, b"HTTP/1.1 100 Continue\r\n\r\n")
            raw = b"\r\n".join(line for line in raw.split(b"\r\n") if not line.lower().startswith(b"expect:"))
        if self.proxy.tls is not None:
            raw += b"\r\nX-Forwarded-Proto: https"
        head.raw = raw + b"\r\n\r\n"
        return head, body

    def read_body(self, head, data, target):
        """Passes the body on as it comes. Bodies without a length are not for provider-proxy's requests."""
        left = head.length or 0
        while True:
            part, data = data[:left], data[left:]
            if target is not None:
                self.send(target, part)
            left -= len(part)
            if left == 0:
                break
            data = self.receive_some(self.client)
        self.left_over = data

    def connect(self):
        if self.upstream is None:
            self.upstream = socket.create_connection(self.proxy.upstream_address, timeout=CONNECT_SECONDS)
            self.upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.upstream.setblocking(False)

    # --- answers ---
    def answer(self, mode):
        data = self.receive_some(self.upstream)
        if mode == "reset":
            self.reset = True
            raise Over
        while mode == "hold" and self.proxy.mode == "hold":
            self.watch_client()
            self.wait(None, (self.client, select.POLLIN))
        while b"\r\n\r\n" not in data:
            data += self.receive_some(self.upstream)
        raw, _, body = data.partition(b"\r\n\r\n")
        head = Head(raw)
        length = head.length if head.status not in (204, 304) else 0
        if mode == "cut" and length is not None:
            cut_after = self.proxy.cut_after
            length = min(length, length // 2 if cut_after is None else cut_after)
        send = self.drip if mode == "drip" else self.send_to_client
        send(raw + b"\r\n\r\n")
        self.pass_on(body, length, send)
        if mode == "cut" or head.fields.get("connection", "").lower() == "close":
            raise Over

    def send_to_client(self, data):
        self.send(self.client, data)

    def pass_on(self, data, length, send):
        """`length` bytes of the answer's body; without a length, all until the upstream or the client says more."""
        sent = 0
        while True:
            data = data if length is None else data[:length - sent]
            send(data)
            sent += len(data)
            if length is not None and sent >= length:
                return
            while (data := self.receive(self.upstream)) is None:
                if self.watch_client() and length is None:
                    return
                self.wait(None, (self.upstream, select.POLLIN), (self.client, select.POLLIN))

    def drip(self, data):
        drop = max(1, self.proxy.bytes_per_second // DRIPS_PER_SECOND)
        for at in range(0, len(data), drop):
            part = data[at:at + drop]
            self.send(self.client, part)
            due = time.monotonic() + len(part) / self.proxy.bytes_per_second
            while (left := due - time.monotonic()) > 0:
                self.watch_client()
                self.wait(left, (self.client, select.POLLIN))

    def answer_without_end(self):
        self.send(self.client, ENDLESS_BEGIN)
        chunk = b"A" * CHUNK
        while True:
            self.send(self.client, chunk)
            self.proxy.count("endless_bytes", CHUNK)
            self.watch_client()

    def close(self):
        self.proxy.forget(self)
        for each in (self.client, self.upstream):
            if each is None:
                continue
            try:
                if self.reset and each is self.client:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.close()
            except OSError:
                pass
        self.bell.close()
        self.wake.close()


def address_of(upstream):
    """(host, port) of "host:port", of a URL, or of itself."""
    if not isinstance(upstream, str):
        return tuple(upstream)
    parts = urllib.parse.urlsplit(upstream if "//" in upstream else "//" + upstream)
    return parts.hostname, parts.port


class FaultProxy:
    """Listens on a port of loopback that it picks. `counts` has connections,
    requests, failed_handshakes and endless_bytes."""

    def __init__(self, upstream, certificate=None):
        self.upstream_address = address_of(upstream)
        self.cut_after, self.bytes_per_second = None, 1000
        self.counts = collections.Counter()
        self.lines = collections.deque(maxlen=10_000)  # first lines of the requests, in order
        self.changed = threading.Condition()
        self.connections, self.current = set(), "pass"
        self.tls = None
        if certificate is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate.cert, certificate.key)
        # Bound and never listening: keeps the port while connections are refused.
        self.keeper = self.bound_socket(0)
        self.port = self.keeper.getsockname()[1]
        self.listener = None
        self.listen()

    @staticmethod
    def bound_socket(port):
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("127.0.0.1", port))
        return made

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def mode(self):
        return self.current

    @mode.setter
    def mode(self, mode):
        if mode not in MODES:
            raise ValueError(f"no mode is called {mode!r}; there are {', '.join(MODES)}")
        self.current = mode
        if mode == "refuse":
            self.stop_listening()
            self.close_connections()
            return
        if self.listener is None:
            self.listen()
        with self.changed:
            for connection in self.connections:
                connection.ring()

    @property
    def requests(self):
        return self.counts["requests"]

    @property
    def connections_made(self):
        return self.counts["connections"]

    @property
    def connections_open(self):
        return len(self.connections)

    def wait_until(self, condition, seconds=20):
        """Until `condition(proxy)` holds; it is looked at whenever something has been counted."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), seconds):
                raise AssertionError(f"did not come about within {seconds} s; counted: {dict(self.counts)}")

    # --- from connections ---
    def count(self, name, by=1):
        with self.changed:
            self.counts[name] += by
            self.changed.notify_all()

    def saw(self, line):
        self.lines.append(line)
        self.count("requests")

    def forget(self, connection):
        with self.changed:
            self.connections.discard(connection)
            self.changed.notify_all()

    # --- the listener ---
    def listen(self):
        self.listener = self.bound_socket(self.port)
        self.listener.listen(1024)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, client)
            with self.changed:
                if listener is not self.listener:
                    connection.close()
                    return
                self.connections.add(connection)
                self.counts["connections"] += 1
                connection.thread.start()
                self.changed.notify_all()

    def stop_listening(self):
        with self.changed:
            listener, self.listener = self.listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def close_connections(self):
        with self.changed:
            standing = list(self.connections)
            for connection in standing:
                connection.ring(end=True)
        for connection in standing:
            connection.thread.join()

    def close(self):
        self.stop_listening()
        self.close_connections()
        self.keeper.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
