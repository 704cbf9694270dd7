"""What comes out of the stream: results as histories know them, and a reader that follows them live."""

import itertools
import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from worker.commands.rolling_check.checker import Seen, Sent

POLL_SECONDS = 0.1


def sent(record: Any) -> Sent:
    """A record of the input topic; its review's id is the offset's where it has no valid one of its own."""
    own: object = None
    with suppress(ValueError, TypeError, LookupError, RecursionError):
        own = json.loads(record.value)["id"]
    review_id = own if isinstance(own, str) and own else f"{record.topic}-{record.partition}-{record.offset}"
    return Sent(review_id, record.key, record.partition, record.offset)


def seen(record: Any, dead_letter_topic: str) -> Seen:
    """A record of one of the output topics."""
    where = (record.topic, record.partition, record.offset, record.key)
    if record.topic == dead_letter_topic:
        headers = dict(record.headers)
        source = (int(headers["dead-letter-partition"]), int(headers["dead-letter-offset"]))
        return Seen(*where, source=source)
    value = json.loads(record.value)
    return Seen(*where, id=value["id"], version=value["version"])


class Follower:
    """Reads committed records of some topics as they come, on a thread of its own, and notes when they came.

    The topic of dead letters is the last of `topics`.
    """

    def __init__(self, bootstrap_servers: str, topics: Sequence[str], partitions: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._dead_letter_topic = topics[-1]
        self._answered: set[str | tuple[int, int] | None] = set()
        self._arrivals: dict[TopicPartition, list[float]] = {
            TopicPartition(topic, number): [] for topic in topics for number in range(partitions)
        }
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """How many reviews have a committed answer so far, however many answers each: at least once doubles some."""
        return len(self._answered)

    def longest_gap(self, topic: str, since: float) -> float:
        """The most seconds without an arrival on any one partition of a topic, since a `time.monotonic()`."""
        now = time.monotonic()
        gaps = []
        for part, arrivals in self._arrivals.items():
            if part.topic == topic:
                times = [since, *(at for at in list(arrivals) if since < at < now), now]
                gaps.append(max(later - earlier for earlier, later in itertools.pairwise(times)))
        return max(gaps)

    def close(self) -> None:
        """Stop reading."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            isolation_level="read_committed",
            group_id=None,
            enable_auto_commit=False,
            # What is measured is the stream, not how long this reader stays away from a broker that is back.
            reconnect_backoff_max_ms=200,
        )
        consumer.assign(list(self._arrivals))
        consumer.seek_to_beginning(*self._arrivals)
        while not self._stopping.is_set():
            with suppress(KafkaError):
                for part, records in consumer.poll(timeout_ms=POLL_SECONDS * 1000, max_records=5_000).items():
                    self._arrivals[part] += [time.monotonic()] * len(records)
                    answers = (seen(record, self._dead_letter_topic) for record in records)
                    self._answered.update(answer.id or answer.source for answer in answers)
        consumer.close()
