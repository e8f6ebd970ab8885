"""A client that sends any bytes, reads whatever comes back, and takes HTTP answers from it strictly."""
import dataclasses
import json
import select
import socket
import time

# Loopback answers within milliseconds; one that waits for more bytes is told that none come.
QUIET_SECONDS = 1.0
GIVE_UP_SECONDS = 8.0


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def request_id(self):
        return self.headers.get("x-request-id", "")

    @property
    def error(self):
        return json.loads(self.body)["error"]


@dataclasses.dataclass
class Conversation:
    # Complete answers, without the interim ones.
    answers: list
    # What came and is no answer.
    rest: bytes
    # The server ended the connection by itself, before it was told that nothing more would come.
    closed: bool
    # Of the client.
    port: int = 0

    @property
    def statuses(self):
        return [answer.status for answer in self.answers]


def _one_answer(raw, bodyless):
    """(answer, what follows it); None when it is not complete or none at all."""
    head, blank, rest = raw.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if not blank or len(words) < 2 or words[0] not in (b"HTTP/1.1", b"HTTP/1.0") or len(words[1]) != 3:
        return None
    headers = {}
    for field in fields:
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    status = int(words[1])
    if bodyless or status < 200 or status in (204, 304):
        return Answer(status, headers, b""), rest
    if headers.get("transfer-encoding") == "chunked":
        return _chunked_answer(status, headers, rest)
    size = int(headers.get("content-length", len(rest)))
    return (Answer(status, headers, rest[:size]), rest[size:]) if len(rest) >= size else None


def _chunked_answer(status, headers, rest):
    body = b""
    while True:
        size, line_end, rest = rest.partition(b"\r\n")
        if not line_end or len(rest) < int(size, 16) + 2:
            return None
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2:]
        if length == 0:
            return Answer(status, headers, body), rest


def answers_of(raw, head_first=False):
    """(answers, what is left); `head_first`: the first final answer has no body."""
    answers = []
    while raw:
        parsed = _one_answer(raw, bodyless=head_first and not answers)
        if parsed is None:
            break
        answer, raw = parsed
        if answer.status >= 200:
            answers.append(answer)
    return answers, raw


def _pump(client, data, ends, piece):
    """Sends and reads at once until the server closes or nothing more can come: (what came, closed by itself)."""
    pending, received, half_closed = memoryview(data), b"", False
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        if not pending and ends and not half_closed:
            half_closed = _half_close(client)
        readable, writable, _ = select.select([client], [client] if pending else [], [], QUIET_SECONDS)
        if not readable and not writable:
            if half_closed:
                return received, False
            pending, half_closed = pending[:0], _half_close(client)
            ends = False
        try:
            if readable:
                came = client.recv(1 << 16)
                if not came:
                    return received, ends or not half_closed
                received += came
            if writable:
                pending = pending[client.send(pending[:piece]):]
        except (ConnectionResetError, BrokenPipeError):
            if not readable:
                pending = pending[:0]  # what was answered before is still to be read
                continue
            return received, ends or not half_closed
    return received, False


def _half_close(client):
    try:
        client.shutdown(socket.SHUT_WR)
    except OSError:  # the server was faster
        pass
    return True


def converse(address, data, head_first=False, ends=False, piece=1 << 18):
    """Sends all bytes, whatever comes back meanwhile, and reads until the end.

    `ends`: closes the sending half after them at once. `piece`: how many bytes go at a time."""
    with socket.create_connection(address, timeout=GIVE_UP_SECONDS) as client:
        port = client.getsockname()[1]
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw, closed = _pump(client, data, ends, piece)
    answers, rest = answers_of(raw, head_first)
    return Conversation(answers, rest, closed, port)


def marker(number, word="marker", last=True):
    """A request whose answer names it, and after which the connection closes. It needs no other service."""
    return (f"GET /{word}-{number} HTTP/1.1\r\nHost: prismatic\r\n" +
            ("Connection: close\r\n\r\n" if last else "\r\n")).encode()


def names(answer, number, word="marker"):
    return f"(GET /{word}-{number})".encode() in answer.body
