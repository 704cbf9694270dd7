"""When two processes use one transactional id, Kafka fences the older one; how often is too often."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from worker.errors import StopWorker


class Fences:
    """Tells one fencing, which a pause or an expired transaction explains, from two processes that fence each other."""

    LIMIT = 5
    WINDOW_SECONDS = 60.0

    def __init__(self, transactional_id: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._transactional_id = transactional_id
        self._clock = clock
        self._times: deque[float] = deque(maxlen=self.LIMIT)

    def fenced(self) -> None:
        """Note one more. Raises StopWorker when there were too many."""
        now = self._clock()
        self._times.append(now)
        if len(self._times) == self.LIMIT and now - self._times[0] < self.WINDOW_SECONDS:
            raise StopWorker(
                f"another live process uses the transactional id {self._transactional_id}: "
                "give each worker an instance id of its own (SENTIMENT_INSTANCE_ID)"
            )
