"""The loop of a rescoring: poll, decode, score, produce, commit, up to the end of the range and no further."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from worker.batching import BatchPolicy, collect_batch
from worker.commands.rescore.job import Job, Progress, State, state_of
from worker.commands.rescore.progress import Show
from worker.commands.rescore.scoring import Rescorer
from worker.commands.rescore.throttle import Throttle
from worker.errors import KafkaAway, MessageTooLarge, RetryBatch, StopWorker
from worker.kafka.broker import Broker
from worker.kafka.types import MAX_MESSAGE_BYTES, Partition, Record
from worker.settings.settings import Settings

_IDLE_SECONDS = 0.5
# A broker that restarts is back by then.
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.5


class Run:
    """One member of a rescoring's group. A record is done when its sentiment is committed, or that it was skipped."""

    def __init__(
        self, broker: Broker, rescorer: Rescorer, job: Job, state: State, throttle: Throttle, settings: Settings
    ) -> None:
        self._broker = broker
        self._rescorer = rescorer
        self._job = job
        self._throttle = throttle
        self._settings = settings
        self._progress: dict[Partition, Progress] = dict(state.progress)
        self._next_offsets: dict[Partition, int] = dict(state.next_offsets)
        self._read: set[Partition] = set()
        self._rebalances = 0
        self._failing_since: float | None = None

    @property
    def state(self) -> State:
        """How far all partitions are; those of other members, as far as they were when last seen."""
        return State(self._progress, self._next_offsets)

    def to_end(self, show: Show) -> None:
        """Go on until nothing is left on the partitions that this member has.

        Raises RetryBatch or KafkaAway when Kafka does not answer for too long, or StopWorker; the next run goes on.
        """
        quiet_limit = self._settings.kafka_transaction_timeout_seconds + self._settings.kafka_session_timeout_seconds
        moved_at = time.monotonic()
        while not self._is_done():
            if self.step(show):
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > quiet_limit:
                raise KafkaAway(self._unreachable_reason())

    def step(self, show: Show) -> bool:
        """One batch, once the live group is not behind, or one recovery; False when nothing came.

        Raises what `to_end` raises.
        """
        try:
            held_seconds = self._throttle.wait_for_lag(lambda lag: show(self._done(), lag))
            moved = self._turn()
        except MessageTooLarge as problem:
            raise StopWorker(
                f"topic {self._job.to} refuses a sentiment for its size ({problem}): "
                f"set its max.message.bytes to {MAX_MESSAGE_BYTES}"
            ) from problem
        except (RetryBatch, KafkaAway) as problem:
            self._recover(problem)
            return True
        show(self._done())
        return moved or held_seconds > 0

    def _turn(self) -> bool:
        """One batch; whether anything was done. Raises RetryBatch, KafkaAway (then: rewind), StopWorker."""
        limit = self._throttle.most_records(self._settings.max_batch_records)
        records = collect_batch(self._broker, BatchPolicy(limit), _IDLE_SECONDS)
        if self._broker.rebalances() != self._rebalances:
            self._reload()
        by_partition: dict[Partition, list[Record]] = {}
        for record in records:
            by_partition.setdefault(Partition(record.topic, record.partition), []).append(record)
        self._read.update(by_partition)
        ended = self._ended(by_partition)
        taken = [r for part, found in by_partition.items() for r in found if r.offset < self._end(part)]
        if taken or ended:
            self._commit(taken, ended)
        self._failing_since = None
        self._throttle.limit_rate(len(taken))
        return bool(taken or ended)

    def _commit(self, taken: Sequence[Record], ended: Collection[Partition]) -> None:
        batch = self._rescorer.rescore(taken)
        progress, next_offsets = {}, {}
        for part in {Partition(r.topic, r.partition) for r in taken} | set(ended):
            indices = [index for index, r in enumerate(taken) if Partition(r.topic, r.partition) == part]
            reasons = [batch.skipped[index] for index in indices if index in batch.skipped]
            progress[part] = self._progress[part].after([taken[index] for index in indices], reasons)
            next_offsets[part] = self._end(part) if part in ended else taken[indices[-1]].next_offset
        # Of a partition that nothing was read from there is nothing to commit: its end shows again next time.
        offsets = {part: progress[part].at(next_offsets[part]) for part in progress if part in self._read}
        if batch.messages:
            self._broker.produce(batch.messages)
        if offsets:
            self._broker.commit(offsets)
        self._progress |= progress
        self._next_offsets |= next_offsets

    def _ended(self, polled: Mapping[Partition, Sequence[Record]]) -> set[Partition]:
        """Partitions of which nothing of the range is left to read: what follows has come, or nothing follows."""
        lags = self._broker.lags()
        return {
            part
            for part in self._broker.assignment()
            if self._next_offsets.get(part, 0) < self._end(part)
            and (lags.get(part) == 0 or (part in polled and polled[part][-1].next_offset >= self._end(part)))
        }

    def _is_done(self) -> bool:
        assigned = self._broker.assignment()
        return bool(assigned) and all(self._next_offsets.get(part, 0) >= self._end(part) for part in assigned)

    def _end(self, partition: Partition) -> int:
        # A partition that was added since is not in the range.
        return self._progress[partition].end if partition in self._progress else 0

    def _done(self) -> int:
        state = self.state
        return state.total - state.remaining

    def _reload(self) -> None:
        """Take up what is committed on the partitions that this member has now, by itself or by others."""
        rebalances = self._broker.rebalances()
        committed = state_of(self._job, self._broker.committed())
        self._progress |= committed.progress
        self._next_offsets |= committed.next_offsets
        if rebalances != self._rebalances:
            self._read.clear()
        self._rebalances = rebalances

    def _recover(self, problem: RetryBatch | KafkaAway) -> None:
        """Go back to the committed positions. Raises the problem after a minute of failures in a row."""
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        if now - self._failing_since > _PATIENCE_SECONDS:
            raise problem
        time.sleep(_PAUSE_SECONDS)
        try:
            self._broker.rewind()
            self._reload()
        except (RetryBatch, KafkaAway) as again:
            self._recover(again)

    def _unreachable_reason(self) -> str:
        if not self._broker.assignment():
            return f"other processes of group {self._job.group} have all the partitions: let them finish"
        return f"Kafka shows nothing more, though {self.state.remaining} records are left to read: try again later"
