"""What stands in an output topic, as a reader of committed records sees it, at the moment it becomes visible."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Self

import msgspec
from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.local.processes import wait_until
from tests.benchmarks.errors import BenchmarkError

# Floats go through float32, other batches and, in the baselines, another library.
TOLERANCE = 1e-3
TIMEOUT_SECONDS = 10.0
_MOST_AT_ONCE = 10_000


class Output(NamedTuple):
    """One result and the wall-clock time, in seconds, at which it became visible."""

    id: str
    score: float
    visible_at: float
    partition: int = 0
    offset: int = 0
    version: int = 0


class _Value(msgspec.Struct):
    id: str
    scores: dict[str, float]
    version: int = 0


class Outputs:
    """Follows an output topic from its beginning."""

    def __init__(self, bootstrap_servers: str, topic: str, partitions: int) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "benchmark-observer",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        self._latest = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(partitions)}
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        # Connects, so that the next time is quick; right after a topic is made its partitions do not answer yet.
        wait_until(self._tells_ends, TIMEOUT_SECONDS, lambda: f"The ends of topic {topic} are not known.")
        self._decode = msgspec.json.Decoder(_Value).decode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._consumer.close()

    def poll(self, timeout_seconds: float = 0.2) -> list[Output]:
        """What became visible since the last time; waits for the first of it, not for more."""
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return []
        now = time.time()
        messages = [first, *self._consumer.consume(_MOST_AT_ONCE, 0)]
        for message in messages:
            if message.error():
                raise BenchmarkError(f"the outputs could not be read: {message.error()}")
        return [self._output(message, now) for message in messages]

    def ends(self) -> dict[int, int]:
        """By partition, the offset before which everything is committed at this moment."""
        # Not asked of the consumer, whose connection is busy waiting for the next results.
        futures = self._admin.list_offsets(self._latest, isolation_level=IsolationLevel.READ_COMMITTED)
        try:
            return {each.partition: future.result(TIMEOUT_SECONDS).offset for each, future in futures.items()}
        except (KafkaException, TimeoutError) as error:
            raise BenchmarkError(f"Kafka does not tell where the outputs end: {error}") from error

    def _tells_ends(self) -> bool:
        with suppress(BenchmarkError):
            return bool(self.ends())
        return False

    def _output(self, message: Any, now: float) -> Output:
        value = self._decode(message.value())
        return Output(value.id, [*value.scores.values()][-1], now, message.partition(), message.offset(), value.version)


def read_until(
    outputs: Outputs, count: int, limit_seconds: float, alive: Callable[[], None], seen: Callable[[list[Output]], None]
) -> list[Output]:
    """Follow until `count` outputs were seen; raises BenchmarkError when none came for `limit_seconds`.

    After each group, `seen` gets all outputs so far; `alive` raises when whatever writes them is gone.
    """
    found: list[Output] = []
    deadline = time.monotonic() + limit_seconds
    while len(found) < count:
        if new := outputs.poll():
            found += new
            deadline = time.monotonic() + limit_seconds
            seen(found)
        elif time.monotonic() > deadline:
            raise BenchmarkError(f"only {len(found):,} of {count:,} results came, the last {limit_seconds:.0f} s ago")
        else:
            alive()
    return found


def check(outputs: list[Output], expected: Callable[[str], float], count: int, exactly_once: bool) -> None:
    """Raises BenchmarkError unless `count` reviews or more have their right score, and only one under exactly once.

    `expected` gives the right score of a review's id.
    """
    ids = {output.id for output in outputs}
    if len(ids) < count:
        raise BenchmarkError(f"{count - len(ids):,} of {count:,} results are missing: others came twice")
    if exactly_once and len(ids) < len(outputs):
        raise BenchmarkError(f"{len(outputs) - len(ids):,} results came twice")
    wrong = [output for output in outputs if abs(output.score - expected(output.id)) > TOLERANCE]
    if wrong:
        first = wrong[0]
        raise BenchmarkError(
            f"{len(wrong):,} scores are wrong: review {first.id} got {first.score}, not {expected(first.id):.4f}"
        )
