"""The reviews that a check sends, at a steady rate, and the watch for their sentiments: a thread each."""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

from worker.commands.common.consume import Follower
from worker.commands.rolling_check.checker import Seen
from worker.commands.rolling_check.observations import Arrival
from worker.commands.send.encoder import Encoder
from worker.commands.send.files import Row
from worker.errors import WorkerError
from worker.kafka.broker import Broker
from worker.kafka.partitioner import partitions_of
from worker.kafka.types import Connection, Message
from worker.messages import decode

_WRITES_A_SECOND = 50
_MOST_AT_ONCE = 500
# Enough for order within a key to mean something on every partition.
_KEYS_A_PARTITION = 3
_JOIN_SECONDS = 15.0


class Reviews:
    """Numbered reviews without end, as messages: ids `<run>-<number>`, keys that meet every partition equally often."""

    def __init__(self, run: str, texts: Sequence[str], encoder: Encoder, partitions: int) -> None:
        self.run = run
        self.keys = spread_keys(run, partitions)
        self._texts = texts
        self._encoder = encoder

    def __iter__(self) -> Iterator[tuple[str, Message]]:
        for number, key, text in zip(itertools.count(), itertools.cycle(self.keys), itertools.cycle(self._texts)):
            review_id = f"{self.run}-{number}"
            yield review_id, self._encoder.encode(Row("review", text, review_id))._replace(key=key)


def spread_keys(run: str, partitions: int) -> list[bytes]:
    """The same number of keys for each partition, by the partitioner of the brokers' clients, partition by turns."""
    by_partition: dict[int | None, list[bytes]] = defaultdict(list)
    numbers = itertools.count()
    while len(by_partition) < partitions or min(map(len, by_partition.values())) < _KEYS_A_PARTITION:
        some = [f"{run}-key-{number}".encode() for number in itertools.islice(numbers, 100)]
        for key, partition in zip(some, partitions_of(some, partitions), strict=True):
            by_partition[partition].append(key)
    turns = zip(*(by_partition[partition][:_KEYS_A_PARTITION] for partition in range(partitions)), strict=True)
    return [key for turn in turns for key in turn]


class Sender(threading.Thread):
    """Sends so many reviews a second until `stop`; what is due is written 50 times a second.

    `sent` says when (`time.monotonic()`) each was handed to Kafka, of those that Kafka confirmed. `error` is what
    ended it early: then some more may have been stored.
    """

    def __init__(self, broker: Broker, reviews: Reviews, rate: float) -> None:
        super().__init__(name="sender", daemon=True)
        self.sent: dict[str, float] = {}
        self.error: WorkerError | None = None
        self.reviews = reviews
        self._broker = broker
        self._rate = rate
        self._stopping = threading.Event()
        self._unanswered: deque[str] = deque()

    def run(self) -> None:
        reviews, started = iter(self.reviews), time.monotonic()
        try:
            while not self._stopping.wait(1 / _WRITES_A_SECOND):
                due = int((time.monotonic() - started) * self._rate) - len(self.sent)
                self._write(list(itertools.islice(reviews, max(0, min(due, _MOST_AT_ONCE)))))
        except WorkerError as error:
            self.error = error

    def stop(self) -> None:
        """Send nothing more; returns once all that was sent is confirmed."""
        self._stopping.set()
        self.join(_JOIN_SECONDS)

    def oldest_unanswered(self, answered: Mapping[str, object]) -> float | None:
        """When the oldest review that has no answer yet was sent; None when all have one. From one thread only."""
        while self._unanswered and self._unanswered[0] in answered:
            self._unanswered.popleft()
        return self.sent[self._unanswered[0]] if self._unanswered else None

    def _write(self, due: Sequence[tuple[str, Message]]) -> None:
        if due:
            now = time.monotonic()
            self._broker.produce([message for _, message in due])
            self._broker.commit({})
            for review_id, _ in due:
                self.sent[review_id] = now
                self._unanswered.append(review_id)


class Watcher(threading.Thread):
    """Reads committed sentiments as any consumer of them would, and keeps those of one run.

    `newest` is the version that scored the latest sentiment of each key, 0 where it was another model.
    """

    def __init__(self, broker: Broker, connection: Connection, run: str, model: str) -> None:
        super().__init__(name="watcher", daemon=True)
        self.arrivals: list[Arrival] = []
        self.answered: dict[str, int] = {}
        self.newest: dict[bytes | None, int] = {}
        self.error: WorkerError | None = None
        self._follower = Follower(broker, connection)
        self._run = run
        self._model = model
        self._stopping = threading.Event()

    def run(self) -> None:
        mark = f'"{self._run}-'.encode()
        try:
            while not self._stopping.is_set():
                records = self._follower.poll()
                now = time.monotonic()
                for record in records:
                    # Most of a busy topic is not ours and need not be decoded.
                    if record.value is not None and mark in record.value and (found := decode(record.value)):
                        version = found.version if found.model == self._model else 0
                        location = (record.topic, record.partition, record.offset)
                        self._take(Arrival(Seen(*location, record.key, id=found.id, version=version), now))
        except WorkerError as error:
            self.error = error

    def stop(self) -> None:
        """Read nothing more."""
        self._stopping.set()
        self.join(_JOIN_SECONDS)

    def _take(self, arrival: Arrival) -> None:
        seen = arrival.seen
        if seen.id is not None and seen.id.startswith(f"{self._run}-"):
            self.arrivals.append(arrival)
            self.answered[seen.id] = self.answered.get(seen.id, 0) + 1
            self.newest[seen.key] = seen.version or 0
