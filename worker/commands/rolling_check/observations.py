"""What one check saw: phases, events, what was sent, what came and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from worker.commands.rolling_check.checker import Seen, Sent

WARM_UP, BEFORE, UPDATE, RESTARTS, AFTER = "warm-up", "before", "update", "restarts", "after"


class Phase(NamedTuple):
    """A stretch of the check; a review belongs to the phase in which it was sent. Times as in `Observations`."""

    name: str
    begins: float
    ends: float


class Event(NamedTuple):
    """Something that was done to the group, for the report and the picture."""

    at: float
    text: str


class Arrival(NamedTuple):
    """A sentiment, and when it came."""

    seen: Seen
    at: float


class Versions(NamedTuple):
    """The update: from which version to which, and which others may score too (a canary's)."""

    old: int
    new: int
    others: frozenset[int] = frozenset()

    @property
    def changes(self) -> bool:
        """Whether there is an update at all."""
        return self.old != self.new


@dataclass(frozen=True)
class Observations:
    """One check. All times are seconds of one clock, that of the process which sends and watches.

    `sent` is when each review was handed to Kafka, by its id; every one of them was confirmed. `stored` is what the
    input topic has of them. `reasons` are sentences about what was done to the group and did not go as it should.
    `taken_back` is whether the update did not come through and was undone on the way.
    """

    phases: Sequence[Phase]
    versions: Versions
    sent: Mapping[str, float]
    stored: Sequence[Sent]
    arrivals: Sequence[Arrival]
    dead_letters: Sequence[Seen] = ()
    events: Sequence[Event] = ()
    reasons: Sequence[str] = field(default_factory=tuple)
    taken_back: bool = False

    @property
    def began(self) -> float:
        """The zero of reports and pictures: when the first phase began."""
        return self.phases[0].begins

    def phase_at(self, at: float) -> str:
        """The phase of that moment; what lies after the last one counts to that."""
        return next((phase.name for phase in reversed(self.phases) if phase.begins <= at), self.phases[0].name)

    def first_arrivals(self) -> dict[str, Arrival]:
        """The first sentiment of each review that was sent."""
        first: dict[str, Arrival] = {}
        for arrival in self.arrivals:
            if arrival.seen.id is not None and arrival.seen.id in self.sent:
                first.setdefault(arrival.seen.id, arrival)
        return first
