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
from worker.serving.routing import Contest, Lineup, Refusal, Trial
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
    """The lineup that the labels name.

    A version that cannot be used, or a store that cannot be read, leaves those serving that do. Versions are loaded on
    this object's own thread; the stream takes `lineup` once a batch. Canary and shadow are for workers that follow the
    label `stable`; others serve the version of their label alone.
    """

    def __init__(self, store: Store, name: str, label: str, versions: Versions, metrics: Metrics) -> None:
        self._store = store
        self._name = name
        self._label = label
        self._versions = versions
        self._metrics = metrics
        self._complaint = ""
        self._lineup: Lineup | None = None
        self._distrusted: Mapping[int, str] = {}
        self._named_at: tuple[Contest | None, float] = None, -math.inf
        self._closing = threading.Event()

    def lineup(self) -> Lineup:
        """The versions in use now. Raises StopWorker where none was loaded."""
        lineup = self._lineup
        if lineup is None:
            raise StopWorker(f"no version of {self._name} is loaded")
        if lineup.canary and lineup.canary.scorer.version in self._distrusted:
            return replace(lineup, canary=None)
        return lineup

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
            raise StopWorker(self._versions.complaint(self._label, version))
        if scorer.version != version:
            log.warning("another version serves in place of the labelled one", serves=scorer.version, labelled=version)
        self._use(Lineup(scorer))
        # Before the first record: a restart must not let a canary's key meet the stable version.
        if (labels := self._read_labels()) is not None and (named := self._named(labels, shadow=False)) != self._lineup:
            self._use(named)

    def watch(self, seconds: float) -> None:
        """From now on look every so many seconds, on a thread."""
        self._versions.spare_stream()
        threading.Thread(target=self._watch, args=(seconds,), name="model-watch", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def distrust(self, version: int, complaint: str) -> None:
        """A canary failed in service: the stable version takes over with the next batch. For the stream's thread."""
        self._distrusted = {**self._distrusted, version: complaint}

    def is_over(self, contest: Contest, moment: float) -> bool:
        """Whether labels that were read after that moment (`time.monotonic`) name another trial or none.

        Older ones may be from before the trial began.
        """
        named, read_at = self._named_at
        return read_at > moment and named != contest

    def look(self) -> None:
        """Read the labels, load what they name, swap. What goes wrong leaves the lineup as it is."""
        while (labels := self._read_labels()) is not None:
            loads = self._versions.loads
            lineup = self._named(labels)
            if self._versions.loads == loads:
                self._swap(lineup, labels)
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
            self._named_at = Contest.labelled(labels), began
        return labels

    def _unlabelled(self) -> str:
        """Why no version has the label: the store itself may have gone, with all labels."""
        try:
            self._store.names()
        except StoreError as error:
            return str(error)
        return f"no version of the model {self._name} is labelled {self._label}"

    def _complain(self, complaint: str) -> None:
        if complaint and complaint != self._complaint:
            log.error("the store's labels cannot be read; what they said last holds", model=self._name, why=complaint)
        elif self._complaint and not complaint:
            log.info("the store's labels can be read again", model=self._name)
        self._complaint = complaint
        self._metrics.model_store_up.set(0 if complaint else 1)

    def _named(self, labels: Mapping[str, Any], shadow: bool = True) -> Lineup:
        """The lineup that the labels name, with the version in use in place of one that cannot be used."""
        version = version_of(labels[self._label])
        assert version is not None
        stable = self._versions.obtain(self._label, version) or self.lineup().stable
        if self._label != STABLE:
            return Lineup(stable)
        value = labels.get(CANARY)
        canary = self._trial(CANARY, value, stable)
        tried = self._trial(SHADOW, labels.get(SHADOW), stable) if shadow else None
        fault = self._versions.fault(CANARY, version_of(value) or 0)
        refusal = Refusal(version_of(value) or 0, since_of(value), fault) if fault else None
        return Lineup(stable, canary, tried, refusal)

    def _trial(self, label: str, value: Any, stable: Scorer) -> Trial | None:
        version, share = version_of(value), share_of(value)
        if version is None or share is None or version == stable.version:
            return None
        if label == CANARY and version in self._distrusted:
            if not self._versions.complaint(label, version):
                self._versions.distrust(label, version, self._distrusted[version])
            return None
        scorer = self._versions.obtain(label, version)
        return Trial(scorer, share, since_of(value)) if scorer else None

    def _swap(self, lineup: Lineup, labels: Mapping[str, Any]) -> None:
        if lineup != self._lineup:
            self._use(lineup)
        canary = version_of(labels.get(CANARY))
        if any(version != canary for version in self._distrusted):
            self._distrusted = {version: why for version, why in self._distrusted.items() if version == canary}
        named = (version_of(labels.get(label)) for label in (self._label, CANARY, SHADOW))
        self._versions.keep_only({lineup.stable.version, *(version for version in named if version)})

    def _use(self, lineup: Lineup) -> None:
        before, self._lineup = self._lineup, lineup
        trials = {label: trial for label, trial in ((CANARY, lineup.canary), (SHADOW, lineup.shadow)) if trial}
        in_use = {self._label: lineup.stable} | {label: trial.scorer for label, trial in trials.items()}
        self._metrics.models_in_use(in_use, {label: trial.share for label, trial in trials.items()})
        if before is None or before.stable is not lineup.stable:
            self._metrics.model_loaded.set_to_current_time()
        log.info("models in use", model=self._name, **{label: scorer.version for label, scorer in in_use.items()})
