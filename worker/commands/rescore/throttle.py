"""What slows a rescoring down: the live group's lag, and a set rate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from worker.kafka.broker import Broker
from worker.kafka.types import EARLIEST, LATEST

_ASK_SECONDS = 1.0
_MOMENT_SECONDS = 0.1
_CREDIT_SECONDS = 1.0


class LiveLag:
    """How many records a group has left to read, asked of Kafka without joining the group, at most once a second."""

    def __init__(self, broker: Broker, group_id: str, topic: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._group_id = group_id
        self._topic = topic
        self._clock = clock
        self._due = -math.inf
        self._lag: int | None = None

    def __call__(self) -> int | None:
        """The lag; None when the group never committed anything on the topic. Raises KafkaAway."""
        if self._clock() >= self._due:
            self._lag = self._ask()
            self._due = self._clock() + _ASK_SECONDS
        return self._lag

    def _ask(self) -> int | None:
        # Positions before ends: the other way round, a group that keeps up could seem to be ahead.
        offsets = self._broker.group_offsets(self._group_id, self._topic)
        if not offsets:
            return None
        ends = self._broker.offsets_at(self._topic, LATEST)
        starts = self._broker.offsets_at(self._topic, EARLIEST) if ends.keys() - offsets.keys() else {}
        done = starts | {part: committed_offset.next_offset for part, committed_offset in offsets.items()}
        return sum(max(0, end - done[part]) for part, end in ends.items())


class Throttle:
    """Says when to go on. `max_lag` is in records, `rate` in reviews a second (None: as fast as it goes)."""

    def __init__(
        self,
        lag: Callable[[], int | None],
        max_lag: int,
        rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lag = lag
        self._max_lag = max_lag
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    def most_records(self, limit: int) -> int:
        """How large a batch may be: about a second's worth at most."""
        return limit if self._rate is None else max(1, min(limit, math.ceil(self._rate)))

    def wait_for_lag(self, waiting: Callable[[int], None]) -> float:
        """Wait while the live group is too far behind, calling `waiting` with its lag; the seconds waited, 0 for none.

        Raises KafkaAway.
        """
        waited = 0.0
        while (lag := self._lag() or 0) > self._max_lag:
            waiting(lag)
            self._sleep(_MOMENT_SECONDS)
            waited += _MOMENT_SECONDS
        return waited

    def limit_rate(self, records: int) -> None:
        """Wait until so many records more fit the rate; at most a second without any is made up for."""
        if self._rate is None:
            return
        self._free_at = max(self._free_at, self._clock() - _CREDIT_SECONDS) + records / self._rate
        while (remaining := self._free_at - self._clock()) > 0:
            self._sleep(min(remaining, _MOMENT_SECONDS))
