"""What the stream tells of each batch, and the thread that compares, writes and decides beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from models.labels import CANARY
from models.scorer import Scorer
from worker.broker import Broker, Message, Partition, Record
from worker.errors import WorkerError
from worker.lineup import Lineup
from worker.messages import Review
from worker.metrics import Metrics
from worker.model_watch import ModelWatch
from worker.rollout.comparer import Comparer
from worker.rollout.comparison import Comparison, Sample
from worker.rollout.counting import Committed, Counting, Staged
from worker.rollout.decider import Decider
from worker.serving import Part, Served
from worker.settings import Settings

_PAUSE_AFTER_ERROR_SECONDS = 10.0
_DECIDING_PARTITION = 0

log = structlog.get_logger(__name__)


class Rollout:
    """The stream's side: `stage` before a commit, `committed` after it, `assigned` now and then; none of them waits.

    The thread has a connection to Kafka of its own (`open_broker`), outside of the stream's transactions.
    """

    def __init__(
        self,
        models: ModelWatch,
        decider: Decider,
        open_broker: Callable[[], Broker],
        settings: Settings,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._models = models
        self._decider = decider
        self._open_broker = open_broker
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._counting = Counting()
        self._comparer = Comparer(settings.trial_budget_ratio, metrics, self._compared)
        self._rebalances = 0
        self._decides = False
        self._broker: Broker | None = None
        self._broker_due = 0.0
        self._decision_due = 0.0
        self._closing = threading.Event()

    def start(self) -> None:
        """Begin to compare and to decide."""
        threading.Thread(target=self._run, name="rollout", daemon=True).start()

    def close(self) -> None:
        """End the thread after what it does at the moment."""
        self._closing.set()

    def assigned(self, partitions: frozenset[Partition], rebalances: int) -> None:
        """What this worker reads now. Whoever has the input topic's first partition decides for the group."""
        if rebalances != self._rebalances:
            self._rebalances = rebalances
            self._counting.forget()
        self._decides = any(partition.number == _DECIDING_PARTITION for partition in partitions)

    def stage(self, lineup: Lineup, records: Sequence[Record], served: Served, committed: Committed) -> Staged:
        """The canary's signals for the batch's commit. May raise KafkaAway."""
        if served.canary_broken and lineup.canary:
            self._models.distrust(lineup.canary.scorer.version, served.canary_broken)
        return self._counting.stage(lineup, records, served, int(self._clock() * 1000), committed)

    def committed(
        self, lineup: Lineup, records: Sequence[Record], reviews: Mapping[int, Review], served: Served, staged: Staged
    ) -> None:
        """The batch is committed: count it, and compare a share of it."""
        self._counting.committed(staged)
        if lineup.canary is None and lineup.shadow is None:
            return
        for part in served.parts:
            if lineup.canary and part.scorer is lineup.canary.scorer:
                samples = _samples(part, part.scores, records, reviews)
                self._comparer.offer(part.scorer, lineup.stable, samples, is_canary=True)
            elif lineup.shadow:
                samples = _samples(part, lineup.sample(records, part.scores), records, reviews)
                self._comparer.offer(part.scorer, lineup.shadow.scorer, samples, is_canary=False)

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
        self._drop_broker()

    def _compared(self, comparison: Comparison, is_canary: bool) -> None:
        if is_canary:
            self._counting.add(comparison.signals(int(self._clock() * 1000)))
        elif self._settings.shadow_topic:
            only_differences = self._settings.shadow_topic_holds == "differences"
            self._write(self._settings.shadow_topic, comparison.messages(only_differences), comparison.other)

    def _decide(self) -> None:
        if not self._decides or time.monotonic() < self._decision_due:
            return
        self._decision_due = time.monotonic() + self._settings.model_poll_seconds
        self._decider.look(self._metadata, self._models.refused(CANARY))

    def _metadata(self) -> Iterable[str]:
        """That of the group's positions on all partitions, of all workers; none while Kafka does not answer."""
        if (broker := self._reach()) is None:
            return []
        try:
            positions = broker.group_positions(self._settings.kafka_group_id, self._settings.input_topic)
        except WorkerError as error:
            self._fail(error)
            return []
        return [position.metadata for position in positions.values()]

    def _write(self, topic: str, rows: Iterable[tuple[bytes | None, bytes]], other: Scorer) -> None:
        messages = [Message(topic, key, value, []) for key, value in rows]
        if not messages:
            return
        broker = self._reach()
        if broker is not None:
            try:
                broker.produce(messages)
                broker.commit({})
            except WorkerError as error:
                self._fail(error)
            else:
                return
        self._metrics.shadow_unwritten.labels(other.name, other.version).inc(len(messages))

    def _reach(self) -> Broker | None:
        if self._broker is None and time.monotonic() >= self._broker_due:
            broker = self._open_broker()
            try:
                broker.start(*([self._settings.shadow_topic] if self._settings.shadow_topic else []))
            except WorkerError as error:
                broker.close()
                self._fail(error)
            else:
                self._broker = broker
        return self._broker

    def _fail(self, error: WorkerError) -> None:
        log.warning("comparisons cannot reach Kafka; the stream goes on", why=str(error))
        self._broker_due = time.monotonic() + _PAUSE_AFTER_ERROR_SECONDS
        self._drop_broker()

    def _drop_broker(self) -> None:
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()


def _samples(
    part: Part, places: Iterable[int], records: Sequence[Record], reviews: Mapping[int, Review]
) -> list[Sample]:
    return [Sample(records[place], reviews[place], part.scores[place]) for place in places]
