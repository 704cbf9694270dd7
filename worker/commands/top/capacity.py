"""How long until all is read, and how many workers it takes: arithmetic on lags and rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

HEADROOM_RATIO = 0.25
# Less than what is done in so many seconds is a batch in hand, not a backlog.
CAUGHT_UP_SECONDS = 1.0

Phases = Literal["caught up", "draining", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Drain:
    """When nothing will be left if all goes on as now; `seconds` only while it drains (0 when caught up)."""

    course: Phases
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What the workers are to be enough for.

    `headroom` is the share of their time that is to stay free (0 to 1) in the long run; `drain_seconds` is how soon
    what is left is to be read, without headroom meanwhile; None: no matter when.
    """

    headroom: float
    drain_seconds: float | None = None


def drain(remaining: int, change_per_second: float | None, records_per_second: float | None) -> Drain:
    """Lag / (rate of processing - rate of arrival), the difference being by how much the lag falls a second.

    `remaining` counts the records left to read, `change_per_second` by how much that grows (negative: falls); None: not
    known. Whoever has less left than is done in a second is caught up, whatever the lag does at the moment.
    """
    if remaining <= (records_per_second or 0.0) * CAUGHT_UP_SECONDS:
        return Drain("caught up", 0.0)
    if change_per_second is None:
        return Drain("unknown")
    return Drain("draining", remaining / -change_per_second) if change_per_second < 0 else Drain("never")


def arrival(records_per_second: float | None, change_per_second: float | None) -> float | None:
    """Records that come a second: what is done, and what is added to the lag. None while either is not known."""
    if records_per_second is None or change_per_second is None:
        return None
    # A lag is up to a second old, which can make a little less than nothing of it.
    return max(0.0, records_per_second + change_per_second)


def workers_needed(arriving: float | None, remaining: int, per_worker: float | None, target: Target) -> int | None:
    """How many workers keep up with what arrives, and drain what is left in time; None while a rate is not known.

    `per_worker` is the rate that one reaches when it never waits. At least one, for somebody must look.
    """
    if arriving is None or not per_worker:
        return None
    needed = math.ceil(arriving / (per_worker * (1.0 - target.headroom)))
    if target.drain_seconds is not None:
        needed = max(needed, math.ceil((arriving + remaining / target.drain_seconds) / per_worker))
    return max(1, needed)
