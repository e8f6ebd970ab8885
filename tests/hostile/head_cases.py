"""The request line, the target, the fields, and bytes that are no request at all."""
import gzip

from case import (AUTH, BAD, BAD_OR_CLOSED, BODY, CHUNKED, GET, HEAD_TOO_LARGE, HOST, JSON, LENGTH, POST, SMUGGLED,
                  TOO_LONG, Case, get, lines, post)

METHOD = frozenset({400, 405})
VERSION = frozenset({400, 505})
# What a head that ends in the wrong place may be taken for.
LINE = frozenset({400, 405, 414, 431})
HEAD_END = lines(HOST, AUTH, "")

REQUEST_LINES = [
    Case(f"request line: {name}", line.encode("latin-1") + b"\r\n" + HEAD_END, expect, covers)
    for name, line, expect, covers in [
        ("two blanks after the method", "GET  /v1/models HTTP/1.1", BAD, ""),
        ("two blanks before the version", "GET /v1/models  HTTP/1.1", BAD, ""),
        ("a tab after the method", "GET\t/v1/models HTTP/1.1", METHOD, ""),
        ("a tab before the version", "GET /v1/models\tHTTP/1.1", BAD, ""),
        ("a blank first", " GET /v1/models HTTP/1.1", METHOD, ""),
        ("a blank last", "GET /v1/models HTTP/1.1 ", BAD, ""),
        ("one word more", "GET /v1/models HTTP/1.1 HTTP/1.1", BAD, ""),
        ("two targets", "GET /v1/models /healthz HTTP/1.1", BAD, ""),
        ("no version", "GET /v1/models", BAD, ""),
        ("no target", "GET HTTP/1.1", BAD, ""),
        ("an empty target", "GET  HTTP/1.1", BAD, ""),
        ("only a method", "GET", METHOD, ""),
        ("version 1.2", "GET /v1/models HTTP/1.2", VERSION, ""),
        ("version 0.9", "GET /v1/models HTTP/0.9", VERSION, ""),
        ("version 2.0", "GET /v1/models HTTP/2.0", VERSION, ""),
        ("version 1.10", "GET /v1/models HTTP/1.10", VERSION, ""),
        ("version 01.1", "GET /v1/models HTTP/01.1", VERSION, ""),
        ("version 1", "GET /v1/models HTTP/1", VERSION, ""),
        ("version 1.1x", "GET /v1/models HTTP/1.1x", VERSION, ""),
        ("version in small letters", "GET /v1/models http/1.1", VERSION, ""),
        ("another protocol", "GET /v1/models ICAP/1.1", VERSION, ""),
        ("a NUL in the method", "G\0ET /v1/models HTTP/1.1", METHOD, ""),
        ("a control in the method", "G\x01ET /v1/models HTTP/1.1", METHOD, ""),
        ("a bracket in the method", "G(T /v1/models HTTP/1.1", METHOD, ""),
        ("a byte above ASCII in the method", "G\xcbT /v1/models HTTP/1.1", METHOD, ""),
        ("a byte order mark", "\xef\xbb\xbfGET /v1/models HTTP/1.1", METHOD, ""),
        ("a method of 9,000 letters", "G" * 9000 + " /v1/models HTTP/1.1", LINE, "header line length"),
        ("40,000 bytes", "GET /" + "a" * 40000 + " HTTP/1.1", frozenset({414, 431}), "long target"),
    ]
] + [
    Case("HEAD with a target that is too long", get(line="HEAD /" + "a" * 2048 + " HTTP/1.1"), TOO_LONG, head=True),
    Case("HEAD with two hosts", get(HOST, line="HEAD /v1/models HTTP/1.1"), head=True),
    Case("two empty lines first", b"\r\n\r\n" + get()),
    Case("a bare LF first", b"\n" + get(), covers="bare LF"),
    Case("a bare CR first", b"\r" + get()),
    Case("a request line that ends in a bare LF", GET.encode() + b"\n" + HEAD_END, covers="bare LF"),
    Case("a request line that ends in a bare CR", GET.encode() + b"\r" + HEAD_END),
    Case("a request line that ends in CR CR LF", GET.encode() + b"\r\r\n" + HEAD_END, VERSION),
    Case("a head that stops", GET.encode() + b"\r\nHost: a", frozenset({400, 408, 0}), ends=True),
    Case("a method that stops", b"GE", frozenset({400, 408, 0}), ends=True),
]

TARGETS = [
    Case(f"target: {name}", get(line=f"GET {target} HTTP/1.1"), expect, covers)
    for name, target, expect, covers in [
        ("absolute", "http://prismatic/v1/models", BAD, ""),
        ("absolute with another host", "http://elsewhere.example/v1/models", BAD, ""),
        ("authority", "prismatic:80", BAD, ""),
        ("asterisk", "*", BAD, ""),
        ("no slash first", "v1/models", BAD, ""),
        ("a backslash first", "\\v1\\models", BAD, ""),
        ("a query alone", "?a=b", BAD, ""),
        ("a fragment", "/v1/models#fragment", BAD, ""),
        ("percent at the end", "/v1/models%", BAD, "percent decode"),
        ("one digit after percent", "/v1/models%4", BAD, "percent decode"),
        ("no digits after percent", "/v1/models%zz", BAD, "percent decode"),
        ("half a digit after percent", "/v1/models%4g", BAD, "percent decode"),
        ("a sign after percent", "/v1/models%-1", BAD, "percent decode"),
        ("an encoded NUL", "/v1/models%00", BAD, "percent decode"),
        ("an encoded line end", "/v1/models%0d%0aX-Injected:%201", BAD, "percent decode"),
        ("an encoded line feed", "/v1/models%0AHost:%20a", BAD, "percent decode"),
        ("an encoded delete", "/v1/models%7f", BAD, "percent decode"),
        ("an encoded line end in the query", "/v1/models?a=%0d%0ab", BAD, "percent decode"),
        ("an encoded NUL in the query", "/v1/models?a=%00", BAD, "percent decode"),
        ("a percent sign in the query", "/v1/models?a=%", BAD, "percent decode"),
        ("a raw NUL", "/v1/models\0", BAD, ""),
        ("a raw control", "/v1/models\x1b[2J", BAD, ""),
        ("a raw delete", "/v1/models\x7f", BAD, ""),
        ("a raw byte above ASCII", "/v1/models\xe9", BAD, ""),
        ("raw UTF-8", "/v1/mod\xc3\xa9ls", BAD, ""),
        ("a bare CR", "/v1/models\rX:1", BAD, ""),
        ("a bare LF", "/v1/models\nX:1", BAD, "bare LF"),
        ("a blank and a second request line", "/v1/models HTTP/1.1\r\r\nX:", VERSION, ""),
        ("2,049 bytes", "/" + "a" * 2048, TOO_LONG, "long target"),
        ("8,000 bytes", "/v1/" + "a/" * 4000, TOO_LONG, "long target"),
        ("a query of 2,048 bytes", "/v1/models?" + "a" * 2048, TOO_LONG, "long target"),
    ]
]


def with_host(*hosts):
    return lines(GET, *hosts, AUTH, "")


HOSTS = [
    Case(f"host: {name}", with_host(*hosts))
    for name, hosts in [
        ("none", ()), ("two equal ones", (HOST, HOST)), ("two different ones", (HOST, "Host: elsewhere.example")),
        ("two in two cases", (HOST, "hOST: elsewhere.example")), ("a blank inside", ("Host: a b",)),
        ("a comma", ("Host: a,b",)), ("a slash", ("Host: a/b",)), ("a backslash", ("Host: a\\b",)),
        ("a user", ("Host: user@a",)), ("a query", ("Host: a?b",)), ("a fragment", ("Host: a#b",)),
        ("quotes", ('Host: "a"',)), ("a tag", ("Host: <script>",)), ("a byte above ASCII", ("Host: pri\xe9",)),
        ("a NUL", ("Host: a\0b",)), ("a tab inside", ("Host: a\tb",)), ("a URL", ("Host: http://a/",)),
        ("folded", ("Host: a\r\n b",)), ("blank before the colon", ("Host : a",)),
    ]
]

FIELDS = [
    Case(f"field: {name}", get(field), expect, covers)
    for name, field, expect, covers in [
        ("no colon", "X-Hostile", BAD, ""),
        ("no name", ": a", BAD, ""),
        ("only a colon", ":", BAD, ""),
        ("a blank before the colon", "X-Hostile : a", BAD, ""),
        ("a tab before the colon", "X-Hostile\t: a", BAD, ""),
        ("a blank in the name", "X Hostile: a", BAD, ""),
        ("a NUL in the name", "X\0Hostile: a", BAD, ""),
        ("a control in the name", "X\x02Hostile: a", BAD, ""),
        ("a bracket in the name", "X(Hostile): a", BAD, ""),
        ("an at sign in the name", "X@Hostile: a", BAD, ""),
        ("quotes in the name", '"X-Hostile": a', BAD, ""),
        ("a slash in the name", "X/Hostile: a", BAD, ""),
        ("a byte above ASCII in the name", "X-H\xf6stile: a", BAD, ""),
        ("a NUL in the value", "X-Hostile: a\0b", BAD, ""),
        ("a control in the value", "X-Hostile: a\x01b", BAD, ""),
        ("a bell in the value", "X-Hostile: \x07", BAD, ""),
        ("an escape in the value", "X-Hostile: \x1b[31m", BAD, ""),
        ("a delete in the value", "X-Hostile: a\x7fb", BAD, ""),
        ("a vertical tab in the value", "X-Hostile: a\x0bb", BAD, ""),
        ("a form feed in the value", "X-Hostile: a\x0cb", BAD, ""),
        ("a bare CR in the value", "X-Hostile: a\rX-Injected: b", BAD, ""),
        ("a bare LF in the value", "X-Hostile: a\nX-Injected: b", BAD, "bare LF"),
        ("a value that ends in CR CR LF", "X-Hostile: a\r", BAD, ""),
        ("folded with a blank", "X-Hostile: a\r\n b", BAD, ""),
        ("folded with a tab", "X-Hostile: a\r\n\tb", BAD, ""),
        ("folded with nothing", "X-Hostile: a\r\n ", BAD, ""),
        ("folded key", "X-Hostile: a\r\n Authorization: b", BAD, ""),
        ("a request line again", GET, BAD, ""),
        ("33 KiB in one value", "X-Hostile: " + "a" * (33 << 10), HEAD_TOO_LARGE, "header line length"),
        ("33 KiB in one name", "X" * (33 << 10) + ": a", HEAD_TOO_LARGE, "header line length"),
        ("1 MiB without a line end", "X-Hostile: " + "a" * (1 << 20), HEAD_TOO_LARGE, "header line length"),
        ("two keys", "Authorization: Bearer pk_other_1", BAD, ""),
        ("two equal keys", AUTH, BAD, ""),
        ("a key in another case", "aUTHORIZATION: Bearer pk_other_1", BAD, ""),
    ]
] + [
    Case("101 fields", get(*[f"X-{number}: a" for number in range(99)]), HEAD_TOO_LARGE, "header count"),
    Case("1,000 fields", get(*["X: a"] * 1000), HEAD_TOO_LARGE, "header count"),
    Case("10,000 fields", get(*["X: a"] * 10000), HEAD_TOO_LARGE, "header count"),
    Case("33 KiB in forty fields", get(*[f"X-{number}: " + "a" * 850 for number in range(40)]), HEAD_TOO_LARGE,
         "header line length"),
    Case("a folded first field", GET.encode() + b"\r\n " + lines(HOST, AUTH, "")),
    Case("a head of bare LFs", lines(GET, HOST, AUTH, "", end=b"\n"), covers="bare LF"),
    Case("a head of bare CRs", lines(GET, HOST, AUTH, "", end=b"\r")),
    Case("a head of LF CRs", lines(GET, HOST, AUTH, "", end=b"\n\r")),
    Case("an empty line of a bare LF", lines(GET, HOST, AUTH) + b"\n", covers="bare LF"),
    Case("an empty line of a bare CR", lines(GET, HOST, AUTH) + b"\r"),
    Case("an empty line with a blank", lines(GET, HOST, AUTH, " ", "")),
    Case("one bare LF among CR LFs", lines(GET, HOST) + AUTH.encode() + b"\n" + lines("X: a", ""), covers="bare LF"),
    Case("two content types", post(JSON, LENGTH)),
    Case("two different content types", post("Content-Type: text/plain", LENGTH)),
    Case("two content codings", post("Content-Encoding: identity", "Content-Encoding: gzip", LENGTH),
         frozenset({400, 415})),
    Case("two idempotency keys", post("Idempotency-Key: a", "Idempotency-Key: b", LENGTH)),
    Case("two equal idempotency keys", post("Idempotency-Key: a", "Idempotency-Key: a", LENGTH)),
    Case("two expectations", post("Expect: 100-continue", "Expect: 100-continue", LENGTH)),
]

BOMB = gzip.compress(b" " * (8 << 20))


def encoded(coding, body=BODY):
    return post(f"Content-Encoding: {coding}", f"Content-Length: {len(body)}", body=body)


# Framed well, and refused whoever looks at them: the connection may go on with the next request.
TURNED_AWAY = [
    Case(f"content coding {coding}", encoded(coding), frozenset({415}), "Content-Encoding bomb")
    for coding in ("gzip", "br", "deflate", "zstd", "compress", "x-gzip", "identity, gzip", "gzip, identity", "unknown")
] + [
    Case("a gzip bomb", encoded("gzip", BOMB), frozenset({415}), "Content-Encoding bomb"),
    Case("a gzip bomb in chunks", post("Content-Encoding: gzip", CHUNKED,
                                       body=f"{len(BOMB):x}\r\n".encode() + BOMB + b"\r\n0\r\n\r\n"),
         frozenset({415}), "Content-Encoding bomb"),
    Case("a percent-encoded content coding", encoded("%67zip"), frozenset({415}), "percent decode"),
    Case("another expectation", post("Expect: 200-ok", LENGTH), frozenset({417})),
    Case("an expectation and more", post("Expect: 100-continue, more", LENGTH), frozenset({417})),
    Case("a percent-encoded content type",
         lines(POST, HOST, AUTH, "Content-Type: application%2Fjson", LENGTH, "") + BODY,
         frozenset({415}), "percent decode"),
    Case("a key with percent-encoded letters", lines(GET, HOST, "Authorization: Bearer%20<KEY>", ""), frozenset({401}),
         "percent decode"),
    Case("a scheme with percent-encoded letters", lines(GET, HOST, "Authorization: %42earer <KEY>", ""),
         frozenset({401}), "percent decode"),
    Case("a key after an encoded line end", lines(GET, HOST, "X-Hostile: a%0d%0aAuthorization: Bearer <KEY>", ""),
         frozenset({401}), "percent decode"),
    Case("a key in another field",
         lines(GET, HOST, "X-Authorization: Bearer <KEY>", "Proxy-Authorization: Bearer <KEY>",
                                         "Cookie: Authorization=<KEY>", ""), frozenset({401})),
    Case("a key in the query", lines("GET /v1/models?api_key=<KEY>&Authorization=Bearer%20<KEY> HTTP/1.1", HOST, ""),
         frozenset({401})),
    Case("TRACE", get(line="TRACE /v1/models HTTP/1.1"), METHOD),
    Case("CONNECT", get(line="CONNECT /v1/models HTTP/1.1"), METHOD),
    Case("PRI", get(line="PRI /v1/models HTTP/1.1"), METHOD),
    Case("a method in small letters", get(line="get /v1/models HTTP/1.1"), METHOD),
    Case("a method of token characters", get(line="!#$&'*+-.^_`|~ /v1/models HTTP/1.1"), METHOD),
    Case("a method override",
         post("X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET", LENGTH,
                                   line="PUT /v1/images/generations HTTP/1.1"), frozenset({405})),
    Case("dots in the path", get(line="GET /v1/images/../models HTTP/1.1"), frozenset({400, 404})),
    Case("encoded dots in the path", get(line="GET /v1/images/%2e%2e/models HTTP/1.1"), frozenset({400, 404})),
    Case("an encoded letter in the path", get(line="GET /v1/m%6fdels HTTP/1.1"), frozenset({404})),
    Case("two slashes", get(line="GET //v1/models HTTP/1.1"), frozenset({400, 404})),
    Case("a slash at the end", get(line="GET /v1/models/ HTTP/1.1"), frozenset({404})),
    Case("a parameter in the path", get(line="GET /v1/models;a=b HTTP/1.1"), frozenset({404})),
    Case("the path in capitals", get(line="GET /V1/MODELS HTTP/1.1"), frozenset({404})),
    Case("a path rewritten by fields", get("X-Original-URL: /v1/models", "X-Rewrite-URL: /v1/models",
                                           line="GET /nowhere HTTP/1.1"), frozenset({404})),
    Case("a body on DELETE", get(f"Content-Length: {len(SMUGGLED)}", line="DELETE /v1/models HTTP/1.1") + SMUGGLED,
         METHOD),
    Case("a body on an unknown path", get(f"Content-Length: {len(SMUGGLED)}", line="POST /nowhere HTTP/1.1") + SMUGGLED,
         frozenset({400, 404})),
]

GARBAGE = [
    Case(name, data, BAD_OR_CLOSED | expect, ends=True)
    for name, data, expect in [
        ("the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), {405, 505}),
        ("a TLS hello", bytes.fromhex("16030100520100004e0303") + bytes(range(32)) +
         bytes.fromhex("0000080035002f000a00ff01001d00000000001600140000116c6f63616c2e6578616d706c65"), {405}),
        ("a TLS hello of SSL 2", bytes.fromhex("802e0100020015000000100100800700c0") + bytes(range(30)), {405}),
        ("an SSH banner", b"SSH-2.0-OpenSSH_9.2\r\n", {405}),
        ("a PROXY header", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get(), {405}),
        ("a PROXY header of version 2", b"\r\n\r\n\0\r\nQUIT\n" + bytes.fromhex("2111000c") + bytes(12) + get(), {405}),
        ("a SOCKS greeting", b"\x05\x01\x00", {405}),
        ("a mail client", b"EHLO prismatic\r\nMAIL FROM:<a@b>\r\n", {405}),
        ("an RTSP request", b"OPTIONS rtsp://prismatic/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", {405, 505}),
        ("a Redis command", b"*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n", {405}),
        ("a FastCGI record", bytes.fromhex("0101000100080000 0001000000000000"), {405}),
        ("a gRPC call in the clear", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"),
         {405, 505}),
        ("a thousand NULs", bytes(1000), {405}),
        ("a thousand empty lines", b"\r\n" * 1000, {405}),
        ("40,000 line feeds", b"\n" * 40000, {405, 431}),
        ("40,000 letters", b"a" * 40000, {405, 414, 431}),
        ("every byte", bytes(range(256)) * 4, {405}),
        ("a percent-encoded request", b"GET%20/v1/models%20HTTP/1.1%0d%0aHost:%20a%0d%0a%0d%0a", {405}),
        ("UTF-16", "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n".encode("utf-16"), {405}),
        ("nothing", b"", set()),
    ]
]

CASES = REQUEST_LINES + TARGETS + HOSTS + FIELDS + GARBAGE
