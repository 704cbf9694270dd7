"""Records that must not stop the stream, each with what has to become of it."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from tests.kafka.load import Draft

DEEP = b'{"text": "fine", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
FIVE_MEGABYTES = json.dumps({"text": "good " * 1_048_576}).encode()


class Poison(NamedTuple):
    """`reason` is that of its dead letter; a record without one has to get a sentiment."""

    name: str
    value: bytes | None
    reason: str | None
    key: bytes | None = b"poison"
    headers: Sequence[tuple[str, bytes | None]] = ()

    @property
    def draft(self) -> Draft:
        """It as it is sent: a header tells which it is."""
        return Draft(self.key, self.value, [("case", self.name.encode()), *self.headers])


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


CASES = [
    Poison("not JSON", b"a plain line of text", "not_json"),
    Poison("cut short", b'{"text": "it ends in the midd', "not_json"),
    Poison("no bytes", b"", "not_json"),
    Poison("invalid UTF-8", b'{"text": "caf\xe9 \xff\xfe"}', "not_json"),
    Poison("a lone surrogate", b'{"text": "good \\ud800 movie"}', "not_json"),
    Poison("deep nesting", DEEP, "not_json"),
    Poison("a list", b'[{"text": "good"}]', "invalid"),
    Poison("a string", b'"good"', "invalid"),
    Poison("a number", b"42", "invalid"),
    Poison("JSON null", b"null", "invalid"),
    Poison("no text", _json(id="p1"), "invalid"),
    Poison("text is null", _json(text=None), "invalid"),
    Poison("text is a number", _json(text=5), "invalid"),
    Poison("id is a number", _json(id=5, text="good"), "invalid"),
    Poison("id is empty", _json(id="", text="good"), "invalid"),
    Poison("id is too long", _json(id="x" * 257, text="good"), "invalid"),
    Poison("an attribute is a number", _json(text="good", attributes={"stars": 5}), "invalid"),
    Poison("no value", None, "invalid"),
    Poison("neither key nor value", None, "invalid", key=None),
    Poison("not JSON, with a null header", b"{", "not_json", headers=[("trace", None)]),
    Poison("too long a text", _json(text="x" * 200_001), "too_large"),
    Poison("five megabytes", FIVE_MEGABYTES, "too_large"),
    Poison("empty text", _json(text=""), None),
    Poison("no known word", _json(text="qwzx 123 !!!"), None),
    Poison("the longest text", _json(text="good " * 40_000), None),
    Poison("NUL bytes", _json(text="a good\x00movie\x00"), None),
    Poison("no key", _json(text="good"), None, key=None),
    Poison("an unknown field", _json(text="good", stars=5), None),
    Poison("a null header", _json(text="good"), None, headers=[("trace", None), ("traceparent", b"00-ab-cd-01")]),
]
