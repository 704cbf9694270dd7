"""What limits a worker and a group: the rule, on shares of time and lags.

A worker that keeps up and has time to spare is limited by its input. Any other is limited by what takes most of its
time: the processor (decode, tokenize, infer, serialize), Kafka (poll, produce, commit, and idling while records are
left to read, for then it waits for Kafka to hand them over) or Redis (cache). Time in Kafka's stages that the process
spent on a core is the client's own work, so a process that fills a core is limited by the processor all the same.

A group is limited by its partitions where workers that are behind and fully busy cannot be helped: others have nothing
to do meanwhile, or each has but one partition and fills its core. Otherwise it is limited by what limits most of those
that are behind, counted by what they have left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from worker.commands.top.capacity import CAUGHT_UP_SECONDS
from worker.commands.top.rates import CPU_STAGES, KAFKA_STAGES, REDIS_STAGES, Rates

Limit = Literal["input", "CPU", "partitions", "Kafka", "Redis", "unclear"]

# A worker that waits for records for less than this share of its time has none to spare.
SPARE_RATIO = 0.1
# One that waits for records for more than this share of its time, though some are left to read, does not work on them.
WAITING_RATIO = 0.5
# The loop of a worker runs on one core: above this share of one it is the processor that it waits for.
FULL_CORE = 0.85
# Of the time in the processor's stages, a process that is given less than this share of it must share its core.
STARVED_RATIO = 0.7
# More of the time than this in no stage that ended means that something hangs or is done again.
UNCLEAR_RATIO = 0.5
# A partition with more than this share of what is left is a hot one.
HOT_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What limits, and the figures that say so, as the rest of a sentence."""

    limit: Limit
    reason: str


@dataclass(frozen=True, slots=True)
class Member:
    """A worker as the group's rule sees it: `lags` by partition; `rates` and `finding` are about the same time."""

    lags: Mapping[int, int]
    rates: Rates | None
    finding: Finding

    @property
    def lag(self) -> int:
        return sum(self.lags.values())

    @property
    def behind(self) -> bool:
        """Whether it does not keep up."""
        return not keeps_up(self.rates, self.lag)

    @property
    def full(self) -> bool:
        """Whether it works rather than waits, on what is known to take its time."""
        return self.rates is not None and self.rates.idle < WAITING_RATIO and self.finding.limit != "unclear"


def keeps_up(rates: Rates | None, lag: int) -> bool:
    """Whether what is left is no more than what the worker does in a second, and it has looked lately what is left."""
    return not stands_still(rates) and lag <= (rates.records_per_second if rates else 0.0) * CAUGHT_UP_SECONDS


def stands_still(rates: Rates | None) -> bool:
    """Whether its loop hardly turned: Kafka is away, a step hangs, it recovers. Its lags are then those of before."""
    return rates is not None and (not rates.kafka_answers or rates.other > UNCLEAR_RATIO)


def limit_of_worker(rates: Rates | None, lag: int, partitions: int) -> Finding:
    """What limits one worker that has so many partitions and so many records left to read on them."""
    if not partitions:
        return Finding("partitions", "has no partition to read")
    if rates is None:
        return Finding("unclear", "was asked only once since it started")
    if not rates.kafka_answers:
        return Finding("Kafka", "no Kafka server answers it")
    if stands_still(rates):
        what = f"no step came to an end for {rates.other:.0%} of the time"
        if rates.redone:
            return Finding("Kafka", f"{what}, and batches were done again: {rates.redone}")
        return Finding("unclear", f"{what}: its log says what it waits for")
    if keeps_up(rates, lag) and rates.idle >= SPARE_RATIO:
        return Finding("input", f"keeps up and waits for records {rates.idle:.0%} of the time")
    return _busiest(rates, waits_for_kafka=not keeps_up(rates, lag))


def _busiest(rates: Rates, waits_for_kafka: bool) -> Finding:
    kafka = rates.share_of(KAFKA_STAGES) + (rates.idle if waits_for_kafka else 0.0)
    cpu, redis = rates.share_of(CPU_STAGES), rates.share_of(REDIS_STAGES)
    if redis > max(cpu, kafka):
        return Finding("Redis", f"writing to the cache takes {redis:.0%} of the time")
    if kafka <= cpu:
        return Finding("CPU", f"decoding, scoring and encoding take {cpu:.0%} of the time{_starved(rates, cpu)}")
    if rates.cores is not None and rates.cores >= FULL_CORE:
        return Finding("CPU", f"it fills {rates.cores:.2f} cores, and its Kafka client takes {kafka:.0%} of the time")
    if waits_for_kafka and rates.idle >= rates.share_of(KAFKA_STAGES):
        return Finding("Kafka", f"records are left to read and are waited for {rates.idle:.0%} of the time")
    return Finding("Kafka", f"poll, produce and commit take {rates.share_of(KAFKA_STAGES):.0%} of the time")


def _starved(rates: Rates, cpu: float) -> str:
    if rates.cores is None or rates.cores >= STARVED_RATIO * cpu:
        return ""
    return f", yet it gets only {rates.cores:.2f} of a core: others or a limit take the rest"


def limit_of_group(members: Sequence[Member]) -> Finding:
    """What limits a group, by the workers that answer; see the top of this file for the rule."""
    reading = [each for each in members if each.lags]
    if not members:
        return Finding("unclear", "no worker answers")
    if not reading:
        return Finding("unclear", "no worker has a partition yet")
    behind = [each for each in reading if each.behind]
    if not behind:
        return _keeps_up(reading)
    if all(each.rates is None for each in reading):
        return Finding("unclear", "rates are known from the second look on")
    partitions = len({number for each in reading for number in each.lags})
    return _by_partitions(members, behind, partitions) or _by_most(behind)


def _keeps_up(reading: Sequence[Member]) -> Finding:
    paces = [each.rates for each in reading if each.rates is not None]
    if not paces:
        return Finding("unclear", "rates are known from the second look on")
    if all(each.finding.limit == "input" for each in reading):
        idle = sum(rates.idle for rates in paces) / len(paces)
        return Finding("input", f"all keep up and wait for records {idle:.0%} of the time")
    tight = [each for each in reading if each.finding.limit not in ("input", "unclear")]
    if not tight:
        return Finding("input", "all keep up")
    if len(tight) == len(reading):
        limits = Counter(each.finding.limit for each in tight)
        return Finding(limits.most_common(1)[0][0], "all keep up, but none has time to spare")
    some = _have(len(tight), len(reading))
    return Finding("input", f"all keep up, but {some} no time to spare ({_limits(tight)})")


def _by_partitions(members: Sequence[Member], behind: Sequence[Member], partitions: int) -> Finding | None:
    full = [each for each in behind if each.full]
    spare = [each for each in members if each.finding.limit in ("input", "partitions")]
    if full and spare and any(each.lag for each in members):
        number, share = _hottest(members)
        what = f"{_have(len(full), len(members))} more to do than time"
        if share > HOT_RATIO and partitions > 1:
            what = f"partition {number} has {share:.0%} of all that is left"
        return Finding("partitions", f"{what}, while {_have(len(spare), len(members))} time to spare")
    if len(full) == len(members) == partitions and all(each.finding.limit == "CPU" for each in full):
        what = f"{partitions} partitions, each with a worker that fills its core" if partitions > 1 else "there is one"
        return Finding("partitions", f"{what}: more workers need more partitions")
    return None


def _by_most(behind: Sequence[Member]) -> Finding:
    remaining: Counter[Limit] = Counter()
    for each in behind:
        remaining[each.finding.limit] += each.lag
    [(limit, _)] = remaining.most_common(1)
    alike = [each for each in behind if each.finding.limit == limit]
    worst = max(alike, key=lambda each: each.lag).finding
    if len(behind) == 1:
        return worst
    return Finding(limit, f"{worst.reason} ({len(alike)} of {len(behind)} workers that do not keep up)")


def _hottest(members: Sequence[Member]) -> tuple[int, float]:
    lags = {number: remaining for each in members for number, remaining in each.lags.items()}
    number = max(lags, key=lambda each: lags[each])
    return number, lags[number] / sum(lags.values())


def _limits(members: Sequence[Member]) -> str:
    return ", ".join(sorted({each.finding.limit for each in members}))


def _have(some: int, all_of_them: int) -> str:
    return f"{some} of {all_of_them} workers {'has' if some == 1 else 'have'}"
