"""The demo's input: the labelled sample beside this file, sent into a topic at a steady rate."""

import csv
import gzip
import itertools
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from deploy.local.processes import LocalServiceError

SAMPLE = Path(__file__).with_name("sample_reviews.tsv.gz")
# The number after the underscore of an id is the rating, 1 to 10, that the review's author gave.
LOWEST_POSITIVE_RATING = 5
TICK_SECONDS = 0.005


class Review(NamedTuple):
    """One labelled review."""

    id: str
    text: str
    rating: int

    @property
    def positive(self) -> bool:
        """Whether its author liked what it is about."""
        return self.rating >= LOWEST_POSITIVE_RATING


def read_sample(path: Path = SAMPLE) -> list[Review]:
    """The reviews of a file in Kaggle's form: a header, tabs, quotes around every field and `\\"` inside."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Review(unquoted(row["id"]), unquoted(row["review"]), rating(unquoted(row["id"]))) for row in rows]


def unquoted(cell: str) -> str:
    """The cell without the quotes around it and without the backslashes before those inside."""
    return cell.removeprefix('"').removesuffix('"').replace('\\"', '"')


def rating(review_id: str) -> int:
    """8 for "123_8"."""
    return int(review_id.rpartition("_")[2])


def repeated(sample: Sequence[Review], count: int) -> Iterator[Review]:
    """`count` reviews: the sample over and over, with ids that tell the rounds apart ("123_8", "123_8-2", ...)."""
    rounds = (
        review if turn == 1 else review._replace(id=f"{review.id}-{turn}")
        for turn in itertools.count(1)
        for review in sample
    )
    return itertools.islice(rounds, count)


class Replay(threading.Thread):
    """Sends reviews in the background, `per_second` of them, or as fast as Kafka takes them when that is 0.

    `sent` maps the id of each to its record's timestamp in milliseconds since 1970; `error` is what ended it early.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        reviews: Sequence[Review],
        per_second: float,
        deadline_seconds: float = 30.0,
    ) -> None:
        super().__init__(name="replay", daemon=True)
        self.sent: dict[str, int] = {}
        self.error: Exception | None = None
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._reviews = reviews
        self._per_second = per_second
        self._deadline_seconds = deadline_seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        """Send everything, then wait until Kafka has stored it."""
        try:
            deadline_ms = int(self._deadline_seconds * 1000)
            producer = KafkaProducer(
                bootstrap_servers=self._bootstrap_servers, bootstrap_timeout_ms=deadline_ms, max_block_ms=deadline_ms
            )
            try:
                self._send_all(producer)
            finally:
                producer.close(timeout=1)
        except (KafkaError, OSError) as error:
            self.error = error

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping.set()
        self.join(self._deadline_seconds)

    def _send_all(self, producer: KafkaProducer) -> None:
        started = time.monotonic()
        for position, review in enumerate(self._reviews):
            while self._per_second and (time.monotonic() - started) * self._per_second < position:
                if self._stopping.wait(TICK_SECONDS):
                    return
            value = {"id": review.id, "text": review.text, "attributes": {"rating": str(review.rating)}}
            now = int(time.time() * 1000)
            self.sent[review.id] = now
            key, encoded = review.id.encode(), json.dumps(value).encode()
            producer.send(self._topic, encoded, key, timestamp_ms=now).add_errback(self._refused)
            if self._stopping.is_set():
                return
        producer.flush(timeout=self._deadline_seconds)

    def _refused(self, error: Exception) -> None:
        self.error = LocalServiceError(f"Kafka did not take a review: {error}")
