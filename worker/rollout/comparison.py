"""Two versions on the same texts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from models.scorer import Scorer, Scores
from worker.kafka.types import Partition
from worker.rollout.stats import CanaryStats
from worker.serving.results import Score
from worker.serving.routing import Experiment


class Sample(NamedTuple):
    """A record that was served, without its bytes: its place, its review's id and text, and its score."""

    partition: Partition
    offset: int
    key: bytes | None
    id: str
    text: str
    score: Score


@dataclass(frozen=True, slots=True)
class Comparison:
    """What another version says to the same samples; the seconds are processor time of this thread."""

    batch_scores: Scorer
    other: Scorer
    samples: Sequence[Sample]
    scores: Scores
    served_seconds: float
    other_seconds: float

    @property
    def differed(self) -> int:
        """How many got another sentiment."""
        return sum(one != other for one, other in zip(self.served_sentiments, self.other_sentiments, strict=True))

    @property
    def served_sentiments(self) -> list[str]:
        return [self.batch_scores.classes[sample.score.best] for sample in self.samples]

    @property
    def other_sentiments(self) -> list[str]:
        return [self.other.classes[best] for best in self.scores.probabilities.argmax(axis=1)]

    def score_differences(self) -> Iterator[float]:
        """For each sample, by how much the other version scores the served sentiment differently; 0 to 1."""
        index = {name: number for number, name in enumerate(self.other.classes)}
        for sample, probabilities in zip(self.samples, self.scores.probabilities.tolist(), strict=True):
            sentiment = self.batch_scores.classes[sample.score.best]
            other = probabilities[index[sentiment]] if sentiment in index else 0.0
            yield abs(sample.score.probabilities[sample.score.best] - other)

    def stats(self, experiment: Experiment, now_ms: int) -> dict[Partition, CanaryStats]:
        """What it says of a canary that served, beside the stable version as the other, by partition."""
        found: dict[Partition, CanaryStats] = {}
        fraction = 1 / len(self.samples)
        rows = zip(self.samples, self.served_sentiments, self.other_sentiments, self.scores.coverage, strict=True)
        for sample, canary, stable, coverage in rows:
            one = CanaryStats(
                experiment,
                now_ms,
                compared=1,
                differed=int(canary != stable),
                stable_classes={stable: 1},
                canary_classes={canary: 1},
                stable_coverage=float(coverage),
                canary_coverage=sample.score.coverage,
                stable_seconds=self.other_seconds * fraction,
                canary_seconds=self.served_seconds * fraction,
            )
            before = found.get(sample.partition)
            found[sample.partition] = before.plus(one) if before else one
        return found

    def messages(self, only_differences: bool) -> Iterator[tuple[bytes | None, bytes]]:
        """Key and JSON value for a topic: the record's place, its id and text, and what both versions said."""
        rows = zip(self.samples, self.other_sentiments, self.scores.probabilities.tolist(), strict=True)
        for sample, sentiment, probabilities in rows:
            served_sentiment = self.batch_scores.classes[sample.score.best]
            if only_differences and sentiment == served_sentiment:
                continue
            value = {
                "id": sample.id,
                "topic": sample.partition.topic,
                "partition": sample.partition.number,
                "offset": sample.offset,
                "text": sample.text,
                "model": self.batch_scores.name,
                "served": _answer(self.batch_scores, served_sentiment, sample.score.probabilities),
                "other": _answer(self.other, sentiment, [round(fraction, 6) for fraction in probabilities]),
            }
            yield sample.key, msgspec.json.encode(value)


def compare(batch_scores: Scorer, other: Scorer, samples: Sequence[Sample], time_both: bool) -> Comparison:
    """Score the samples with the other version, and with `time_both` once more with the one that served them.

    The second is for its processor time alone: batches of the stream have other sizes, which cost other times.
    """
    texts = [sample.text for sample in samples]
    started = time.thread_time()
    scores = other.score(texts)
    other_seconds = time.thread_time() - started
    served_seconds = 0.0
    if time_both:
        batch_scores.score(texts)
        served_seconds = time.thread_time() - started - other_seconds
    return Comparison(batch_scores, other, samples, scores, served_seconds, other_seconds)


def _answer(scorer: Scorer, sentiment: str, probabilities: Sequence[float]) -> dict[str, object]:
    return {
        "version": scorer.version,
        "sentiment": sentiment,
        "scores": dict(zip(scorer.classes, probabilities, strict=True)),
    }
