"""What a hostile case is, and the words in which the lists of cases are written.

Every case is a handful of bytes as a client would send them. `<KEY>` stands for a valid API key and the body is a
valid generation wherever it can be: a case that slips through costs money and is seen at the upstream.
"""
import dataclasses
import json

# Instead of an answer: the connection ends. Only where no request can be recognised in the bytes.
CLOSED = 0
BAD = frozenset({400})
BAD_OR_CLOSED = frozenset({400, CLOSED})
# A coding that nobody speaks; the edge says 415, also for what RFC 9112 calls 501.
CODING = frozenset({400, 415})
TOO_LARGE = frozenset({413})
TOO_LONG = frozenset({414})
HEAD_TOO_LARGE = frozenset({431})

# What Debian 12's cpp-httplib does by itself when nothing stands in front of it. Each has cases that name it.
WEAKNESSES = (
    "CL+TE", "duplicate Content-Length", "Transfer-Encoding list", "GET body", "chunk size wrap", "chunk extension",
    "unlimited chunked body", "percent decode", "header count", "header line length", "long target", "bare LF",
    "REMOTE_ADDR spoof", "Content-Encoding bomb", "Range", "Accept-Encoding")

BODY = b'{"model":"imagen-4","prompt":"hostile","size":"256x256"}'
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
GET = "GET /v1/models HTTP/1.1"
POST = "POST /v1/images/generations HTTP/1.1"
HOST = "Host: prismatic"
AUTH = "Authorization: Bearer <KEY>"
JSON = "Content-Type: application/json"
# A whole request hidden where a body or a chunk should be; its answer names it. Without <KEY>, so that lengths hold.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: prismatic\r\n\r\n"


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    # The statuses that the answer may have.
    expect: frozenset = BAD
    # Of WEAKNESSES.
    covers: str = ""
    # The client's bytes end here and it closes its half: the server would wait for more otherwise.
    ends: bool = False
    # The first request is a HEAD: its answer has no body.
    head: bool = False


@dataclasses.dataclass(frozen=True)
class BodyCase:
    """A body that is framed well and must be refused by what it says."""
    name: str
    body: bytes
    # The parameter that the error names; None: any.
    param: str | None = None
    expect: frozenset = BAD


def lines(*parts, end=b"\r\n"):
    """The lines, each with its end: text in ISO 8859-1, so that any byte can be written."""
    return b"".join((part if isinstance(part, bytes) else part.encode("latin-1")) + end for part in parts)


def get(*fields, line=GET):
    return lines(line, HOST, AUTH, *fields, "")


def post(*fields, body=BODY, line=POST):
    return lines(line, HOST, AUTH, JSON, *fields, "") + body


def chunk(data=BODY, size=None, end=b"\r\n"):
    """One chunk; `size` is what its size line says."""
    size = f"{len(data):x}" if size is None else size
    return (size if isinstance(size, bytes) else size.encode("latin-1")) + b"\r\n" + data + end


LAST = b"0\r\n\r\n"


def chunked(*chunks, last=LAST):
    return post(CHUNKED, body=b"".join(chunks) + last)


def generation(**fields):
    """A valid generation's body with some members changed; `...` takes one away."""
    members = {"model": "imagen-4", "prompt": "hostile", "size": "256x256", **fields}
    return json.dumps({name: value for name, value in members.items() if value is not ...}).encode()


def member(text):
    """A valid generation's body with one more member as raw JSON text."""
    return BODY[:-1] + b"," + (text if isinstance(text, bytes) else text.encode()) + b"}"
