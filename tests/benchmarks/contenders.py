"""What is measured: the worker in its variants, and the baselines."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.environment import peer_python
from tests.benchmarks.workbench import Workbench


@dataclass(frozen=True)
class Task:
    """One measurement of one contender: from where to where, and the port of its metrics."""

    bench: Workbench
    input_topic: str
    output_topic: str
    group: str
    http_port: int

    @classmethod
    def on(cls, bench: Workbench, input_topic: str) -> "Task":
        """A task with an output topic and a consumer group of its own."""
        return cls(bench, input_topic, bench.topic("sentiments"), bench.unique("group"), bench.port())


@dataclass(frozen=True)
class Worker:
    """`python -m worker run` with one Kafka client and one delivery guarantee; `settings` are further ones.

    With `profile`, where its processor time went is written to that file, and the sampling slows it down a little.
    """

    client: str
    delivery: str
    settings: Mapping[str, str] = field(default_factory=dict)
    profile: Path | None = None
    cache: bool = True
    most_reviews: int | None = None

    @property
    def name(self) -> str:
        extra = "".join(f", {key} {value}" for key, value in self.settings.items())
        return f"worker, {self.client}, {self.delivery.replace('_', ' ')}{extra}"

    @property
    def exactly_once(self) -> bool:
        return self.delivery == "exactly_once"

    def command(self, task: Task) -> list[str]:
        bench = task.bench
        dead_letters = bench.topic("dead-letters")
        settings = {
            "kafka_bootstrap_servers": bench.kafka.bootstrap_servers,
            "kafka_group_id": task.group,
            "kafka_client": self.client,
            "delivery": self.delivery,
            "input_topic": task.input_topic,
            "output_topic": task.output_topic,
            "dead_letter_topic": dead_letters,
            "redis_url_file": str(_written(bench, bench.redis.url)),
            "model_store": str(bench.store),
            "model_name": bench.model_name,
            "model_label": bench.model_label,
            "http_port": str(task.http_port),
            "http_host": "127.0.0.1",
            **self.settings,
        }
        flags = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
        if self.profile is not None:
            return [sys.executable, "-m", "tests.benchmarks.sampler", str(self.profile), "run", *flags]
        return [sys.executable, "-m", "worker", "run", *flags]


@dataclass(frozen=True)
class Baseline:
    """A program under `baselines`.

    `most_reviews`: measured with no more than these, for it is slow. `exactly_once`: no result may come twice.
    `cache`: it writes to Redis. `own_environment`: it runs in the virtual environment for peers.
    """

    name: str
    program: str
    most_reviews: int | None = None
    exactly_once: bool = False
    cache: bool = True
    own_environment: bool = False

    def command(self, task: Task) -> list[str]:
        bench = task.bench
        python = peer_python() if self.own_environment else sys.executable
        options = {
            "bootstrap-servers": bench.kafka.bootstrap_servers,
            "group": task.group,
            "input": task.input_topic,
            "output": task.output_topic,
            "model": str(bench.model_path),
        }
        if self.cache:
            options["redis-url"] = bench.redis.url
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [python, "-m", f"tests.benchmarks.baselines.{self.program}", *flags]


Contender = Worker | Baseline

ONE_BY_ONE = Baseline("(a) Keras predict, one review at a time", "keras_one_by_one", most_reviews=300)
BATCHED = Baseline("(b) Keras predict, 64 a poll", "keras_batched", most_reviews=10_000)
QUIX = Baseline(
    "(c) Quix Streams, exactly once, without Redis", "quix", exactly_once=True, cache=False, own_environment=True
)
BASELINES = (ONE_BY_ONE, BATCHED, QUIX)


def _written(bench: Workbench, url: str) -> Path:
    path = bench.processes.directory / "redis-url"
    path.write_text(url, encoding="utf-8")
    return path
