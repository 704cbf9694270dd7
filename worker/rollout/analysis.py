"""The written rule by which a canary is promoted or rolled back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from statistics import NormalDist
from typing import Any

from worker.rollout.stats import CanaryStats

PROMOTE, ROLL_BACK, WAIT = "promote", "roll_back", "wait"
# A share over its limit counts against a canary once chance would explain it in less than 1 of 1,000 cases, for the
# rule looks again and again, ...
_CHANCE = 0.001
# ... and so many records were seen; fewer say nothing about processor time and coverage either.
_FEWEST = 100
# Beyond, a chance that is shared out among all choices of classes is too small for a float.
_MOST_CLASSES = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a canary has to show; shares from 0 to 1. It is promoted after `records` and `seconds` within all limits.

    `failures`: records that it could not score. `differences`: records that the stable version gives another
    sentiment. `mix_change`: half the sum of the differences between both versions' class shares on the same records; 1
    does without them.
    `coverage_loss`: how much less of the texts it knows. `slowdown`: its processor time by that of the stable version.
    """

    records: int = 1_000
    seconds: float = 600.0
    failures: float = 0.001
    differences: float = 0.2
    mix_change: float = 0.1
    coverage_loss: float = 0.05
    slowdown: float = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, why, and the figures that it was made from."""

    decision: str
    stable: int
    canary: int
    since: str
    reasons: list[str]
    figures: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def judge(stats: CanaryStats, limits: Limits, now_ms: int) -> Verdict:
    """Roll back for a limit that is surely passed; promote when all are kept for long enough; otherwise wait."""
    figures = measure(stats, now_ms)
    verdict = stats.experiment
    if stats.load_failure:
        reason = f"a worker cannot use it: {stats.load_failure}"
        return Verdict(ROLL_BACK, *verdict, [reason], figures, asdict(limits))
    violations = list(_violations(stats, figures, limits))
    if sure := [reason for reason, is_sure in violations if is_sure]:
        return Verdict(ROLL_BACK, *verdict, sure, figures, asdict(limits))
    missing = [reason for reason, _ in violations]
    if figures["compared"] < limits.records:
        missing.append(f"{stats.compared:,} of {limits.records:,} records were compared")
    if figures["seconds"] < limits.seconds:
        missing.append(f"it has served for {figures['seconds']:,.0f} of {limits.seconds:,.0f} s")
    if missing:
        return Verdict(WAIT, *verdict, missing, figures, asdict(limits))
    kept = f"all limits are kept after {stats.compared:,} compared records and {figures['seconds']:,.0f} s"
    return Verdict(PROMOTE, *verdict, [kept], figures, asdict(limits))


def measure(stats: CanaryStats, now_ms: int) -> dict[str, float]:
    """The figures that the limits are about, with how many records they stand on."""
    compared = max(1, stats.compared)
    known, known_before = stats.canary_coverage / compared, stats.stable_coverage / compared
    figures = {
        "served": stats.served,
        "compared": stats.compared,
        "seconds": max(0.0, now_ms - stats.first) / 1000,
        "failures": stats.failed / max(1, stats.served),
        "differences": stats.differed / compared,
        "mix_change": _moved(stats) / compared,
        "coverage_loss": known_before - known,
        "slowdown": stats.canary_seconds / stats.stable_seconds if stats.stable_seconds else 0.0,
    }
    return {name: round(value, 6) for name, value in figures.items()}


def _violations(stats: CanaryStats, figures: dict[str, float], limits: Limits) -> Iterator[tuple[str, bool]]:
    """What speaks against a canary, and whether that is beyond chance."""
    enough = stats.compared >= _FEWEST
    if figures["failures"] > limits.failures:
        sure = stats.served >= _FEWEST and surely_above(stats.failed, stats.served, limits.failures)
        yield f"it could not score {stats.failed:,} of {stats.served:,} records", sure
    if figures["differences"] > limits.differences:
        sure = enough and surely_above(stats.differed, stats.compared, limits.differences)
        yield f"{figures['differences']:.1%} of its sentiments differ (limit {limits.differences:.1%})", sure
    unknown = stats.compared - sum(stats.canary_classes.values())
    if unknown and limits.mix_change < 1:
        yield f"the classes of {unknown:,} compared records are too many to be kept: its mix is not known", False
    elif figures["mix_change"] > limits.mix_change:
        sure = enough and mix_surely_changed(stats, limits.mix_change)
        yield f"its class mix differs by {figures['mix_change']:.1%} (limit {limits.mix_change:.1%})", sure
    if figures["coverage_loss"] > limits.coverage_loss:
        yield f"it knows {figures['coverage_loss']:.1%} less of the texts (limit {limits.coverage_loss:.1%})", enough
    if figures["slowdown"] > limits.slowdown:
        yield f"it takes {figures['slowdown']:.2f} times as long (limit {limits.slowdown:g})", enough


def mix_surely_changed(stats: CanaryStats, limit: float) -> bool:
    """Whether so large a change of mix would come by chance, at the limit, in less than 1 of 1,000 cases.

    McNemar's test, against the limit in place of 0: of the same records only those with two different sentiments say
    anything. Which classes have grown is seen only afterwards, so the chance is shared out among all choices of them.
    """
    moved, choices = _moved(stats), 2.0 ** min(len(_classes(stats)) - 1, _MOST_CLASSES)
    # Each record moves by -1, 0 or 1 into the classes that have grown, and only those that differ can move.
    deviation = math.sqrt(max(0.0, stats.differed - moved**2 / stats.compared))
    return moved - limit * stats.compared > -NormalDist().inv_cdf(_CHANCE / choices) * deviation


def _moved(stats: CanaryStats) -> float:
    """How many records more the canary puts into the classes that it chooses more often than the stable version."""
    changes = (stats.canary_classes.get(n, 0) - stats.stable_classes.get(n, 0) for n in _classes(stats))
    return sum(map(abs, changes)) / 2


def _classes(stats: CanaryStats) -> set[str]:
    return {*stats.stable_classes, *stats.canary_classes}


def surely_above(count: int, of: int, limit: float) -> bool:
    """Whether so large a share would come by chance, at the limit, in less than 1 of 1,000 cases (binomial test)."""
    if count <= limit * of:
        return False
    if limit <= 0:
        return True
    logs = math.log(limit), math.log1p(-limit)
    # From `count` on, each term is smaller than the one before.
    term = math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
    term += count * logs[0] + (of - count) * logs[1]
    tail, chance = 0.0, math.exp(term)
    for hits in range(count, of + 1):
        tail += chance
        if tail >= _CHANCE or chance < tail * 1e-9 or not chance:
            break
        chance *= (of - hits) / (hits + 1) * limit / (1 - limit)
    return tail < _CHANCE
