"""Dead letters: how a record that holds no valid review is dead-lettered, and when there are too many of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.kafka.types import MAX_MESSAGE_BYTES, Message, Record

PREFIX = "dead-letter-"
ATTEMPTS = PREFIX + "attempts"
REPLAYS = PREFIX + "replays"
NULL_HEADERS = "null-headers"
# Kept by the next dead letter of the same record: all other dead-letter headers describe one dead letter only.
_CARRIED = frozenset({REPLAYS})
_MAX_ERROR_CHARACTERS = 1_000
_HEADROOM_BYTES = 64 * 1024


def dead_letter(record: Record, topic: str, reason: str, error: str, limit: int = MAX_MESSAGE_BYTES) -> Message:
    """The record unchanged, with headers that say why and whence. Always writable: see `writable_headers`.

    A value that would make the dead letter larger than `limit` bytes is left out.
    """
    earlier = dict(record.headers).get(ATTEMPTS) or b""
    attempts = int(earlier) + 1 if earlier.isdigit() and len(earlier) < 10 else 1
    kept = [(name, value) for name, value in record.headers if not name.startswith(PREFIX) or name in _CARRIED]
    headers = writable_headers(kept)
    notes: dict[str, str | int] = {
        "reason": reason,
        "error": error[:_MAX_ERROR_CHARACTERS],
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp_ms,
        "attempts": attempts,
    }
    headers += [(PREFIX + name, _bytes(note)) for name, note in notes.items()]
    return _fitting(record, topic, headers, limit)


def writable_headers(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """Headers that every client writes: a null value becomes an empty one, and a further header names which."""
    headers = list(headers)
    nulls = [name for name, value in headers if value is None]
    written = [(name, b"" if value is None else value) for name, value in headers]
    return [*written, (NULL_HEADERS, ",".join(nulls).encode())] if nulls else written


def size_bytes(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> int:
    """About what a message takes in a topic."""
    return len(key or b"") + len(value or b"") + sum(len(name) + len(content) + 10 for name, content in headers)


def _fitting(record: Record, topic: str, headers: list[tuple[str, bytes]], limit: int) -> Message:
    key, value = record.key, record.value
    if value is not None and size_bytes(key, value, headers) > limit - _HEADROOM_BYTES:
        digest = hashlib.sha256(value).hexdigest()
        headers = [
            *headers,
            (PREFIX + "value-sha256", digest.encode()),
            (PREFIX + "value-size", _bytes(len(value))),
        ]
        value = b""
    elif value is None and key is None:
        headers = [*headers, (PREFIX + "value-was-null", b"true")]
        value = b""
    return Message(topic, key, value, headers)


def _bytes(note: str | int) -> bytes:
    return str(note).encode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class OutcomeWindow:
    """Which of the last `SIZE` records became dead letters; immutable, one bit a record, newest last.

    It travels in the metadata of committed offsets, so that a restart goes on counting where the last process stopped
    instead of draining a broken topic a window at a time.
    """

    SIZE = 1_000

    seen: int = 0
    dead_bits: int = 0

    def after(self, were_dead: Sequence[bool]) -> OutcomeWindow:
        """The window after these further records, in order."""
        recent = were_dead[-self.SIZE :]
        bits = int("".join("1" if dead else "0" for dead in recent) or "0", 2)
        mask = (1 << self.SIZE) - 1
        return OutcomeWindow(
            min(self.seen + len(were_dead), self.SIZE), ((self.dead_bits << len(recent)) | bits) & mask
        )

    def exceeds(self, max_ratio: float) -> bool:
        """Whether, with a full window, more than this share were dead letters."""
        return self.seen >= self.SIZE and self.dead_bits.bit_count() > max_ratio * self.SIZE
