"""What happens around the loop: the start, Kafka going away, batches that must be done again, the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from worker.errors import BatchExpired, KafkaAway, MessageTooLarge, RetryBatch, StopWorker
from worker.kafka.broker import Broker
from worker.kafka.probe import kafka_answers
from worker.kafka.types import Connection
from worker.observability.health import Health
from worker.observability.metrics import Metrics
from worker.pipeline import Pipeline

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_EXPIRED_IN_A_ROW = 2
_RECOVERY_LIMIT_SECONDS = 60.0
_PROBE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Backoff:
    """Pauses that double up to a limit; a pause ends at once when the process is told to stop."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._pause = _FIRST_PAUSE_SECONDS

    def wait(self) -> None:
        """Wait a little longer than the last time."""
        self._stopping.wait(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)


class Runner:
    """Runs a pipeline until told to stop.

    A refused or expired batch is done again after the broker went back to its committed positions. A second batch in a
    row that expires although Kafka answers means that this process cannot recover by itself: it ends with StopWorker,
    and its supervisor starts it anew. While no Kafka server answers it waits, however long.
    """

    def __init__(
        self,
        broker: Broker,
        connection: Connection,
        metrics: Metrics,
        health: Health,
        stopping: threading.Event,
        answers: Callable[[Connection], bool] = kafka_answers,
    ) -> None:
        self._broker = broker
        self._connection = connection
        self._metrics = metrics
        self._health = health
        self._stopping = stopping
        self._answers = answers
        self._expired = 0
        self._probe_due = 0.0

    def run(self, pipeline: Pipeline) -> None:
        """Turn until told to stop. Raises StopWorker."""
        while not self._stopping.is_set():
            try:
                if pipeline.turn():
                    self._expired = 0
                    self._note_kafka(True)
                else:
                    self._probe()
            except (RetryBatch, KafkaAway) as problem:
                if isinstance(problem, MessageTooLarge):
                    pipeline.write_smaller_messages()
                pipeline.start_over()
                self._recover(problem)

    def _recover(self, problem: RetryBatch | KafkaAway) -> None:
        expired = isinstance(problem, BatchExpired)
        self._metrics.transactions.labels("expired" if expired else "refused").inc()
        log.warning("a batch is done again", reason=str(problem))
        self._expired = self._expired + 1 if expired else 0
        if self._expired >= _EXPIRED_IN_A_ROW and self._answers(self._connection):
            raise StopWorker(f"two batches in a row were not committed in time though Kafka answers: {problem}")
        if not self._stopping.is_set():
            self.until_done(self._broker.rewind)

    def until_done(self, step: Callable[[], None]) -> None:
        """Take one step, again and again while Kafka is away, or until told to stop. Raises StopWorker."""
        backoff, answered_at = Backoff(self._stopping), time.monotonic()
        while not self._stopping.is_set():
            self._health.turned()
            try:
                step()
            except (KafkaAway, RetryBatch) as problem:
                answers = self._answers(self._connection)
                self._note_kafka(answers)
                if not answers:
                    answered_at = time.monotonic()
                elif time.monotonic() - answered_at > _RECOVERY_LIMIT_SECONDS:
                    raise StopWorker(
                        f"Kafka answers, yet for {_RECOVERY_LIMIT_SECONDS:.0f} s no way back was found: {problem}"
                    ) from problem
                backoff.wait()
            else:
                self._note_kafka(True)
                return

    def _probe(self) -> None:
        if time.monotonic() >= self._probe_due:
            self._probe_due = time.monotonic() + _PROBE_SECONDS
            self._note_kafka(self._answers(self._connection))

    def _note_kafka(self, answers: bool) -> None:
        if answers and not self._health.kafka_answers:
            log.info("Kafka answers again")
        elif not answers and self._health.kafka_answers:
            self._metrics.kafka_outages.inc()
            log.warning("no Kafka server answers; waiting", servers=self._connection.bootstrap_servers)
        self._health.kafka_answers = answers
        self._metrics.kafka_up.set(answers)
