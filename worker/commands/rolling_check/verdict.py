"""The judge of a rolling check: what was sent against what came, and which limits were passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from worker.commands.rolling_check.checker import Verdict, check
from worker.commands.rolling_check.observations import BEFORE, RESTARTS, UPDATE, WARM_UP, Event, Observations
from worker.commands.rolling_check.statistics import (
    PhaseStatistics,
    VersionStatistics,
    mixed_seconds,
    phase_statistics,
    version_statistics,
)


class Limits(NamedTuple):
    """What no phase but the warm-up may pass; seconds. Lost, duplicated and reordered reviews: never any."""

    pause: float
    swap_pause: float
    p99: float

    def pause_of(self, phase: str) -> float:
        """An update is to be hardly noticed; a restart hands partitions over."""
        return self.swap_pause if phase == UPDATE else self.pause


@dataclass(frozen=True)
class Report:
    """The whole verdict; `problems` are sentences, none of them for a group that passed; `notes` what else to know.

    `mixed_seconds` is how long the old version still answered after the new one had begun to. Times of versions and
    events are seconds since the check began.
    """

    phases: tuple[PhaseStatistics, ...]
    versions: tuple[VersionStatistics, ...]
    mixed_seconds: float
    events: tuple[Event, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no limit was passed."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        events = [{"seconds": round(event.at, 3), "event": event.text} for event in self.events]
        return {"passed": self.passed, **asdict(self), "events": events}


def evaluate(observations: Observations, limits: Limits) -> Report:
    """Compare what was sent with what came. Raises ValueError where an id was sent twice."""
    came = [*(arrival.seen for arrival in observations.arrivals), *observations.dead_letters]
    versions = observations.versions
    verdict = check(observations.stored, came, {versions.old, versions.new, *versions.others})
    stored = {sent.id for sent in observations.stored}
    lost = (*verdict.lost, *(review_id for review_id in observations.sent if review_id not in stored))
    phases = tuple(phase_statistics(observations, verdict, lost))
    seen = tuple(version_statistics(observations))
    problems = (
        *observations.reasons,
        *_wrong_delivery(observations, verdict, lost),
        *_wrong_versions(observations, verdict, seen),
        *_passed_limits(phases, limits),
    )
    events = tuple(Event(event.at - observations.began, event.text) for event in observations.events)
    return Report(phases, seen, mixed_seconds(observations, seen), events, problems, tuple(_notes(phases, limits)))


def _wrong_delivery(observations: Observations, verdict: Verdict, lost: Sequence[str]) -> Iterator[str]:
    if not observations.arrivals:
        yield "No sentiment came at all."
    found = {
        "lost": len(lost),
        "answered more than once": len(verdict.duplicated),
        "answered out of the order of their key": len(verdict.reordered),
        "answered though never sent, or under another key": len(verdict.unexpected),
        "dead-lettered": len({dead_letter.source for dead_letter in observations.dead_letters}),
    }
    for text, count in found.items():
        if count:
            yield f"Reviews {text}: {count:,}."


def _wrong_versions(observations: Observations, verdict: Verdict, seen: Iterable[VersionStatistics]) -> Iterator[str]:
    old, new, others = observations.versions
    if verdict.wrong_version:
        strange = [statistics.version for statistics in seen if statistics.version not in {old, new, *others}]
        names = ", ".join(f"version {version}" if version else "another model" for version in strange)
        yield f"Reviews scored by what is not in use: {len(verdict.wrong_version):,} ({names})."
    updated = next((phase.ends for phase in observations.phases if phase.name == UPDATE), None)
    if observations.versions.changes and updated is not None and not observations.taken_back:
        first = observations.first_arrivals().items()
        stale = sum(arrival.seen.version == old and observations.sent[each] > updated for each, arrival in first)
        if stale:
            yield f"Reviews sent after the update and still scored by version {old}: {stale:,}."


def _passed_limits(phases: Iterable[PhaseStatistics], limits: Limits) -> Iterator[str]:
    for phase in phases:
        if phase.name == WARM_UP:
            continue
        allowed, pause, p99 = limits.pause_of(phase.name), phase.pause_seconds or 0.0, phase.p99_seconds or 0.0
        if pause > allowed:
            yield f"A partition stood still for {pause:.3f} s in the phase {phase.name!r}, longer than {allowed:g} s."
        if phase.name != RESTARTS and p99 > limits.p99:
            yield f"p99 was {p99:.3f} s in the phase {phase.name!r}, more than {limits.p99:g} s."


def _notes(phases: Iterable[PhaseStatistics], limits: Limits) -> Iterator[str]:
    if any(_passed_limits((phase for phase in phases if phase.name == BEFORE), limits)):
        yield (
            "The phase 'before' passed a limit already: the machine or the group was too slow or too busy before "
            "anything was changed, so the limits that were passed say nothing about the update or the restarts."
        )
