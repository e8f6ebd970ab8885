"""Thousands of connections in one thread: an epoll loop, connections that do as they are told, fixed-rate load."""
import errno
import heapq
import itertools
import json
import select
import socket
import struct
import time

READ_BYTES = 1 << 16


class Loop:
    """Readiness and timers. Calls nothing but what connections and `after` registered."""

    def __init__(self):
        self.epoll = select.epoll()
        self.connections = {}
        self.timers, self.order = [], itertools.count()

    def after(self, seconds, call):
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.order), call))

    def step(self, seconds_max):
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            heapq.heappop(self.timers)[2]()
        if self.timers:
            seconds_max = min(seconds_max, max(0, self.timers[0][0] - time.monotonic()))
        for descriptor, events in self.epoll.poll(seconds_max, 4096):
            connection = self.connections.get(descriptor)
            if connection is not None:
                connection.ready(events)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step(end - time.monotonic())

    def run_until(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {seconds} s")
            self.step(0.05)

    def close(self):
        for connection in list(self.connections.values()):
            connection.close()
        self.epoll.close()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.at = time.monotonic()

    @property
    def code(self):
        """The error's code; None when it is no error of ours."""
        try:
            return json.loads(self.body)["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return None


class Connection:
    """One client connection. `closed` tells that the peer ended it, `reset` that it did so with a reset."""

    def __init__(self, loop, address, data=b"", receive_buffer=0, on_answer=None, on_closed=None):
        self.loop, self.on_answer, self.on_closed = loop, on_answer, on_closed
        self.out, self.received, self.answers = bytearray(data), bytearray(), []
        self.connected = self.closed = self.reset = False
        self.reading, self.bytes_read = True, 0
        self.closed_at = None
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        result = self.socket.connect_ex(address)
        if result not in (0, errno.EINPROGRESS):
            raise OSError(result, "connect")
        loop.connections[self.socket.fileno()] = self
        loop.epoll.register(self.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def send(self, data):
        if not self.closed:
            self.out += data
            self.listen()

    def stop_reading(self):
        self.reading = False
        self.listen()

    def read_on(self):
        self.reading = True
        self.listen()

    def listen(self):
        if self.socket.fileno() < 0:
            return
        events = (select.EPOLLIN if self.reading else 0) | (select.EPOLLOUT if self.out or not self.connected else 0)
        self.loop.epoll.modify(self.socket.fileno(), events)

    def ready(self, events):
        try:
            if events & select.EPOLLOUT:
                self.connected = True
                if self.out:
                    del self.out[:self.socket.send(self.out)]
                self.listen()
            if events & select.EPOLLIN:
                self.read()
            elif events & (select.EPOLLHUP | select.EPOLLERR):
                self.end(reset=True)
        except BlockingIOError:
            pass
        except OSError:
            self.end(reset=True)

    def read(self):
        data = self.socket.recv(READ_BYTES)
        if not data:
            return self.end(reset=False)
        self.bytes_read += len(data)
        self.received += data
        while (answer := take_answer(self.received)) is not None:
            self.answers.append(answer)
            if self.on_answer:
                self.on_answer(self, answer)

    def end(self, reset):
        self.closed, self.reset, self.closed_at = True, reset, time.monotonic()
        self.close()
        if self.on_closed:
            self.on_closed(self)

    def close(self):
        if self.socket.fileno() >= 0:
            self.loop.connections.pop(self.socket.fileno(), None)
            # With a reset: thousands of ports in TIME_WAIT would be in the way of the next test.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()


def take_answer(received):
    """Takes the first complete answer off the bytes received; None when there is none."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    status_line, *lines = received[:head_end].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if len(received) < head_end + 4 + length:
        return None
    body = bytes(received[head_end + 4:head_end + 4 + length])
    del received[:head_end + 4 + length]
    return Answer(int(status_line.split()[1]), headers, body)


def request(method, path, key, body=None, headers=()):
    """The bytes of one request; keys and bodies as the SDKs send them."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}", *headers]
    data = b""
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


class SteadyLoad:
    """So many requests a second, each on a connection of its own, whatever became of those before."""

    def __init__(self, loop, address, data, per_second):
        self.loop, self.address, self.data, self.gap = loop, address, data, 1 / per_second
        self.sent = 0
        self.seconds, self.outcomes, self.broken = [], {}, 0

    def run(self, seconds, patience=10):
        """Sends for `seconds`, then waits for what is still out."""
        wanted, started = round(seconds / self.gap), time.monotonic()

        def send_next():
            if self.sent < wanted:
                self.send()
                self.loop.after(max(0, started + self.sent * self.gap - time.monotonic()), send_next)

        send_next()
        self.loop.run_until(lambda: self.sent == wanted, seconds + patience, "sending at a steady rate")
        end = time.monotonic() + patience
        while len(self.seconds) + self.broken < wanted and time.monotonic() < end:
            self.loop.step(0.05)
        self.broken += wanted - len(self.seconds) - self.broken  # no answer is as bad as a broken connection
        return self

    def send(self):
        self.sent += 1
        begun = time.monotonic()
        counted = []

        def answered(connection, answer):
            counted.append(answer)
            self.seconds.append(time.monotonic() - begun)
            outcome = answer.code or answer.status
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
            connection.close()

        def closed(_):
            if not counted:
                self.broken += 1

        Connection(self.loop, self.address, self.data, on_answer=answered, on_closed=closed)

    def percentile(self, share):
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")

    def __str__(self):
        return (f"{self.sent} sent, {self.outcomes}, {self.broken} broken, "
                f"p50 {self.percentile(.5) * 1000:.1f} ms, p99 {self.percentile(.99) * 1000:.1f} ms")


def open_many(loop, count, make, at_once=500):
    """Makes `count` connections, so many at a time that the listener's backlog holds them."""
    made = []
    while len(made) < count:
        batch = [make(index) for index in range(len(made), min(count, len(made) + at_once))]
        loop.run_until(lambda some=batch: all(one.connected or one.closed for one in some), 20, "connecting")
        made += batch
    return made
