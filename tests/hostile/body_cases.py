"""Bodies that are framed well and hostile in what they say: depth, numbers, UTF-8, duplicates, types."""
from case import BODY, BodyCase, generation, member

PROMPT = b'{"model":"imagen-4","prompt":"'


def prompt(raw):
    """A valid generation but for the raw bytes inside its prompt."""
    return PROMPT + raw + b'"}'


SYNTAX = [
    BodyCase(name, body)
    for name, body in [
        ("an empty body", b""), ("blanks", b" \t\r\n "), ("one NUL", b"\0"),
        ("a byte order mark", b"\xef\xbb\xbf" + BODY),
        ("UTF-16", BODY.decode().encode("utf-16")), ("UTF-16 without a mark", BODY.decode().encode("utf-16-le")),
        ("UTF-32", BODY.decode().encode("utf-32")), ("UTF-7", b"+AHs-" + BODY[1:]),
        ("gzip without saying so", b"\x1f\x8b\x08" + bytes(20)),
        ("an array", b"[" + BODY + b"]"), ("an empty array", b"[]"), ("a string", b'"' + b"imagen-4" + b'"'),
        ("a number", b"1"),
        ("true", b"true"), ("null", b"null"), ("an object as a string", b'"{\\"model\\":\\"imagen-4\\"}"'),
        ("two objects", BODY + BODY), ("two objects with a line end", BODY + b"\n" + BODY),
        ("two objects with a comma", BODY + b"," + BODY), ("an object and garbage", BODY + b"x"),
        ("an object and a bracket", BODY + b"}"), ("an object and a NUL", BODY + b"\0"),
        ("a NUL and an object", b"\0" + BODY),
        ("a form feed and an object", b"\x0c" + BODY), ("a no-break space and an object", b"\xc2\xa0" + BODY),
        ("no end", BODY[:-1]), ("only a beginning", b"{"), ("an end in a string", BODY[:20]),
        ("an end in a name", b'{"mod'),
        ("an end in an escape", PROMPT + b"\\"), ("an end in a Unicode escape", PROMPT + b"\\u00"),
        ("an end in a literal", b'{"model":tru'), ("a comma at the end", BODY[:-1] + b",}"),
        ("a comma first", b"{," + BODY[1:]),
        ("two commas", BODY.replace(b",", b",,", 1)), ("no comma", BODY.replace(b",", b" ", 1)),
        ("no colon", BODY.replace(b":", b" ", 1)), ("two colons", BODY.replace(b":", b"::", 1)),
        ("an equals sign", BODY.replace(b":", b"=", 1)), ("a comment", b"/* a */" + BODY),
        ("a comment inside", member("/**/")),
        ("a line comment", BODY + b"// a"), ("a hash comment", b"# a\n" + BODY),
        ("single quotes", BODY.replace(b'"', b"'")),
        ("names without quotes", BODY.replace(b'"model"', b"model")), ("a number as a name", member("1:1")),
        ("null as a name", member("null:1")), ("a name without a value", member('"a"')), ("no value", member('"a":')),
        ("brackets crossed", member('"a":[{]}')), ("a bracket of the other kind", member('"a":[1}')),
        ("JavaScript", b"prompt('hostile')"), ("XML", b"<?xml version='1.0'?><a/>"),
        ("YAML", b"model: imagen-4\nprompt: a\n"),
        ("a form", b"model=imagen-4&prompt=hostile"),
        ("multipart", b'--a\r\nContent-Disposition: form-data; name="model"\r\n'),
        ("a JSON sequence", b"\x1e" + BODY), ("an unfinished literal", member('"a":nul')), ("True", member('"a":True')),
        ("undefined", member('"a":undefined')), ("a word", member('"a":a')),
        ("a literal and more", member('"a":truex')),
        ("a template", member('"a":`b`')), ("a value in brackets", b"(" + BODY + b")"),
    ]
]

NUMBERS = [BodyCase(f"number {text[:24]}", member(f'"a":{text}')) for text in (
    "00", "01", "-01", "-", "+1", ".5", "5.", "-.5", "0x10", "0b1", "0o7", "1e", "1e+", "1.e1", "1.2.3", "1e1e1",
    "1_000",
    "1,000.", "NaN", "-NaN", "Infinity", "-Infinity", "inf", "1f", "1n", "0.0.0", "--1", "1-", "½", "١", "1 2")]

WHOLE = [BodyCase(f"{name} is {text[:30]}", member(f'"{name}":{text}'), name)
         for name, texts in {
             "n": ("0", "-0", "-1", "11", "1.0", "1e0", "1.5", "0.9999999999999999999", '"2"', "true", "[1]", "{}",
                   str(2**31), str(2**32 + 1), str(2**63), str(2**64 + 1), "9" * 400, "1e400", "9e99", "-1e400",
                   "1e-400",
                   "1" + "0" * 100000),
             "seed": ("1.5", "1e3", '"42"', str(2**63), str(-2**63 - 1), "1e400", "true", "[]"),
             "output_compression": ("-1", "101", "50.5", '"50"', str(2**32)),
             "partial_images": ("4", "-1", '"0"', "0.0"),
         }.items() for text in texts]

TYPES = [BodyCase(f"{name} is {value!r:.30}", generation(**{name: value}), name)
         for name, values in {
             "model": (1, True, [], ["imagen-4"], {}, "", "a" * 257, None, ...),
             "prompt": (1, False, ["a"], {"a": "b"}, "", "a" * 32001, "é" * 32001, None, ...),
             "negative_prompt": (1, ["a"], "a" * 32001), "quality": (1, [], "a" * 65), "style": (1, {}, "a" * 65),
             "user": (1, ["a"]), "background": ("red", 1, ""), "moderation": ("none", True),
             "response_format": ("png", 1, ""),
             "output_format": ("gif", "PNG", 1), "stream": ("true", 1, 0, [], True), "aspect_ratio": (
                 "16x9", "0:0", "16:", ":9", "-1:1", "1:1:1", "1e1:1", 1, "999999:1"),
             "size": ("99999x99999", "0x0", "-1x-1", "1024X1024", "1024", "1024x", "x1024", "1024x1024x1024",
                      "1024x1024\0",
                      "1e3x1e3", "0K", "K", "-1K", 1024, [1024, 1024], " auto", "", "1024 x 1024", "１０２４x1024",
                      "2147483648x1", "18446744073709551617x1"),
             "image_url": (1, {}, "", "http://example.com/a.png", "file:///etc/passwd", "ftp://example.com/a",
                           "https://",
                           "javascript:alert(1)", "data:text/html;base64,PGI+", "data:image/png,abc",
                           "data:image/png;base64,",
                           "data:image/png;base64,!!!!", "data:image/png;base64,QQ", "https://a\r\nHost: b/",
                           "https://a b/",
                           "https://a/\0", "gopher://127.0.0.1:6379/_FLUSHALL", [1], [[]], [{"url": "https://a/"}],
                           [""],
                           ["https://a/"] * 17, ["https://a/", "http://b/"]),
         }.items() for value in values]

DEPTH = [
    BodyCase("32 arrays in the object", member(b'"a":' + b"[" * 32 + b"]" * 32)),
    BodyCase("32 objects in the object", member(b'"a":' + b'{"a":' * 32 + b"1" + b"}" * 32)),
    BodyCase("arrays and objects by turns", member(b'"a":' + b'[{"a":' * 16 + b"1" + b"}]" * 16)),
    BodyCase("1,000 arrays", member(b'"a":' + b"[" * 1000 + b"]" * 1000)),
    BodyCase("1,000 arrays in the prompt's place", b'{"model":"imagen-4","prompt":' + b"[" * 1000 + b"]" * 1000 + b"}"),
    BodyCase("a megabyte of [", b"[" * (1 << 20)),
    BodyCase("a megabyte of [ in a member", b'{"a":' + b"[" * (1 << 20)),
    BodyCase('a megabyte of {"a":', b'{"a":' * (1 << 18)),
    BodyCase("a megabyte of [{", b"[{" * (1 << 19)),
    BodyCase("a megabyte of ]", b"]" * (1 << 20)),
    BodyCase("a megabyte of quotes", b'"' * (1 << 20)),
    BodyCase("a megabyte of backslashes", PROMPT + b"\\" * (1 << 20)),
    BodyCase("300,000 values", member(b'"a":[' + b"0," * 300000 + b"0]")),
    BodyCase("300,000 empty objects", member(b'"a":[' + b"{}," * 300000 + b"{}]")),
    BodyCase("a megabyte of blanks", b" " * (1 << 20)),
    BodyCase("a name of a megabyte without a value", b'{"' + b"a" * (1 << 20) + b'"}'),
]

ENCODING = [
    BodyCase(f"UTF-8: {name}", prompt(raw))
    for name, raw in [
        ("0xFF", b"\xff"), ("0xFE", b"\xfe"), ("0xC0", b"\xc0"), ("a continuation alone", b"\x80"), ("0xBF", b"\xbf"),
        ("a first byte alone", b"\xc3"), ("two of three bytes", b"\xe2\x82"), ("three of four bytes", b"\xf0\x9f\x98"),
        ("a slash in two bytes", b"\xc0\xaf"), ("a slash in three bytes", b"\xe0\x80\xaf"),
        ("a slash in four bytes", b"\xf0\x80\x80\xaf"), ("a NUL in two bytes", b"\xc0\x80"),
        ("a quote in two bytes", b"\xc0\xa2"),
        ("0x7F in two bytes", b"\xc1\xbf"), ("0x7FF in three bytes", b"\xe0\x9f\xbf"),
        ("0xFFFF in four bytes", b"\xf0\x8f\xbf\xbf"), ("a high surrogate", b"\xed\xa0\x80"),
        ("a low surrogate", b"\xed\xbf\xbf"), ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("above U+10FFFF", b"\xf4\x90\x80\x80"), ("0xF5", b"\xf5\x80\x80\x80"), ("five bytes", b"\xf8\x88\x80\x80\x80"),
        ("six bytes", b"\xfc\x84\x80\x80\x80\x80"), ("ISO 8859-1", b"caf\xe9"), ("a first byte and a letter", b"\xc3a"),
    ]
] + [
    BodyCase("UTF-8: 0xFF in a name", member(b'"\xff":1')), BodyCase("UTF-8: 0xFF between members", member(b"\xff")),
    BodyCase("UTF-8: 0xFF after the object", BODY + b"\xff"),
    BodyCase("UTF-8: a surrogate in a name", member(b'"\xed\xa0\x80":1')),
] + [
    BodyCase(f"escape: {name}", prompt(raw))
    for name, raw in [
        ("a high surrogate alone", b"\\ud83d"), ("a low surrogate alone", b"\\ude00"),
        ("surrogates turned", b"\\ude00\\ud83d"),
        ("two high surrogates", b"\\ud83d\\ud83d"), ("a high surrogate and a letter", b"\\ud83da"), ("x41", b"\\x41"),
        ("a quote of the other kind", b"\\'"), ("zero", b"\\0"), ("a", b"\\a"), ("v", b"\\v"), ("U", b"\\U00000041"),
        ("three digits", b"\\u041"), ("no digits", b"\\u"), ("not digits", b"\\uzzzz"), ("a sign", b"\\u+041"),
        ("a blank", b"\\u 041"), ("braces", b"\\u{41}"), ("a line end", b"\\\n"),
    ]
] + [
    BodyCase("escape: a lone surrogate in the model", BODY.replace(b"imagen-4", b"imagen-4\\ud800")),
    BodyCase("escape: a lone surrogate in a name", member(b'"\\ud800":1')),
    BodyCase("escape: unknown in a name", member(b'"\\q":1')),
] + [
    BodyCase(f"control 0x{byte:02x} in a string", prompt(bytes([byte]))) for byte in (0, 1, 7, 8, 9, 10, 13, 0x1b, 0x1f)
] + [BodyCase("control 0x00 in a name", member(b'"a\0b":1')), BodyCase("control 0x0a in a name", member(b'"a\nb":1'))]

# One reader takes the first, another the last: whoever checks and whoever acts may be two.
DUPLICATES = [
    BodyCase("model twice", member('"model":"imagen-4"')),
    BodyCase("model twice, one unknown", member('"model":"nothing"')),
    BodyCase("prompt twice", member('"prompt":"another"')), BodyCase("prompt and null", member('"prompt":null')),
    BodyCase("n twice", member('"n":1,"n":10')), BodyCase("n twice, large first", member('"n":10,"n":1')),
    BodyCase("size twice, equal", member('"size":"256x256"')),
    BodyCase("model twice, once escaped", member('"mod\\u0065l":"a"')),
    BodyCase("n twice, once escaped", member('"n":1,"\\u006e":10')),
    BodyCase("an unknown member twice", member('"a":1,"a":2')),
    BodyCase("image_url twice", member('"image_url":[],"image_url":"https://a/"')),
    BodyCase("a member thrice", member('"user":"a","user":"b","user":"a"')),
]

CASES = SYNTAX + NUMBERS + WHOLE + TYPES + DEPTH + ENCODING + DUPLICATES
