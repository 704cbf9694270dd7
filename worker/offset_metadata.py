"""What is kept beside a committed offset, so that a restart, or another worker, goes on from it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

import msgspec

from worker.dead_letters import OutcomeWindow

# Kafka takes 4,096 bytes unless its owner set offset.metadata.max.bytes.
_MOST_BYTES = 4_000


class OffsetMetadata(msgspec.Struct, frozen=True):
    """One JSON object, whose names stay: workers of other releases in the group read and write it too.

    Of the last `seen` records, `dead` says which became dead letters: one bit each, newest last, in base64 (empty:
    none). `at` is when that was so, in milliseconds since 1970. `canary` is what was counted of a canary, as JSON.
    """

    seen: int = 0
    dead: str = ""
    at: int = 0
    canary: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, outcomes: OutcomeWindow, now_ms: int) -> OffsetMetadata:
        """The one that holds these outcomes."""
        bits = outcomes.dead_bits
        return cls(outcomes.seen, base64.b64encode(bits.to_bytes(outcomes.SIZE // 8)).decode() if bits else "", now_ms)

    @classmethod
    def read(cls, text: str) -> OffsetMetadata | None:
        """The one in a committed offset's metadata; None without any, and for what others wrote there."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:
            return None

    def text(self, canaries: Iterable[bytes] = ()) -> str:
        """What to commit: with the first of these counts of a canary that Kafka takes, or without any."""
        for counts in canaries:
            text = msgspec.json.encode(msgspec.structs.replace(self, canary=msgspec.Raw(counts)))
            if len(text) <= _MOST_BYTES:
                return text.decode()
        return msgspec.json.encode(self).decode()

    def outcomes(self) -> OutcomeWindow | None:
        """The outcomes in it; None where they cannot be any."""
        try:
            bits = int.from_bytes(base64.b64decode(self.dead, validate=True))
        except (binascii.Error, ValueError):
            return None
        if not 0 <= self.seen <= OutcomeWindow.SIZE or bits >= 1 << OutcomeWindow.SIZE:
            return None
        return OutcomeWindow(self.seen, bits)


def newest_outcomes(metadata: Iterable[str]) -> OutcomeWindow:
    """The latest outcomes beside any of the committed offsets; an empty window where none are found."""
    found = [(kept.at, kept.seen, outcomes) for kept, outcomes in _readable(metadata)]
    return max(found, key=lambda each: (each[0], each[1], each[2].dead_bits))[2] if found else OutcomeWindow()


def _readable(metadata: Iterable[str]) -> Iterable[tuple[OffsetMetadata, OutcomeWindow]]:
    for text in metadata:
        kept = OffsetMetadata.read(text)
        outcomes = kept.outcomes() if kept else None
        if kept and outcomes:
            yield kept, outcomes
