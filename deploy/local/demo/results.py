"""What came out: a live reader of the results, and the verdict over the whole topic at the end."""

import itertools
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.errors import KafkaError

from deploy.local.demo.replay import Review
from deploy.local.topics import committed_reader, read_to_end

# Enough for the percentiles of the last seconds, whatever the machine.
LATEST = 20_000
POLL_MILLISECONDS = 50


class Result(NamedTuple):
    """A sentiment as it became visible; `seconds` runs from its review's record timestamp until then."""

    id: str
    sentiment: str
    score: float
    seconds: float
    seen_at: float


class Results(threading.Thread):
    """Reads committed sentiments and dead letters in the background, as any consumer of them would.

    `seen` maps an id to its first result; `latest` are the last ones; `error` is what ended the reading.
    `sent` is asked for the record timestamp of each review, in milliseconds since 1970.
    """

    def __init__(self, bootstrap_servers: str, topic: str, sent: Mapping[str, int]) -> None:
        super().__init__(name="results", daemon=True)
        self.seen: dict[str, Result] = {}
        self.latest: deque[Result] = deque(maxlen=LATEST)
        self.error: Exception | None = None
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._sent = sent
        self._stopping = threading.Event()

    def run(self) -> None:
        """Read from the beginning until `stop`."""
        try:
            consumer = committed_reader(self._bootstrap_servers)
            try:
                partitions = [
                    TopicPartition(self._topic, number) for number in consumer.partitions_for_topic(self._topic)
                ]
                consumer.assign(partitions)
                consumer.seek_to_beginning(*partitions)
                while not self._stopping.is_set():
                    for records in consumer.poll(timeout_ms=POLL_MILLISECONDS).values():
                        self._take(records)
            finally:
                consumer.close()
        except (KafkaError, OSError, ValueError, KeyError) as error:
            self.error = error

    def stop(self) -> None:
        """Read nothing more."""
        self._stopping.set()
        self.join(timeout=10)

    def window(self, seconds: float) -> list[Result]:
        """The results that became visible within the last `seconds`."""
        since = time.time() - seconds
        return list(itertools.takewhile(lambda result: result.seen_at >= since, reversed(self.latest.copy())))

    def _take(self, records: Iterable[Any]) -> None:
        now = time.time()
        for record in records:
            output = json.loads(record.value)
            sentiment = output["sentiment"]
            seconds = now - self._sent[output["id"]] / 1000
            result = Result(output["id"], sentiment, output["scores"][sentiment], seconds, now)
            self.seen.setdefault(result.id, result)
            self.latest.append(result)


@dataclass(frozen=True)
class Verdict:
    """The last line of the demo. Times run from a review's record timestamp until its committed result is read."""

    sent: int
    sentiments: int
    lost: int
    duplicated: int
    reviews_per_second: float
    p50_seconds: float
    p99_seconds: float
    f1: float

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @property
    def good(self) -> bool:
        """Whether every review came out exactly once."""
        return not self.lost and not self.duplicated


def judge(
    reviews: Collection[Review],
    sentiments: Sequence[tuple[str, str]],
    dead_letters: Sequence[str],
    seen: Collection[Result],
) -> Verdict:
    """Compare what was sent with what came out.

    `sentiments` are id and sentiment of every output record, `dead_letters` the ids of the others, `seen` the results
    as they became visible: throughput counts from the first review's record timestamp to the last of them.
    """
    came_out = Counter([review_id for review_id, _ in sentiments] + list(dead_letters))
    latencies = [result.seconds for result in seen]
    first = min((result.seen_at - result.seconds for result in seen), default=0.0)
    last = max((result.seen_at for result in seen), default=0.0)
    return Verdict(
        sent=len(reviews),
        sentiments=len(sentiments),
        lost=sum(review.id not in came_out for review in reviews),
        duplicated=sum(times - 1 for times in came_out.values()),
        reviews_per_second=round(len(seen) / (last - first), 1) if last > first else 0.0,
        p50_seconds=round(percentile(latencies, 50), 4),
        p99_seconds=round(percentile(latencies, 99), 4),
        f1=round(f1_of_positive(reviews, dict(sentiments)), 4),
    )


def read_outcome(bootstrap_servers: str, topics: Mapping[str, str]) -> tuple[list[tuple[str, str]], list[str]]:
    """(id, sentiment) of every committed sentiment, and the id of every dead letter, from the topics' beginnings."""
    outputs = [json.loads(record.value) for record in read_to_end(bootstrap_servers, topics["output"])]
    dead = [json.loads(record.value) for record in read_to_end(bootstrap_servers, topics["dead-letter"])]
    return [(output["id"], output["sentiment"]) for output in outputs], [letter["id"] for letter in dead]


def f1_of_positive(reviews: Iterable[Review], sentiments: Mapping[str, str]) -> float:
    """F1 of the positive class; a review without a sentiment counts as one that was not called positive."""
    hits = called = positive = 0
    for review in reviews:
        says_positive = sentiments.get(review.id) == "positive"
        hits += says_positive and review.positive
        called += says_positive
        positive += review.positive
    return 2 * hits / (called + positive) if called + positive else 0.0


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` percent of them do not exceed (nearest rank); 0 for none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share) // 100) - 1)] if ordered else 0.0
