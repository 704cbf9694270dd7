"""Keeps the versions in use those that the store's labels name, while the stream runs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import structlog

from models.errors import StoreError
from models.registry.labels import CANARY, SHADOW, STABLE, share_of, since_of, version_of
from models.scorer import Scorer
from worker.errors import StopWorker
from worker.observability.metrics import Metrics
from worker.serving.routing import ActiveVersions, Candidate, Experiment, LoadFailure
from worker.serving.versions import Versions

log = structlog.get_logger(__name__)


class Store(Protocol):
    """Where labels come from; `models.registry.registry.Registry` is one."""

    @property
    def away(self) -> str | None:
        """Why a store elsewhere does not answer; what it says then is what it said last."""

    def names(self) -> list[str]:
        """The models that it has. Raises StoreError."""

    def labels(self, name: str) -> dict[str, Any]:
        """The labels of a model. Raises StoreError."""

    def versions(self, name: str) -> list[int]:
        """Its versions, oldest first. Raises StoreError."""


class ModelWatch:
    """The active versions that the labels name.

    A version that cannot be used, or a store that cannot be read, leaves those serving that do. Versions are loaded on
    this object's own thread; the stream takes `active_versions` once a batch. Canary and shadow are for workers that
    follow the label `stable`; others serve the version of their label alone.
    """

    def __init__(self, store: Store, name: str, label: str, versions: Versions, metrics: Metrics) -> None:
        self._store = store
        self._name = name
        self._label = label
        self._versions = versions
        self._metrics = metrics
        self._reason = ""
        self._active_versions: ActiveVersions | None = None
        self._distrusted: Mapping[int, str] = {}
        self._named_at: tuple[Experiment | None, float] = None, -math.inf
        self._closing = threading.Event()

    def active_versions(self) -> ActiveVersions:
        """The versions in use now. Raises StopWorker where none was loaded."""
        active_versions = self._active_versions
        if active_versions is None:
            raise StopWorker(f"no version of {self._name} is loaded")
        if active_versions.canary and active_versions.canary.scorer.version in self._distrusted:
            return replace(active_versions, canary=None)
        return active_versions

    def open(self, fall_back: bool = False) -> None:
        """Load the main version and the canary; a shadow comes with the first look.

        Raises StopWorker when the main version cannot be used. With `fall_back` the newest version that can be used
        serves until the labelled one can.
        """
        try:
            version = version_of(self._store.labels(self._name).get(self._label))
            if version is None:
                raise StopWorker(self._unlabelled())
            scorer = self._versions.obtain(self._label, version)
            if scorer is None and fall_back:
                others = [other for other in self._store.versions(self._name) if other != version]
                found = (self._versions.obtain(self._label, other) for other in reversed(others))
                scorer = next((each for each in found if each), None)
        except StoreError as error:
            raise StopWorker(str(error)) from error
        if scorer is None:
            raise StopWorker(self._versions.reason(self._label, version))
        if scorer.version != version:
            log.warning("another version serves in place of the labelled one", serves=scorer.version, labelled=version)
        self._use(ActiveVersions(scorer))
        # Before the first record: a restart must not let a canary's key meet the stable version.
        if (labels := self._read_labels()) is not None and (
            named := self._named(labels, shadow=False)
        ) != self._active_versions:
            self._use(named)

    def watch(self, seconds: float) -> None:
        """From now on look every so many seconds, on a thread."""
        self._versions.start_throttling()
        threading.Thread(target=self._watch, args=(seconds,), name="model-watch", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def quarantine(self, version: int, reason: str) -> None:
        """A canary failed in service: the stable version takes over with the next batch. For the stream's thread."""
        self._distrusted = {**self._distrusted, version: reason}

    def is_over(self, experiment: Experiment, moment: float) -> bool:
        """Whether labels that were read after that moment (`time.monotonic`) name another trial or none.

        Older ones may be from before the trial began.
        """
        named, read_at = self._named_at
        return read_at > moment and named != experiment

    def look(self) -> None:
        """Read the labels, load what they name, swap. What goes wrong leaves the active versions as they are."""
        while (labels := self._read_labels()) is not None:
            loads = self._versions.loads
            active_versions = self._named(labels)
            if self._versions.loads == loads:
                self._swap(active_versions, labels)
                break
            # Loading took its time: what the labels say by now counts.

    def _watch(self, seconds: float) -> None:
        while not self._closing.is_set():
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - a thread that ends would leave a worker that follows nothing
                self._complain(f"{type(error).__name__}: {error}")
            self._closing.wait(seconds)

    def _read_labels(self) -> dict[str, Any] | None:
        began = time.monotonic()
        try:
            labels = self._store.labels(self._name)
        except StoreError as error:
            self._complain(str(error))
            return None
        if version_of(labels.get(self._label)) is None:
            self._complain(self._unlabelled())
            return None
        away = self._store.away
        self._complain(away or "")
        if not away:
            self._named_at = Experiment.labelled(labels), began
        return labels

    def _unlabelled(self) -> str:
        """Why no version has the label: the store itself may have gone, with all labels."""
        try:
            self._store.names()
        except StoreError as error:
            return str(error)
        return f"no version of the model {self._name} is labelled {self._label}"

    def _complain(self, reason: str) -> None:
        if reason and reason != self._reason:
            log.error("the store's labels cannot be read; what they said last holds", model=self._name, why=reason)
        elif self._reason and not reason:
            log.info("the store's labels can be read again", model=self._name)
        self._reason = reason
        self._metrics.model_store_up.set(0 if reason else 1)

    def _named(self, labels: Mapping[str, Any], shadow: bool = True) -> ActiveVersions:
        """The active versions that the labels name, with the version in use in place of one that cannot be used."""
        version = version_of(labels[self._label])
        assert version is not None
        stable = self._versions.obtain(self._label, version) or self.active_versions().stable
        if self._label != STABLE:
            return ActiveVersions(stable)
        value = labels.get(CANARY)
        canary = self._candidate(CANARY, value, stable)
        tried = self._candidate(SHADOW, labels.get(SHADOW), stable) if shadow else None
        fault = self._versions.fault(CANARY, version_of(value) or 0)
        load_failure = LoadFailure(version_of(value) or 0, since_of(value), fault) if fault else None
        return ActiveVersions(stable, canary, tried, load_failure)

    def _candidate(self, label: str, value: Any, stable: Scorer) -> Candidate | None:
        version, fraction = version_of(value), share_of(value)
        if version is None or fraction is None or version == stable.version:
            return None
        if label == CANARY and version in self._distrusted:
            if not self._versions.reason(label, version):
                self._versions.quarantine(label, version, self._distrusted[version])
            return None
        scorer = self._versions.obtain(label, version)
        return Candidate(scorer, fraction, since_of(value)) if scorer else None

    def _swap(self, active_versions: ActiveVersions, labels: Mapping[str, Any]) -> None:
        if active_versions != self._active_versions:
            self._use(active_versions)
        canary = version_of(labels.get(CANARY))
        if any(version != canary for version in self._distrusted):
            self._distrusted = {version: why for version, why in self._distrusted.items() if version == canary}
        named = (version_of(labels.get(label)) for label in (self._label, CANARY, SHADOW))
        self._versions.keep_only({active_versions.stable.version, *(version for version in named if version)})

    def _use(self, active_versions: ActiveVersions) -> None:
        before, self._active_versions = self._active_versions, active_versions
        trials = {
            label: candidate
            for label, candidate in ((CANARY, active_versions.canary), (SHADOW, active_versions.shadow))
            if candidate
        }
        in_use = {self._label: active_versions.stable} | {
            label: candidate.scorer for label, candidate in trials.items()
        }
        self._metrics.models_in_use(in_use, {label: candidate.fraction for label, candidate in trials.items()})
        if before is None or before.stable is not active_versions.stable:
            self._metrics.model_loaded.set_to_current_time()
        log.info("models in use", model=self._name, **{label: scorer.version for label, scorer in in_use.items()})
