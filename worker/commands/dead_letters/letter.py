"""A dead letter as `dead-letters` shows it and sends it again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from worker.dead_letters import ATTEMPTS, PREFIX, REPLAYS
from worker.errors import REASONS
from worker.kafka.types import Message, Record


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What the headers of a record in the dead-letter topic say. Numbers that are missing or no numbers are 0."""

    topic: str
    partition: int
    offset: int
    reason: str
    error: str
    attempts: int
    replays: int
    set_aside_ms: int
    value_is_left_out: bool

    @classmethod
    def of(cls, record: Record) -> DeadLetter:
        """The dead letter in a record, whoever wrote it."""
        headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}

        def number(name: str) -> int:
            text = headers.get(name, "")
            return int(text) if text.isdecimal() and len(text) < 20 else 0

        return cls(
            topic=headers.get(PREFIX + "topic", ""),
            partition=number(PREFIX + "partition"),
            offset=number(PREFIX + "offset"),
            reason=headers.get(PREFIX + "reason", "unknown"),
            error=headers.get(PREFIX + "error", ""),
            attempts=number(ATTEMPTS),
            replays=number(REPLAYS),
            set_aside_ms=record.timestamp_ms,
            value_is_left_out=PREFIX + "value-sha256" in headers or PREFIX + "value-was-null" in headers,
        )

    def to_json(self) -> dict[str, Any]:
        """For `dead-letters list --json`."""
        return {name: getattr(self, name) for name in self.__slots__}


def original(record: Record, dead_letter: DeadLetter) -> Message:
    """The record as it first came, ready to be written again: it carries the attempts and one replay more."""
    headers = [
        (name, value or b"") for name, value in record.headers if name == ATTEMPTS or not name.startswith(PREFIX)
    ]
    return Message(
        dead_letter.topic, record.key, record.value, [*headers, (REPLAYS, b"%d" % (dead_letter.replays + 1))]
    )


def add_reason_flag(parser: argparse.ArgumentParser, help_text: str) -> None:
    """`--reason`, which may be given several times."""
    parser.add_argument(
        "--reason",
        action="append",
        choices=REASONS,
        metavar="REASON",
        help=f"{help_text} ({', '.join(REASONS)}; may be given again)",
    )


def has_reason(dead_letter: DeadLetter, reasons: Sequence[str] | None) -> bool:
    """Whether the dead letter is among the wanted ones."""
    return not reasons or dead_letter.reason in reasons
