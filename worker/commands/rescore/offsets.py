"""Which records `rescore` takes: where it begins and ends on each partition."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from worker.commands.common.arguments import duration_seconds
from worker.errors import BadUse
from worker.kafka.broker import Broker
from worker.kafka.types import EARLIEST, LATEST, Partition

_PAIRS = re.compile(r"\d{1,10}:\d{1,18}(,\d{1,10}:\d{1,18})*")


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Span(NamedTuple):
    """The offsets of one partition from `begin` up to, without it, `end`."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range as it was given: a time (milliseconds since 1970), one offset for all partitions, or pairs."""

    text: str
    moment_ms: int | None = None
    offset: int | None = None
    pairs: Mapping[int, int] | None = None

    def offsets(self, broker: Broker, topic: str) -> dict[int, int]:
        """By partition number, not clamped to what the topic holds; of pairs only those named. Raises KafkaAway."""
        if self.pairs is not None:
            return dict(self.pairs)
        found = broker.offsets_at(topic, EARLIEST if self.moment_ms is None else self.moment_ms)
        return {part.number: offset if self.offset is None else self.offset for part, offset in found.items()}


def bound(text: str, clock: Callable[[], float] = time.time) -> Bound:
    """`2026-01-31T12:00:00Z` (UTC without a zone), `2h` (so long ago), `5000` or `0:5000,1:4980`; for argparse."""
    if text.isdecimal() and len(text) < 19:
        return Bound(text, offset=int(text))
    if _PAIRS.fullmatch(text):
        pairs = [pair.split(":") for pair in text.split(",")]
        named = {int(number): int(offset) for number, offset in pairs}
        if len(named) < len(pairs):
            raise argparse.ArgumentTypeError(f"{text!r} names a partition twice")
        return Bound(text, pairs=named)
    return Bound(text, moment_ms=_moment_ms(text, clock))


def spans(broker: Broker, topic: str, since: Bound | None, until: Bound | None) -> dict[Partition, Span]:
    """The range on every partition of a topic, within what the topic holds now.

    A partition that pairs do not name is left out: its span is empty and stands at the end. Raises BadUse, KafkaAway.
    """
    firsts, lasts = broker.offsets_at(topic, EARLIEST), broker.offsets_at(topic, LATEST)
    starts, ends = (None if given is None else given.offsets(broker, topic) for given in (since, until))
    numbers = {part.number for part in lasts}
    for named in (starts, ends):
        if unknown := sorted(set(named or ()) - numbers):
            raise BadUse(f"topic {topic} has no partition {unknown[0]}: it has {len(numbers)}, counted from 0")
    found = {}
    for part, last in lasts.items():
        begin = firsts[part] if starts is None else starts.get(part.number, last)
        end = last if ends is None else ends.get(part.number, 0)
        begin = min(max(begin, firsts[part]), last)
        end = min(end, last)
        found[part] = Span(begin, end) if begin < end else Span(last, last)
    return found


def _moment_ms(text: str, clock: Callable[[], float]) -> int:
    try:
        # Of digits alone it would make a date, too.
        moment = datetime.fromisoformat(text if _DATE.match(text) else "")
    except ValueError:
        try:
            return max(0, int((clock() - duration_seconds(text)) * 1000))
        except argparse.ArgumentTypeError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no time such as 2026-01-31T12:00:00Z or 2h (ago), no offset, "
                "and no pairs of partition and offset such as 0:5000,1:4980"
            ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1000))
