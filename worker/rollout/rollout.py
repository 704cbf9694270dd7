"""What the stream tells of each batch, and the thread that compares, writes and decides beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import structlog

from models.scorer import Scorer
from worker.errors import WorkerError
from worker.kafka.broker import Broker
from worker.kafka.types import Message, Partition, Record
from worker.messages import Review
from worker.observability.metrics import Metrics
from worker.rollout.background import Comparer
from worker.rollout.comparison import Comparison, Sample
from worker.rollout.controller import RolloutController
from worker.rollout.counters import Counting, Staged
from worker.serving.results import BatchScores, VersionScores
from worker.serving.routing import ActiveVersions, Experiment
from worker.serving.watcher import ModelWatch
from worker.settings.settings import Settings

_PAUSE_AFTER_ERROR_SECONDS = 10.0
_DECIDING_PARTITION = 0

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class Rollout:
    """The stream's side: `stage` before a commit, `committed` after it, `assigned` now and then; none of them waits.

    The thread has a connection to Kafka of its own (`open_broker`), outside of the stream's transactions.
    """

    def __init__(
        self,
        models: ModelWatch,
        controller: RolloutController,
        open_broker: Callable[[], Broker],
        settings: Settings,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._models = models
        self._controller = controller
        self._open_broker = open_broker
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._counting = Counting(models.is_over)
        self._comparer = Comparer(settings.trial_budget_ratio, metrics, self._compared)
        self._decides = False
        self._asking = _Link(open_broker)
        self._writing = _Link(open_broker, settings.shadow_topic)
        self._decision_due = 0.0
        self._closing = threading.Event()

    def start(self) -> None:
        """Begin to compare and to decide."""
        threading.Thread(target=self._run, name="rollout", daemon=True).start()

    def close(self) -> None:
        """End the thread after what it does at the moment."""
        self._closing.set()

    def assigned(self, partitions: frozenset[Partition]) -> None:
        """What this worker reads now. Whoever has the input topic's first partition decides for the group."""
        self._decides = any(partition.number == _DECIDING_PARTITION for partition in partitions)

    def start_over(self) -> None:
        """A batch was given up, and may be committed all the same: what is committed must be read again."""
        self._counting.forget()

    def stage(
        self, active_versions: ActiveVersions, records: Sequence[Record], batch_scores: BatchScores, broker: Broker
    ) -> Staged:
        """The canary's signals for the batch's commit. May raise KafkaAway."""
        if batch_scores.canary_broken and active_versions.canary:
            self._models.quarantine(active_versions.canary.scorer.version, batch_scores.canary_broken)
        return self._counting.stage(active_versions, records, batch_scores, int(self._clock() * 1000), broker)

    def committed(
        self,
        active_versions: ActiveVersions,
        records: Sequence[Record],
        reviews: Mapping[int, Review],
        batch_scores: BatchScores,
        staged: Staged,
    ) -> None:
        """The batch is committed: count it, and compare a share of it."""
        self._counting.committed(staged)
        if active_versions.canary is None and active_versions.shadow is None:
            return
        if active_versions.canary and (failed := batch_scores.failed_by_canary_alone):
            canary = active_versions.canary.scorer
            self._metrics.canary_failures.labels(canary.name, canary.version).inc(len(failed))
        for part in batch_scores.parts:
            if active_versions.canary and part.scorer is active_versions.canary.scorer:
                samples = _samples(part, part.scores, records, reviews)
                self._comparer.offer(part.scorer, active_versions.stable, samples, Experiment.of(active_versions))
            elif active_versions.shadow:
                samples = _samples(part, active_versions.sample(records, part.scores), records, reviews)
                self._comparer.offer(part.scorer, active_versions.shadow.scorer, samples)

    def turn(self, timeout_seconds: float) -> bool:
        """Compare once, waiting so long for something to compare, and decide where that is due; whether it compared."""
        compared = self._comparer.step(timeout_seconds)
        self._decide()
        return compared

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.turn(0.5)
            except Exception as error:  # noqa: BLE001 - what is only tried must stop nothing
                log.error("comparing or deciding failed", why=f"{type(error).__name__}: {error}")
                self._closing.wait(_PAUSE_AFTER_ERROR_SECONDS)
        self._asking.close()
        self._writing.close()

    def _compared(self, comparison: Comparison, experiment: Experiment | None) -> None:
        if experiment is not None:
            self._counting.add(comparison.stats(experiment, int(self._clock() * 1000)))
        elif self._settings.shadow_topic:
            only_differences = self._settings.shadow_topic_holds == "differences"
            self._write(self._settings.shadow_topic, comparison.messages(only_differences), comparison.other)

    def _decide(self) -> None:
        if not self._decides or time.monotonic() < self._decision_due:
            return
        self._decision_due = time.monotonic() + self._settings.model_poll_seconds
        self._controller.look(self._metadata)

    def _metadata(self) -> Iterable[str]:
        """That of the group's positions on all partitions, of all workers; none while Kafka does not answer."""
        group, topic = self._settings.kafka_group_id, self._settings.input_topic
        positions = self._asking.ask(lambda broker: broker.group_offsets(group, topic))
        return [position.metadata for position in (positions or {}).values()]

    def _write(self, topic: str, rows: Iterable[tuple[bytes | None, bytes]], other: Scorer) -> None:
        messages = [Message(topic, key, value, []) for key, value in rows]
        if messages and self._writing.ask(partial(_store, messages)) is None:
            self._metrics.shadow_unwritten.labels(other.name, other.version).inc(len(messages))


class _Link:
    """A connection to Kafka for what may fail: it is given up at the first error, and opened again after a while."""

    def __init__(self, open_broker: Callable[[], Broker], topic: str | None = None) -> None:
        self._open_broker = open_broker
        self._topic = topic
        self._broker: Broker | None = None
        self._due = 0.0

    def ask(self, question: Callable[[Broker], Answer]) -> Answer | None:
        """What Kafka answers; None, and why in the log, when it does not."""
        if self._broker is None and time.monotonic() < self._due:
            return None
        try:
            if self._broker is None:
                self._broker = self._open_broker()
                if self._topic:
                    self._broker.start(self._topic)
            return question(self._broker)
        except WorkerError as error:
            log.warning("what is only tried cannot reach Kafka; the stream goes on", why=str(error))
            self._due = time.monotonic() + _PAUSE_AFTER_ERROR_SECONDS
            self.close()
            return None

    def close(self) -> None:
        """Give the connection up, if there is one."""
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()


def _store(messages: Sequence[Message], broker: Broker) -> bool:
    broker.produce(messages)
    broker.commit({})
    return True


def _samples(
    part: VersionScores, indices: Iterable[int], records: Sequence[Record], reviews: Mapping[int, Review]
) -> list[Sample]:
    samples = []
    for index in indices:
        record, review = records[index], reviews[index]
        partition = Partition(record.topic, record.partition)
        samples.append(Sample(partition, record.offset, record.key, review.id, review.text, part.scores[index]))
    return samples
