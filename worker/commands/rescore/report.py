"""What a rescoring came to: its results, read back from the topics, against the old ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from worker.commands.common import connect
from worker.commands.common.consume import read_to_end
from worker.commands.common.formatting import printable
from worker.commands.common.progress import progress_bar
from worker.commands.rescore.comparison import NewResults, Statistics
from worker.commands.rescore.job import Job, State
from worker.kafka.types import Record, Subscription
from worker.messages import Sentiment, decode
from worker.settings.settings import Settings

# So much may the clocks of those who write into the topics differ.
_CLOCKS_MS = 600_000
_CELLS = 12


def read_figures(settings: Settings, job: Job, state: State, score_class: str) -> Statistics:
    """Read the new results and the old ones of the same ids, as far as they are committed. Raises KafkaAway."""
    new = NewResults(score_class)
    started_ms = min(each.started_ms for each in state.progress.values())
    target_from = {number: end for each in state.progress.values() for number, end in each.target_from.items()}
    for record, sentiment in _sentiments(settings, job.to, started_ms, "reading the new results"):
        if record.offset >= target_from.get(record.partition, 0) and version_of(sentiment) == job.model:
            new.add(sentiment)
    comparison = new.compare()
    oldest_ms = min((each.oldest_ms for each in state.progress.values() if each.oldest_ms is not None), default=None)
    if oldest_ms is not None:
        for record, sentiment in _sentiments(settings, settings.output_topic, oldest_ms, "reading the old results"):
            comparison.add_old(record.timestamp_ms, sentiment)
    return comparison.statistics()


def version_of(sentiment: Sentiment) -> str:
    """NAME@VERSION."""
    return f"{sentiment.model}@{sentiment.version}"


def to_json(job: Job, state: State, statistics: Statistics, seconds: float) -> dict[str, Any]:
    """For `--json`; ratios are null where nothing was compared."""
    records, skipped = _counts(state)
    return {
        "model": job.model,
        "from_topic": job.topic,
        "to_topic": job.to,
        "group": job.group,
        "range": job.given,
        "records": records,
        "scored": records - skipped.total(),
        "skipped": dict(skipped),
        "results": statistics.results,
        "compared": statistics.compared,
        "old_versions": statistics.old_versions,
        "agreement_ratio": _ratio(_agreeing(statistics), statistics.compared),
        "flips": {f"{old} -> {new}": count for old, new, count in _flips(statistics)},
        "confusion": statistics.confusion,
        "class_mix": {
            "old": _mix(_old(statistics)),
            "new": _mix(_new(statistics)),
            "new_of_all": _mix(statistics.new_classes),
        },
        "score_class": statistics.score_class,
        "mean_absolute_score_difference": statistics.mean_absolute_difference,
        "largest_changes": [change._asdict() for change in statistics.largest],
        "seconds": round(seconds, 3),
    }


def lines(job: Job, state: State, statistics: Statistics, output_topic: str) -> Iterator[str]:
    """The report for people, line by line."""
    records, skipped = _counts(state)
    why = ", ".join(f"{count:,} {reason}" for reason, count in skipped.most_common())
    yield (
        f"Scored {records - skipped.total():,} of {records:,} records of topic {job.topic} with {job.model} into topic "
        f"{job.to}{why and f' (skipped: {why})'}."
    )
    if not statistics.compared:
        yield f"Topic {output_topic} holds no old results of the same ids to compare with."
        return
    versions = ", ".join(
        f"{count:,} by {printable(name)}" for name, count in Counter(statistics.old_versions).most_common()
    )
    yield (
        f"Compared with the old results of topic {output_topic}: "
        f"{statistics.compared:,} of {statistics.results:,} ids ({versions})."
    )
    agreeing = _agreeing(statistics)
    yield f"Both agree on {agreeing:,} of {statistics.compared:,} ({agreeing / statistics.compared:.2%})."
    yield ""
    yield from _tables(statistics)
    if statistics.mean_absolute_difference is not None:
        mean, more = f"{statistics.mean_absolute_difference:.4f}", ", most for:" if statistics.largest else "."
        yield f"The score of {printable(statistics.score_class)} changed by {mean} on average{more}"
        for change in statistics.largest:
            yield (
                f"  {change.old_score:.4f} {printable(change.old_sentiment)} -> "
                f"{change.new_score:.4f} {printable(change.new_sentiment)}  {printable(change.id)}"
            )


def _sentiments(settings: Settings, topic: str, since_ms: int, what: str) -> Iterator[tuple[Record, Sentiment]]:
    subscription = Subscription(topic, None, max(0, since_ms - _CLOCKS_MS))
    with connect.connected(settings, subscription) as broker, progress_bar(what, lines=True) as show:
        read = 0
        for records in read_to_end(broker, settings):
            read += len(records)
            show(read, read + sum(broker.lags().values()))
            for record in records:
                if (sentiment := decode(record.value)) is not None:
                    yield record, sentiment


def _counts(state: State) -> tuple[int, Counter[str]]:
    skipped: Counter[str] = Counter()
    for each in state.progress.values():
        skipped.update(each.skipped)
    return sum(each.records for each in state.progress.values()), skipped


def _agreeing(statistics: Statistics) -> int:
    return sum(counts.get(old, 0) for old, counts in statistics.confusion.items())


def _flips(statistics: Statistics) -> Iterator[tuple[str, str, int]]:
    for old, counts in statistics.confusion.items():
        for new, count in counts.items():
            if new != old:
                yield old, new, count


def _old(statistics: Statistics) -> Counter[str]:
    return Counter({old: sum(counts.values()) for old, counts in statistics.confusion.items()})


def _new(statistics: Statistics) -> Counter[str]:
    counted: Counter[str] = Counter()
    for counts in statistics.confusion.values():
        counted.update(counts)
    return counted


def _tables(statistics: Statistics) -> Iterator[str]:
    """Flips and class mix, over the compared records."""
    old, new = _old(statistics), _new(statistics)
    classes = sorted(old | new)
    yield _row("old \\ new", *classes)
    for each in sorted(old):
        yield _row(each, *(f"{statistics.confusion[each].get(other, 0):,}" for other in classes))
    yield ""
    yield _row("class mix", "old", "new")
    for each in classes:
        yield _row(each, *(f"{counts[each] / statistics.compared:.2%}" for counts in (old, new)))
    yield ""


def _row(first: str, *cells: str) -> str:
    return f"{printable(first):<{_CELLS}}" + "".join(f" {printable(cell):>{_CELLS}}" for cell in cells)


def _mix(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total for name, count in sorted(counts.items())}


def _ratio(count: int, total: int) -> float | None:
    return count / total if total else None
