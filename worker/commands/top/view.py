"""What `top` shows: the group, its workers and partitions, and the limit of each; as objects and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.commands.group.scrape import Answer, Scrape, Unreachable
from worker.commands.group.state import WorkerState, agreement, state_of
from worker.commands.top.bottleneck import Finding, Member, keeps_up, limit_of_group, limit_of_worker, stands_still
from worker.commands.top.capacity import Drain, Target, arrival, drain, workers_needed
from worker.commands.top.rates import Observations, Rates, by_partition, partition_rates, rates_between
from worker.observability.metrics import STAGES

# A worker that worked less than this share of the time does not show how fast it can be.
_TELLING_BUSY_RATIO = 0.02


@dataclass(frozen=True, slots=True)
class PartitionView:
    """A partition; `age_seconds` is how old the last committed record is. Rates are records a second."""

    number: int
    worker: str
    lag: int
    age_seconds: float
    records_per_second: float | None  # what its worker did of it
    change_per_second: float | None  # by how much its lag grows
    drain: Drain


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker that answers; `rates` is None until it has answered twice since it started."""

    state: WorkerState
    rates: Rates | None
    finding: Finding
    change_per_second: float | None
    drain: Drain

    @property
    def lag(self) -> int:
        return sum(self.state.lags.values())


@dataclass(frozen=True, slots=True)
class GroupView:
    """The group, worst first. Rates are records a second of all workers that answer; None while not known."""

    workers: Sequence[WorkerView]
    silent: Sequence[Unreachable]
    partitions: Sequence[PartitionView]
    finding: Finding
    agree: bool
    versions: str  # whether all agree on a version, as `status` says it
    records_per_second: float | None
    arriving_per_second: float | None
    change_per_second: float | None
    per_worker: float | None  # what one worker does when it never waits, at least
    drain: Drain
    needed: int | None
    target: Target

    @property
    def lag(self) -> int:
        return sum(each.lag for each in self.partitions)

    @property
    def oldest_seconds(self) -> float:
        """The largest lag in seconds of any partition."""
        return max((each.age_seconds for each in self.partitions), default=0.0)

    @property
    def per_core(self) -> float | None:
        """Records that a second of processor time does; None where the system does not tell, or none were done."""
        paces = [each.rates for each in self.workers if each.rates is not None]
        cores = sum(rates.cores or 0.0 for rates in paces)
        return (sum(rates.records_per_second for rates in paces) / cores or None) if cores else None

    @property
    def rates(self) -> Rates | None:
        """The mean worker: shares and cores are means of all that answer."""
        paces = [each.rates for each in self.workers if each.rates is not None]
        if not paces:
            return None
        cores = [rates.cores for rates in paces if rates.cores is not None]
        return Rates(
            seconds=max(rates.seconds for rates in paces),
            records_per_second=sum(rates.records_per_second for rates in paces) / len(paces),
            shares={stage: sum(rates.shares.get(stage, 0.0) for rates in paces) / len(paces) for stage in STAGES},
            cores=sum(cores) / len(cores) if cores else None,
            redone=sum(rates.redone for rates in paces),
            cache_errors=sum(rates.cache_errors for rates in paces),
        )


def view(answers: Sequence[Answer], observations: Observations, target: Target) -> GroupView:
    """What answers mean beside earlier ones; `observations` holds both."""
    states = [
        state_of(answer, observations.before(answer) if isinstance(answer, Scrape) else None) for answer in answers
    ]
    scrapes = {answer.address: answer for answer in answers if isinstance(answer, Scrape)}
    pairs = [(state, scrapes[state.address]) for state in states if isinstance(state, WorkerState)]
    partitions = _partitions(pairs, observations)
    workers = [_worker(state, scrape, partitions, observations) for state, scrape in pairs]
    rate = _total([each.rates.records_per_second if each.rates else None for each in workers])
    change = _total([each.change_per_second for each in partitions]) if partitions else None
    remaining, arriving, per_worker = sum(each.lag for each in partitions), arrival(rate, change), _per_worker(workers)
    still = any(stands_still(each.rates) for each in workers)
    agree, versions = agreement(states)
    return GroupView(
        workers=sorted(workers, key=_worst_worker),
        silent=[state for state in states if isinstance(state, Unreachable)],
        partitions=sorted(partitions, key=lambda each: (-each.lag, each.number)),
        finding=limit_of_group([Member(each.state.lags, each.rates, each.finding) for each in workers]),
        agree=agree,
        versions=versions,
        records_per_second=rate,
        arriving_per_second=arriving,
        change_per_second=change,
        per_worker=per_worker,
        drain=Drain("unknown") if still else drain(remaining, change, rate),
        needed=workers_needed(arriving, remaining, per_worker, target),
        target=target,
    )


def _worker(
    state: WorkerState, scrape: Scrape, partitions: Sequence[PartitionView], observations: Observations
) -> WorkerView:
    before = observations.before(scrape)
    rates = rates_between(before, scrape) if before else None
    own = [each for each in partitions if each.worker == state.address]
    remaining, change = sum(state.lags.values()), _total([each.change_per_second for each in own]) if own else None
    rate = rates.records_per_second if rates else None
    finding = limit_of_worker(rates, remaining, len(state.lags))
    if state.main is None:
        finding = Finding("unclear", "has no model")
    course = Drain("unknown") if stands_still(rates) else drain(remaining, change, rate)
    return WorkerView(state, rates, finding, change, course)


def _partitions(pairs: Sequence[tuple[WorkerState, Scrape]], observations: Observations) -> list[PartitionView]:
    found: dict[int, PartitionView] = {}
    for state, scrape in pairs:
        ages, earlier = by_partition(scrape, "sentiment_consumer_lag_seconds"), observations.before(scrape)
        rates = partition_rates(earlier, scrape) if earlier else None
        for number, remaining in state.lags.items():
            at, before = observations.lag_before(number) or (scrape.at, remaining)
            change = (remaining - before) / (scrape.at - at) if scrape.at > at else None
            rate = rates.get(number, 0.0) if rates is not None else None
            course = drain(remaining, change, rate)
            seen = PartitionView(number, state.address, remaining, ages.get(number, 0.0), rate, change, course)
            # While it is handed over two workers may show it: what the one says that sees more left.
            found[number] = max(found.get(number, seen), seen, key=lambda each: each.lag)
    return list(found.values())


def _per_worker(workers: Sequence[WorkerView]) -> float | None:
    """The mean of those that had something to do; what one that is behind does is all that it can."""
    paces = [(each.rates, keeps_up(each.rates, each.lag)) for each in workers if each.rates is not None]
    telling = [(rates, up) for rates, up in paces if rates.busy >= _TELLING_BUSY_RATIO and not stands_still(rates)]
    reached = [each for rates, up in telling if (each := rates.capacity if up else rates.records_per_second) > 0]
    return sum(reached) / len(reached) if reached else None


def _worst_worker(each: WorkerView) -> tuple[bool, bool, int, str]:
    return each.state.alive, each.state.main is not None, -each.lag, each.state.address


def _total(values: Sequence[float | None]) -> float | None:
    """Their sum; None where there is none, or one is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def to_json(view: GroupView, at: str) -> dict[str, Any]:
    """One look as an object; `at` is its time. What is not known is null."""
    return {
        "at": at,
        "limit": _limit(view.finding),
        "agree": view.agree,
        "summary": view.versions,
        "lag": view.lag,
        "lag_seconds": view.oldest_seconds,
        "lag_change_per_second": view.change_per_second,
        "drain": _drain(view.drain),
        "records_per_second": view.records_per_second,
        "arriving_per_second": view.arriving_per_second,
        "busy_worker_records_per_second": view.per_worker,
        "records_per_cpu_second": view.per_core,
        "workers_needed": view.needed,
        "headroom_ratio": view.target.headroom,
        "drain_within_seconds": view.target.drain_seconds,
        "workers": [
            *({"address": each.address, "reachable": False, "problems": [each.reason]} for each in view.silent),
            *map(_worker_json, view.workers),
        ],
        "partitions": [_partition(each) for each in view.partitions],
    }


def _worker_json(worker: WorkerView) -> Mapping[str, Any]:
    """As `status` has it, and more."""
    return worker.state.to_json() | {
        "limit": _limit(worker.finding),
        "lag_change_per_second": worker.change_per_second,
        "drain": _drain(worker.drain),
        **_rates(worker.rates),
    }


def _rates(rates: Rates | None) -> Mapping[str, Any]:
    if rates is None:
        return {"seconds": None, "shares": None, "cores": None, "batches_redone": None, "cache_errors": None}
    return {
        "seconds": rates.seconds,
        "shares": {**rates.shares, "other": rates.other},
        "cores": rates.cores,
        "batches_redone": rates.redone,
        "cache_errors": rates.cache_errors,
    }


def _partition(partition: PartitionView) -> Mapping[str, Any]:
    return {
        "partition": partition.number,
        "worker": partition.worker,
        "lag": partition.lag,
        "lag_seconds": partition.age_seconds,
        "records_per_second": partition.records_per_second,
        "lag_change_per_second": partition.change_per_second,
        "drain": _drain(partition.drain),
    }


def _limit(finding: Finding) -> Mapping[str, str]:
    return {"by": finding.limit, "reason": finding.reason}


def _drain(drain: Drain) -> Mapping[str, Any]:
    return {"course": drain.course, "seconds": drain.seconds}
