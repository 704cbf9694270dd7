"""A store of versions and what a worker makes of it, without a stream."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.registry.registry import LABELS_FILE, Registry
from models.scorer import Scorer
from models.timing import YieldCpu
from tests.versions import NAME
from worker.observability.metrics import Metrics
from worker.serving.versions import Versions
from worker.serving.watcher import ModelWatch


class Watched:
    """A store, what a worker of it serves, and what its metrics say."""

    def __init__(self, store: Path, label: str = "stable") -> None:
        self.store = store
        self.registry = Registry(store)
        self.metrics = Metrics()
        self.now = 0.0
        self.loads: list[int] = []
        self.while_loading: Callable[[], object] = lambda: None
        versions = Versions(NAME, self._load, self.metrics, lambda: self.now)
        self.watch = ModelWatch(self.registry, NAME, label, versions, self.metrics)

    def _load(self, version: int, yield_cpu: YieldCpu) -> Scorer:
        self.loads.append(version)
        self.while_loading()
        return Scorer.load(self.registry.resolve(f"{NAME}@{version}").path, yield_cpu=yield_cpu)

    def file(self, version: int, name: str) -> Path:
        return self.store / NAME / str(version) / name

    def point(self, **labels: Any) -> None:
        """Write the labels as they are given, and let the worker look."""
        (self.store / NAME / LABELS_FILE).write_text(json.dumps(labels))
        self.watch.look()

    def in_use(self) -> dict[str, str]:
        """Label to version, as the metrics tell."""
        samples = [sample for family in self.metrics.model_info.collect() for sample in family.samples]
        return {sample.labels["label"]: sample.labels["version"] for sample in samples if sample.value == 1}

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"sentiment_{name}", labels)
