"""A check of a group that did everything right, for tests to spoil in one way each."""

from collections.abc import Sequence
from dataclasses import replace

from worker.commands.rolling_check.checker import Seen, Sent
from worker.commands.rolling_check.observations import (
    AFTER,
    BEFORE,
    RESTARTS,
    UPDATE,
    Arrival,
    Observations,
    Phase,
    Versions,
)
from worker.commands.rolling_check.verdict import Limits

LIMITS = Limits(pause=2.0, swap_pause=0.25, p99=0.25)
STARTED = 1_000.0
PHASE_SECONDS = 10.0
LATENCY_SECONDS = 0.02
PARTITIONS = 2
NAMES = (BEFORE, UPDATE, RESTARTS, AFTER)


def good() -> Observations:
    """Ten reviews a second, four phases of ten seconds, every answer after 20 ms; version 2 from second 15 on."""
    sent, stored, arrivals = {}, [], []
    for number in range(400):
        review_id, key, location = f"r{number}", f"k{number % 4}".encode(), (number % PARTITIONS, number // PARTITIONS)
        sent[review_id] = STARTED + number / 10
        stored.append(Sent(review_id, key, *location))
        seen = Seen("sentiments", *location, key, id=review_id, version=1 if number < 150 else 2)
        arrivals.append(Arrival(seen, sent[review_id] + LATENCY_SECONDS))
    begins = [STARTED + PHASE_SECONDS * number for number in range(len(NAMES))]
    phases = [Phase(name, at, at + PHASE_SECONDS) for name, at in zip(NAMES, begins, strict=True)]
    return Observations(phases, Versions(1, 2), sent, stored, arrivals)


def later(observations: Observations, ids: Sequence[str], seconds: float) -> Observations:
    """The same with the sentiments of these reviews so much later."""
    wanted = {*ids}
    arrivals = [each._replace(at=each.at + seconds * (each.seen.id in wanted)) for each in observations.arrivals]
    return replace(observations, arrivals=arrivals)


def stood_still(
    observations: Observations, begin: float, end: float, partitions: Sequence[int] = (0, 1)
) -> Observations:
    """The same where what these partitions should have brought between two seconds all came at the second one."""
    first, last = STARTED + begin, STARTED + end
    arrivals = [
        each._replace(at=last) if each.seen.partition in partitions and first < each.at < last else each
        for each in observations.arrivals
    ]
    return replace(observations, arrivals=arrivals)


def with_version(observations: Observations, review_id: str, version: int) -> Observations:
    """The same with one review scored by another version."""
    arrivals = [
        each._replace(seen=each.seen._replace(version=version)) if each.seen.id == review_id else each
        for each in observations.arrivals
    ]
    return replace(observations, arrivals=arrivals)


def without(observations: Observations, review_id: str) -> Observations:
    """The same with one review never answered."""
    return replace(observations, arrivals=[each for each in observations.arrivals if each.seen.id != review_id])
