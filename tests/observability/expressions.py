"""Alert expressions taken apart: what they look at, without the thresholds that they compare it with."""
import re

TOKEN = re.compile(r"""\s*(?:
  (?P<text>"(?:[^"\\]|\\.)*") |
  (?P<number>[0-9][0-9.]*(?:e[0-9]+)?(?:ms|[smhdwy])?) |
  (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*) |
  (?P<compare>==|!=|>=|<=|>|<) |
  (?P<sign>=~|!~|[-+*/%^(){}\[\],=])
)""", re.X)
SETS = ("and", "or", "unless")


def tokens(expr):
    """[(kind, text)]; a matcher's `!=` in braces is no comparison."""
    found, at, braces = [], 0, 0
    while expr[at:].strip():
        match = TOKEN.match(expr, at)
        if not match:
            raise ValueError(f"not understood: {expr[at:at + 30]!r}")
        kind, text, at = match.lastgroup, match[match.lastgroup], match.end()
        braces += {"{": 1, "}": -1}.get(text, 0) if kind == "sign" else 0
        found.append(("sign" if kind == "compare" and braces else kind, text))
    return found


def text_of(found):
    return " ".join(text for _, text in found)


def split(found):
    """The operands of the set operators outside of all parentheses, without `on (...)`."""
    operands, depth, skip = [[]], 0, 0
    for index, (kind, text) in enumerate(found):
        depth += {"(": 1, ")": -1}.get(text, 0) if kind == "sign" else 0
        if skip:
            skip = 0 if text == ")" else skip
        elif kind == "word" and text in SETS and depth == 0:
            operands.append([])
            skip = 1 if found[index + 1][1] in ("on", "ignoring") else 0
        else:
            operands[-1].append((kind, text))
    return operands


def without_threshold(found):
    """An operand less its comparison, which must be its last operator and with a number."""
    depth, at = 0, None
    for index, (kind, text) in enumerate(found):
        depth += {"(": 1, ")": -1}.get(text, 0) if kind == "sign" else 0
        if kind == "compare":
            if depth or at is not None:
                raise ValueError(f"a comparison within: {text_of(found)}")
            at = index
    if at is None or [kind for kind, _ in found[at + 1:]] != ["number"]:
        raise ValueError(f"not compared with a number: {text_of(found)}")
    return found[:at]


def looked_at(expr):
    """What an alert's expression compares, operand by operand."""
    return [text_of(without_threshold(operand)) for operand in split(tokens(expr))]
