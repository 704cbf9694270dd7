"""Promotes or rolls back a canary by the written rule; one worker of the group does, from the counts of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import structlog

from models.errors import LabelsChanged, StoreError
from models.registry.labels import CANARY, STABLE, with_label
from worker.observability.metrics import Metrics
from worker.rollout.analysis import PROMOTE, WAIT, Limits, Verdict, judge
from worker.rollout.stats import read_stats, total
from worker.serving.routing import Experiment

_REPORTED = ("decision", "stable", "canary", "since")
APPLY, RECOMMEND, OFF = "apply", "recommend", "off"

log = structlog.get_logger(__name__)


class Store(Protocol):
    """Where labels and their history are; `models.registry.registry.Registry` is one."""

    def labels(self, name: str) -> dict[str, Any]:
        """The labels of a model. Raises StoreError."""

    def history(self, name: str) -> list[dict[str, Any]]:
        """What was decided about them, oldest first. Raises StoreError."""

    def change_labels(
        self, name: str, expected: Mapping[str, Any], labels: Mapping[str, Any], entry: Mapping[str, Any]
    ) -> None:
        """Replace the labels where they are still the expected ones. Raises LabelsChanged, StoreError."""


class RolloutController:
    """Each decision is kept in the store's history as a JSON verdict with its figures.

    Labels change only where they are still those that the counts are about: of two deciders, or a decider and a
    person, the second finds that they have changed, and looks again.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        limits: Limits,
        mode: str,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._name = name
        self._limits = limits
        self._mode = mode
        self._metrics = metrics
        self._clock = clock
        self._reason = ""
        self._reported: set[tuple[str, int, int, str]] = set()

    def look(self, metadata: Callable[[], Iterable[str]]) -> Verdict | None:
        """Judge the canary from the metadata of all partitions' positions.

        None where there is no canary, nothing to judge it from, or a store that cannot be reached.
        """
        if self._mode == OFF:
            return None
        try:
            labels = self._store.labels(self._name)
            experiment = Experiment.labelled(labels)
            if experiment is None:
                return None
            stats = total((read_stats(text) for text in metadata()), experiment)
            if stats is None:
                return None
            verdict = judge(stats, self._limits, int(self._clock() * 1000))
            if verdict.decision != WAIT:
                self._act(labels, verdict)
        except LabelsChanged:
            return None  # by a person or another decider: the next look starts from what they say now
        except StoreError as error:
            if str(error) != self._reason:
                log.error("the canary cannot be decided on", model=self._name, why=str(error))
            self._reason = str(error)
            return None
        self._reason = ""
        return verdict

    def _act(self, labels: dict[str, Any], verdict: Verdict) -> None:
        applied = self._mode == APPLY
        if not applied and self._was_recommended(verdict):
            return
        after = _decided(labels, verdict) if applied else labels
        entry = {"by": "rule", "applied": applied, **verdict.to_json()}
        self._store.change_labels(self._name, labels, after, entry)
        self._metrics.canary_decisions.labels(verdict.decision).inc()
        log.warning(
            "canary decided on" if applied else "canary: a recommendation",
            model=self._name,
            decision=verdict.decision,
            stable=verdict.stable,
            canary=verdict.canary,
            reasons=verdict.reasons,
        )

    def _was_recommended(self, verdict: Verdict) -> bool:
        """Whether the same was said of this trial before, by this process or another; each is said once."""
        reported = (verdict.decision, verdict.stable, verdict.canary, verdict.since)
        if reported not in self._reported:
            entries = self._store.history(self._name)
            if not any(tuple(entry.get(name) for name in _REPORTED) == reported for entry in entries):
                return False
            self._reported.add(reported)
        return True


def _decided(labels: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """The labels after a verdict: with the canary go all other trials that end where it becomes stable."""
    if verdict.decision == PROMOTE:
        return with_label(labels, STABLE, verdict.canary)
    return {label: value for label, value in labels.items() if label != CANARY}
