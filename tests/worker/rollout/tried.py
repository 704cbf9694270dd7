"""A stream in memory with versions that are tried in it; the rollout's thread is turned by hand."""

import math
from functools import partial
from typing import Any

from models.scorer import Scorer
from tests.reviews import sample
from tests.worker.stream import INPUT, Stream
from worker.kafka.memory.broker import MemoryBroker
from worker.rollout.rollout import Rollout
from worker.rollout.stats import CanaryStats, read_stats, total
from worker.serving.routing import Experiment


class Watch:
    """What the rollout asks of the model watch."""

    def __init__(self) -> None:
        self.distrusted: list[int] = []
        self.over: dict[Experiment, float] = {}  # when labels were read that did not name it

    def quarantine(self, version: int, reason: str) -> None:
        self.distrusted.append(version)

    def is_over(self, experiment: Experiment, moment: float) -> bool:
        return self.over.get(experiment, -math.inf) > moment


class Undecided:
    """A decider that keeps what it is given."""

    def __init__(self) -> None:
        self.metadata: list[str] = []

    def look(self, metadata: Any) -> None:
        self.metadata = list(metadata())


class Tried(Stream):
    """A stream with a rollout; `total` are the canary's signals as the group has committed them."""

    def __init__(self, stable: Scorer, **settings: Any) -> None:
        self.watch, self.controller = Watch(), Undecided()
        super().__init__(stable, **settings)
        self.kafka.create("shadow", partitions=1)

    def open_rollout(self) -> Rollout:
        connect = partial(MemoryBroker, self.kafka, None, None)
        return Rollout(self.watch, self.controller, connect, self.settings, self.metrics)  # type: ignore[arg-type]

    def send_texts(self, count: int, start: int = 0) -> None:
        for number in range(start, start + count):
            self.send({"id": f"r{number}", "text": sample().texts[number]}, key=f"customer-{number % 50}".encode())

    def compare_all(self) -> None:
        assert self.rollout
        while self.rollout.turn(0):
            self.rollout._comparer._resumes = 0.0

    def committed(self) -> list[CanaryStats | None]:
        """What each partition's position holds."""
        positions = self.broker.group_offsets(self.settings.kafka_group_id, INPUT).values()
        return [read_stats(position.metadata) for position in positions]

    def total(self) -> CanaryStats:
        found = total(self.committed(), Experiment(1, 2))
        assert found
        return found
