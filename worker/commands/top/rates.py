"""What a worker did between two of its answers: records a second, and where its time went."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.commands.group.scrape import Answer, Scrape
from worker.commands.group.state import same_process
from worker.observability.metrics import STAGES

IDLE = "idle"
# Every other stage but these is processor work on the records themselves.
KAFKA_STAGES = ("poll", "produce", "commit")
REDIS_STAGES = ("cache",)
# What a batch costs, however many records it has.
BATCH_STAGES = ("poll", "commit")
CPU_STAGES = tuple(stage for stage in STAGES if stage not in (IDLE, *KAFKA_STAGES, *REDIS_STAGES))


@dataclass(frozen=True, slots=True)
class Rates:
    """One worker between two answers.

    `shares` are shares (0 to 1) of that time by stage; what is missing to 1 went to none of them. `cores` is the
    processor time of the process, all its threads, a second of that time; None where the system does not tell.
    """

    seconds: float
    records_per_second: float
    shares: Mapping[str, float]
    cores: float | None = None
    batch_records: float = 0.0  # mean records in a batch
    full_batch_records: float = 0.0  # the largest batch since it started, at most
    redone: int = 0  # batches that were refused or expired
    cache_errors: int = 0
    kafka_answers: bool = True

    @property
    def idle(self) -> float:
        """Share of the time that it waited for records."""
        return self.shares.get(IDLE, 0.0)

    @property
    def busy(self) -> float:
        """Share of the time that it did not wait for records."""
        return 1.0 - self.idle

    @property
    def other(self) -> float:
        """Share of the time that went to no stage that ended: a step that hangs, a recovery, the work between."""
        return max(0.0, 1.0 - sum(self.shares.values()))

    @property
    def capacity(self) -> float:
        """Records a second that it would do at least if it never waited for records; 0 where it did none.

        Fetching and committing cost the same for a batch of any size, and batches grow with the load up to the
        largest that was seen. All else is taken to cost the same for each record; in truth it costs less in large
        batches, so from a lightly loaded worker this is too little rather than too much.
        """
        full = min(1.0, self.batch_records / self.full_batch_records) if self.full_batch_records else 1.0
        worked = self.busy - self.share_of(BATCH_STAGES) * (1.0 - full)
        return self.records_per_second / worked if worked > 0 else 0.0

    def share_of(self, stages: Sequence[str]) -> float:
        """What some stages take together."""
        return sum(self.shares.get(stage, 0.0) for stage in stages)


def rates_between(before: Scrape, after: Scrape) -> Rates | None:
    """What the worker did in between; None when it started anew, or nothing lies in between."""
    seconds = after.at - before.at
    if seconds <= 0 or not same_process(before, after):
        return None
    spent = {stage: max(0.0, _stage_seconds(after, stage) - _stage_seconds(before, stage)) for stage in STAGES}
    batches = _grown(before, after, "sentiment_batch_records_count")
    # A stage counts when it ends: one that began before the first answer makes the sum a little longer than the time.
    whole = max(seconds, sum(spent.values()))
    return Rates(
        seconds=seconds,
        records_per_second=_grown(before, after, "sentiment_records_consumed_total") / seconds,
        shares={stage: share / whole for stage, share in spent.items()},
        cores=_cores(before, after, seconds),
        batch_records=_grown(before, after, "sentiment_batch_records_sum") / max(1.0, batches),
        full_batch_records=_largest_batch(after),
        redone=int(sum(_transactions(after, each) - _transactions(before, each) for each in ("refused", "expired"))),
        cache_errors=int(_grown(before, after, "sentiment_cache_errors_total")),
        kafka_answers=after.value("sentiment_kafka_up") != 0,
    )


def partition_rates(before: Scrape, after: Scrape) -> Mapping[int, float] | None:
    """Records a second that one worker did in between of each partition of which it ever did one.

    None where it does not tell, or started anew.
    """
    seconds, name = after.at - before.at, "sentiment_partition_records_total"
    if seconds <= 0 or not same_process(before, after) or name not in after.samples:
        return None
    earlier = by_partition(before, name)
    return {
        number: max(0.0, count - earlier.get(number, 0.0)) / seconds
        for number, count in by_partition(after, name).items()
    }


class Observations:
    """The group's answers of the last `over_seconds`: what an answer is compared with.

    A longer time steadies the figures, for workers renew their lags once a second only.
    """

    def __init__(self, over_seconds: float) -> None:
        self._over_seconds = over_seconds
        self._looks: deque[dict[str, Scrape]] = deque()

    def add(self, answers: Sequence[Answer]) -> None:
        """Keep a further look at all workers; looks that are no longer needed are forgotten."""
        found = {answer.address: answer for answer in answers if isinstance(answer, Scrape)}
        if not found:
            return
        self._looks.append(found)
        now = _at(found)
        # The one before the oldest that is young enough stays, so that the time is never shorter than was asked for.
        while len(self._looks) > 2 and _at(self._looks[1]) <= now - self._over_seconds:
            self._looks.popleft()

    def before(self, answer: Scrape) -> Scrape | None:
        """The oldest kept answer of the same process."""
        earlier = (observation[answer.address] for observation in self._looks if answer.address in observation)
        return next((each for each in earlier if each.at < answer.at and same_process(each, answer)), None)

    def lag_before(self, partition: int) -> tuple[float, int] | None:
        """When (seconds, monotonic) and what was left on a partition in the oldest kept look that knows it."""
        for observation in self._looks:
            lags = (
                (answer.at, by_partition(answer, "sentiment_consumer_lag_records")) for answer in observation.values()
            )
            known = [(at, int(remaining[partition])) for at, remaining in lags if partition in remaining]
            if known:
                return max(known)
        return None


def by_partition(answer: Scrape, name: str) -> dict[int, float]:
    """The values of a metric by partition, as far as the worker has them."""
    return {
        int(number): value for labels, value in answer.of(name) if (number := labels.get("partition", "")).isdecimal()
    }


def _at(observation: Mapping[str, Scrape]) -> float:
    return max(answer.at for answer in observation.values())


def _cores(before: Scrape, after: Scrape, seconds: float) -> float | None:
    name = "process_cpu_seconds_total"
    return _grown(before, after, name) / seconds if before.value(name) is not None else None


def _grown(before: Scrape, after: Scrape, name: str) -> float:
    return max(0.0, (after.value(name) or 0.0) - (before.value(name) or 0.0))


def _stage_seconds(answer: Scrape, stage: str) -> float:
    return _labelled(answer, "sentiment_stage_duration_seconds_sum", {"stage": stage})


def _largest_batch(answer: Scrape) -> float:
    """The bound of the highest bucket with a batch in it; the highest bound where one was larger than all."""
    buckets = sorted(
        (float(labels.get("le", "inf")), count) for labels, count in answer.of("sentiment_batch_records_bucket")
    )
    if not buckets or not buckets[-1][1]:
        return 0.0
    bound = next(bound for bound, count in buckets if count == buckets[-1][1])
    return bound if math.isfinite(bound) else buckets[-2][0]


def _transactions(answer: Scrape, outcome: str) -> float:
    return _labelled(answer, "sentiment_transactions_total", {"outcome": outcome})


def _labelled(answer: Scrape, name: str, labels: Mapping[str, str]) -> float:
    return sum(value for each, value in answer.of(name) if each == labels)
