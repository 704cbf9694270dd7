"""Rescorings on a Kafka in memory, each as a process of its own would run it."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from models.registry.registry import Registry
from models.scorer import Scorer
from worker.commands.rescore.job import Job, State
from worker.commands.rescore.offsets import Bound
from worker.commands.rescore.runner import Run
from worker.commands.rescore.scoring import Rescorer
from worker.commands.rescore.start import begin, for_range, make_job
from worker.commands.rescore.throttle import Throttle
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import EARLIEST, Message, Record
from worker.messages import ReviewDecoder
from worker.settings.settings import Settings

Opened = Callable[..., MemoryBroker]
SETTINGS = Settings(max_batch_records=50)
JOB = make_job(SETTINGS, ("imdb", 1), "again", None)


def unseen(done: int, live_lag: int | None = None) -> None:
    """Shows nothing."""


class Processes:
    """Runs rescorings on the same Kafka, each in a process of its own as it were."""

    def __init__(self, memory: MemoryKafka, opened: Opened) -> None:
        self.memory = memory
        self.opened = opened
        self.scorer = Scorer.load(Registry().resolve("imdb").path, verify=False)
        memory.create("again", partitions=3)

    def send(self, *values: object) -> list[Record]:
        """Write review objects, or bytes as they are, to the input topic."""
        made = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
        keys = [b"key-%d" % number for number in range(len(made))]
        return [
            self.memory.append(Message("reviews", key, value, [("traceparent", b"00-1")]))
            for key, value in zip(keys, made, strict=True)
        ]

    def send_numbered(self, count: int, prefix: str = "r") -> None:
        self.send(*({"id": f"{prefix}{number}", "text": f"a fine film {number}"} for number in range(count)))

    def start(
        self,
        since: Bound | None = None,
        until: Bound | None = None,
        job: Job = JOB,
        instance: str = "one",
        append: bool = False,
    ) -> Run:
        job = for_range(job, since, until)
        state = begin(self.opened(), job, since, until, append)
        self.broker = self.opened("reviews", job.group, EARLIEST, f"{job.group}-{instance}")
        rescorer = Rescorer(self.scorer, ReviewDecoder(), job.to)
        return Run(self.broker, rescorer, job, state, Throttle(lambda: 0, 1), SETTINGS)

    def __call__(self, since: Bound | None = None, until: Bound | None = None) -> State:
        run = self.start(since, until)
        run.to_end(unseen)
        self.broker.close()
        return run.state

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in self.memory.read("again")]

    def ids(self) -> Counter[str]:
        return Counter(result["id"] for result in self.results())


def numbered(count: int) -> Counter[str]:
    """The ids of so many reviews, each once."""
    return Counter(f"r{number}" for number in range(count))
