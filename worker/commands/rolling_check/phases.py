"""The course of a check: warm-up, before, update, restarts, after; then wait for what is still on its way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import structlog

from worker.commands.common.progress import progress_bar, reported_regularly
from worker.commands.rolling_check.groups import Group
from worker.commands.rolling_check.load import Sender, Watcher
from worker.commands.rolling_check.observations import AFTER, BEFORE, RESTARTS, UPDATE, WARM_UP, Event, Phase
from worker.commands.rolling_check.update import Update
from worker.errors import StopWorker

_WARM_UP_SECONDS = 3.0
_WARM_UP_LIMIT_SECONDS = 60.0
# A phase begins so long before what is done in it: what was on its way at that moment belongs to it.
_LEAD_SECONDS = 0.25
# Without an older review unanswered, whatever was disturbed is over.
_SETTLED_SECONDS = 1.0
_SETTLE_LIMIT_SECONDS = 60.0
_TICK_SECONDS = 0.05

log = structlog.get_logger(__name__)


class Plan(NamedTuple):
    """How long each phase takes at least, how long an update may take, and how long silence means that is all."""

    seconds: float
    update_limit: float
    quiet_seconds: float


class Phases:
    """Goes through the phases while sender and watcher run. `phases`, `events` and `reasons` are as in `Observations`.

    Every method raises StopWorker when sender, watcher or group cannot go on.
    """

    def __init__(self, plan: Plan, sender: Sender, watcher: Watcher, group: Group, update: Update) -> None:
        self.phases: list[Phase] = []
        self.events: list[Event] = []
        self.reasons: list[str] = []
        self.phase = WARM_UP
        self._plan = plan
        self._sender = sender
        self._watcher = watcher
        self._group = group
        self._update = update
        self._show: Callable[[int, int | None], None] = lambda answered, sent: None

    def run(self) -> None:
        """All of it; the watcher has seen all that came when this returns."""
        with reported_regularly(self._tell):
            self._go_through()

    def _go_through(self) -> None:
        self._watcher.start()
        self._sender.start()
        self._warm_up()
        with self._phase(BEFORE):
            self._wait(self._plan.seconds)
        if self._update.versions.changes:
            with self._phase(UPDATE):
                self._change_model()
        if self._group.steps:
            with self._phase(RESTARTS):
                self._restart_all()
        with self._phase(AFTER):
            self._wait(self._plan.seconds)
        self._sender.stop()
        self._wait_for_the_rest()
        self._watcher.stop()

    def unanswered(self) -> int:
        """How many reviews were sent and have no sentiment yet."""
        return len(self._sender.sent) - len(self._watcher.answered)

    def _tell(self) -> None:
        log.info("checking", phase=self.phase, sent=len(self._sender.sent), unanswered=self.unanswered())

    def _warm_up(self) -> None:
        with self._phase(WARM_UP):
            self._wait(_WARM_UP_SECONDS)
            keys = set(self._sender.reviews.keys)
            if not self._wait(_WARM_UP_LIMIT_SECONDS, lambda: keys <= self._watcher.newest.keys() and self._settled()):
                raise StopWorker(
                    f"the group does not keep up with the reviews of the check: {self.unanswered():,} of "
                    f"{len(self._sender.sent):,} unanswered after {_WARM_UP_LIMIT_SECONDS:.0f} s"
                    if self._watcher.arrivals
                    else f"no sentiment came within {_WARM_UP_LIMIT_SECONDS:.0f} s: is a group of workers running on "
                    "these topics?"
                )

    def _change_model(self) -> None:
        began, new, keys = time.monotonic(), self._update.versions.new, self._sender.reviews.keys
        self._wait(_LEAD_SECONDS)
        self._note(self._update.summary())
        self._update.apply()

        def scored_by_new() -> int:
            return sum(self._watcher.newest.get(key) == new for key in keys)

        if self._wait(self._plan.update_limit, lambda: scored_by_new() == len(keys)):
            self._note(f"version {new} everywhere")
        else:
            self.reasons.append(
                f"Version {new} did not score every key within {self._plan.update_limit:g} s of the label's change: "
                f"{scored_by_new()} of {len(keys)} keys did."
            )
            self._take_back()
        self._wait(began + self._plan.seconds - time.monotonic())
        self._wait(_SETTLE_LIMIT_SECONDS, self._settled)

    def _take_back(self) -> None:
        """Before any worker is restarted: one that refuses the version could not start with it."""
        with suppress(StopWorker):  # then the label stands where it is said to stand at the end
            self._update.undo()
            self._note(f"label {self._update.label} taken back")

    def _restart_all(self) -> None:
        self._wait(_LEAD_SECONDS)
        for step in self._group.steps:
            self._note(f"restart {step}")
            reason = self._group.restart(step)
            if reason:
                self.reasons.append(reason)
            self._check()
        self._note("all restarted")
        # What comes in this time was sent while partitions were still moving.
        self._wait(_SETTLED_SECONDS)
        self._wait(_SETTLE_LIMIT_SECONDS, self._settled)

    def _wait_for_the_rest(self) -> None:
        known, heard_at = -1, time.monotonic()
        while self.unanswered() and time.monotonic() - heard_at < self._plan.quiet_seconds:
            if len(self._watcher.arrivals) > known:
                known, heard_at = len(self._watcher.arrivals), time.monotonic()
            self._wait(_TICK_SECONDS)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began, self.phase = time.monotonic(), name
        with progress_bar(f"{name}: answered") as self._show:
            yield
        self.phases.append(Phase(name, began, time.monotonic()))

    def _note(self, text: str) -> None:
        self.events.append(Event(time.monotonic(), text))

    def _settled(self) -> bool:
        oldest = self._sender.oldest_unanswered(self._watcher.answered)
        return oldest is None or time.monotonic() - oldest < _SETTLED_SECONDS

    def _wait(self, seconds: float, condition: Callable[[], bool] = lambda: False) -> bool:
        """Until the condition holds, or so long; whether it did."""
        until = time.monotonic() + seconds
        while not (fulfilled := condition()) and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _TICK_SECONDS))
            self._show(len(self._watcher.answered), len(self._sender.sent))
            self._check()
        return fulfilled

    def _check(self) -> None:
        for thread in (self._sender, self._watcher):
            if thread.error is not None:
                raise StopWorker(f"the check had to end: {thread.error}") from thread.error
