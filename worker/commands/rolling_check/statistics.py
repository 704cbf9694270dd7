"""The figures of a rolling check: of each phase, and of each version seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from worker.commands.rolling_check.checker import Verdict
from worker.commands.rolling_check.observations import Arrival, Observations


@dataclass(frozen=True)
class PhaseStatistics:
    """One row of the report. Latency and pause in seconds; None where nothing came.

    Latency runs from a review's being handed to Kafka until a reader of committed records has its sentiment, both by
    the clock of this process: so it has the commit in it, and no difference between clocks of machines. The pause is
    the longest time that a partition had a review to score and brought nothing.
    """

    name: str
    seconds: float
    sent: int
    answered: int
    lost: int
    duplicated: int
    reordered: int
    p50_seconds: float | None
    p99_seconds: float | None
    max_seconds: float | None
    pause_seconds: float | None


@dataclass(frozen=True)
class VersionStatistics:
    """A version seen in sentiments; times in seconds since the check began. Version 0: of another model."""

    version: int
    sentiments: int
    first_seconds: float
    last_seconds: float


def phase_statistics(observations: Observations, verdict: Verdict, lost: Iterable[str]) -> Iterator[PhaseStatistics]:
    """A row for each phase, in order."""
    phase_of = {review_id: observations.phase_at(at) for review_id, at in observations.sent.items()}
    first = observations.first_arrivals()
    latencies, waits = defaultdict(list), defaultdict(list)
    for review_id, arrival in first.items():
        latencies[phase_of[review_id]].append(arrival.at - observations.sent[review_id])
    for since, seconds in pauses(observations, first):
        waits[observations.phase_at(since)].append(seconds)
    sent, answered = Counter(phase_of.values()), Counter(phase_of[review_id] for review_id in first)
    lost, duplicated, reordered = (
        Counter(phase_of[review_id] for review_id in ids) for ids in (lost, verdict.duplicated, verdict.reordered)
    )
    for name, begins, ends in observations.phases:
        counts = sent[name], answered[name], lost[name], duplicated[name], reordered[name]
        pause = _rounded(max(waits[name], default=None))
        yield PhaseStatistics(name, round(ends - begins, 3), *counts, *percentiles(latencies[name]), pause)


def version_statistics(observations: Observations) -> Iterator[VersionStatistics]:
    """A row for each version seen, the oldest first."""
    times = defaultdict(list)
    for seen, at in observations.arrivals:
        if seen.version is not None:
            times[seen.version].append(at - observations.began)
    for version, came in sorted(times.items()):
        yield VersionStatistics(version, len(came), round(min(came), 3), round(max(came), 3))


def mixed_seconds(observations: Observations, seen: Iterable[VersionStatistics]) -> float:
    """How long the old version still answered after the new one had begun to."""
    by_version = {statistics.version: statistics for statistics in seen}
    old, new = by_version.get(observations.versions.old), by_version.get(observations.versions.new)
    if old is None or new is None or not observations.versions.changes:
        return 0.0
    return round(max(0.0, old.last_seconds - new.first_seconds), 3)


def pauses(observations: Observations, first: Mapping[str, Arrival]) -> Iterator[tuple[float, float]]:
    """Each wait of a partition for its next result: since when, and how long, in seconds.

    A partition waits from its last result on, or, where it had nothing to do then, since the next review was sent.
    """
    by_partition: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for review_id, arrival in first.items():
        by_partition[arrival.seen.partition].append((arrival.at, observations.sent[review_id]))
    for results in by_partition.values():
        last = float("-inf")
        for at, sent_at in sorted(results):
            since = max(last, sent_at)
            yield since, max(0.0, at - since)
            last = at


def percentiles(seconds: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """The 50th and 99th percentile (values that occurred) and the longest; None for none."""
    if not seconds:
        return None, None, None
    p50, p99, longest = np.quantile(seconds, (0.5, 0.99, 1.0), method="inverted_cdf").tolist()
    return _rounded(p50), _rounded(p99), _rounded(longest)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
