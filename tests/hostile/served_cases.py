"""Requests that look odd and are legal: each is answered like its plain form, with nothing more and nothing less."""
import json

from case import AUTH, BODY, CHUNKED, GET, HOST, LAST, LENGTH, POST, Case, chunk, get, lines, member, post

OK = frozenset({200})
RANGES = ("bytes=0-", "bytes=0-0", "bytes=-1", "bytes=0-0,1-1,2-2", ",".join(["bytes=0-"] + ["0-"] * 199), "bytes=5-2",
          "bytes=999999999-", "lines=1-2", "bytes=0-18446744073709551615", "bytes=a-b")
CODINGS = ("gzip", "br", "gzip, deflate, br", "*", "identity;q=0", "gzip;q=1.0, *;q=0")
SPOOFS = ("REMOTE_ADDR: 192.0.2.1", "REMOTE_PORT: 1", "LOCAL_ADDR: 192.0.2.1", "LOCAL_PORT: 1",
          "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1",
          "X-Forwarded-Host: elsewhere",
          "EXCEPTION_WHAT: a", "Connection: Authorization", "Connection: Host, Content-Length", "Connection: close, TE",
          "Keep-Alive: timeout=100000", "Proxy-Connection: keep-alive", "Upgrade: websocket", "Upgrade: h2c",
          "TE: trailers", "Trailer: X", "If-Match: *", "If-None-Match: *",
          "If-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT",
          "X-HTTP-Method-Override: DELETE", "Content-Length: 0", "Content_Length: 5", "Transfer_Encoding: chunked",
          "X-Transfer-Encoding: chunked", "Max-Forwards: 0", "Cookie: $Version=1", "Content-Encoding: identity")
ENCODED = ("User-Agent: a%0d%0aX-Injected: b", "X-Request-Id: a%0d%0ab", "traceparent: %00%0d%0a",
           "x-stainless-lang: %0d%0a%0d%0aGET / HTTP/1.1", "X-Hostile: %", "X-Hostile: %zz%0",
           "User-Agent: 100%", "X-Hostile: a\tb", "X-Hostile:", "X-Hostile:a", "X-Hostile:   a   ", "X-Hostile: \xe9")

MODELS = (
    [Case(f"Range: {value[:40]}", get(f"Range: {value}"), OK, "Range") for value in RANGES] +
    [Case("Range with If-Range", get("Range: bytes=0-0", 'If-Range: "a"'), OK, "Range")] +
    [Case("two Ranges", get("Range: bytes=0-0", "Range: bytes=1-1"), OK, "Range")] +
    [Case(f"Accept-Encoding: {value}", get(f"Accept-Encoding: {value}"), OK, "Accept-Encoding") for value in CODINGS] +
    [Case(field, get(field), OK, "REMOTE_ADDR spoof" if "_ADDR" in field or "_PORT" in field else "")
     for field in SPOOFS] +
    [Case(field.encode("unicode_escape").decode(), get(field), OK, "percent decode" if "%" in field else "")
     for field in ENCODED] + [
        Case("97 fields more", get(*[f"X-{number}: a" for number in range(97)]), OK),
        Case("one empty line first", b"\r\n" + get(), OK),
        Case("names in capitals", get().replace(b"Host", b"HOST").replace(b"Authorization", b"AUTHORIZATION"), OK),
        Case("a host with a port", lines(GET, "Host: prismatic:8080", AUTH, ""), OK),
        Case("a host of version 6", lines(GET, "Host: [::1]:80", AUTH, ""), OK),
        Case("a query", get(line="GET /v1/models?a=b&a=c&%20=%2b HTTP/1.1"), OK),
    ])

MANY = json.dumps({**json.loads(BODY), **{f"x{number}": number for number in range(10000)}}).encode()

def framed(body):
    return post(f"Content-Length: {len(body)}", body=body)


GENERATIONS = [
    Case("a body in one chunk", post(CHUNKED, body=chunk() + LAST), OK),
    Case("a body in chunks of one byte", post(CHUNKED, body=b"".join(chunk(bytes([byte])) for byte in BODY) + LAST),
         OK),
    Case("a size in eight digits", post(CHUNKED, body=chunk(size="00000038") + LAST), OK),
    Case("sizes in capitals", post(CHUNKED.replace("chunked", "Chunked"),
                                   body=chunk(BODY + b" " * 4, "3C") + b"00\r\n\r\n"), OK),
    Case("a length with zeros first", post(f"Content-Length: 000{len(BODY)}"), OK),
    Case("a range of a picture", post("Range: bytes=0-9", "Accept-Encoding: gzip, br", LENGTH), OK, "Range"),
    Case("a content type with a parameter",
         lines(POST, HOST, AUTH, "Content-Type: application/json; charset=utf-8", LENGTH,
                                                  "") + BODY, OK),
    Case("a body with an encoded request", post(LENGTH, "X-Hostile: %0d%0aContent-Length: 0"), OK, "percent decode"),
    # Nobody reads what is in a member that nobody knows.
    Case("a lone surrogate in an unknown member", framed(member(b'"x1":"\\ud800"')), OK),
    Case("a name twice in an unknown member", framed(member('"x1":{"a":1,"a":2}')), OK),
    Case("a number too large for any type in an unknown member", framed(member('"x1":1e400,"x2":' + "9" * 400)), OK),
    Case("31 arrays in an unknown member", framed(member('"x1":' + "[" * 31 + "]" * 31)), OK),
    Case("a name of 100,000 letters", framed(member(f'"{"x" * 100000}":1')), OK),
    Case("blanks around everything", framed(b" \t\r\n" + BODY.replace(b",", b" ,\n").replace(b":", b"\t: ") + b"\r\n"),
         OK),
    Case("escaped names",
         framed(BODY.replace(b'"prompt"', b'"\\u0070rompt"').replace(b'"hostile"', b'"h\\u006fstile"')), OK),
    Case("10,000 members", framed(MANY), OK),
]
