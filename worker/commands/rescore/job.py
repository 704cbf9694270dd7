"""A rescoring as its group remembers it: in the metadata of its committed positions, so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from worker.commands.rescore.offsets import Span
from worker.errors import BadUse
from worker.kafka.broker import Broker
from worker.kafka.types import LATEST, CommittedOffset, Partition, Record


class Progress(msgspec.Struct, frozen=True):
    """How far one partition is: what was asked for, and what came of it up to the committed position.

    `target_from` holds, for some of the target topic's partitions, where it ended when the rescoring began; all
    partitions of the input together name each once. `oldest_ms` is the smallest timestamp of a record so far.
    """

    model: str
    to: str
    given: str
    started_ms: int
    begin: int
    end: int
    target_from: dict[int, int]
    records: int = 0
    skipped: dict[str, int] = {}
    oldest_ms: int | None = None

    def after(self, records: Iterable[Record], reasons: Iterable[str]) -> Progress:
        """With these further records, of which some were skipped for these reasons."""
        timestamps = [record.timestamp_ms for record in records]
        skipped = dict(self.skipped)
        for reason in reasons:
            skipped[reason] = skipped.get(reason, 0) + 1
        oldest = min(timestamps if self.oldest_ms is None else [*timestamps, self.oldest_ms], default=self.oldest_ms)
        return msgspec.structs.replace(self, records=self.records + len(timestamps), skipped=skipped, oldest_ms=oldest)

    def at(self, next_offset: int) -> CommittedOffset:
        """The position to commit."""
        return CommittedOffset(next_offset, msgspec.json.encode(self).decode())


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for. `model` is NAME@VERSION; `given` the range as it was given, by which it is known again."""

    topic: str
    to: str
    model: str
    group: str
    given: str


@dataclass(frozen=True, slots=True)
class State:
    """Every partition's progress and next offset."""

    progress: Mapping[Partition, Progress]
    next_offsets: Mapping[Partition, int]

    @property
    def total(self) -> int:
        """Offsets in the range."""
        return sum(each.end - each.begin for each in self.progress.values())

    @property
    def remaining(self) -> int:
        """Offsets of the range that are not done."""
        return sum(max(0, each.end - self.next_offsets[part]) for part, each in self.progress.items())


def new_offsets(
    broker: Broker, job: Job, found: Mapping[Partition, Span], started_ms: int
) -> dict[Partition, CommittedOffset]:
    """Where the group begins. Raises KafkaAway, TopicMissing."""
    target = {part.number: end for part, end in broker.offsets_at(job.to, LATEST).items()}
    offsets = {}
    for part, span in found.items():
        target_from = {number: end for number, end in target.items() if number % len(found) == part.number}
        progress = Progress(job.model, job.to, job.given, started_ms, span.begin, span.end, target_from)
        offsets[part] = progress.at(span.begin)
    return offsets


def remembered(broker: Broker, job: Job) -> State | None:
    """What the group has done so far; None when it never began. Raises KafkaAway, or BadUse for another job's group."""
    offsets = broker.group_offsets(job.group, job.topic)
    return state_of(job, offsets) if offsets else None


def state_of(job: Job, offsets: Mapping[Partition, CommittedOffset]) -> State:
    """The state in committed positions. Raises BadUse when they are not those of this job."""
    progress = {}
    for part, committed_offset in offsets.items():
        try:
            progress[part] = each = msgspec.json.decode(committed_offset.metadata, type=Progress)
        except msgspec.DecodeError:
            raise BadUse(f"group {job.group} has positions that no rescoring made: name another with --group") from None
        if (each.model, each.to, each.given) != (job.model, job.to, job.given):
            raise BadUse(
                f"group {job.group} rescores another range ({each.given}, {each.model} into {each.to}): "
                "give the same flags as then to go on with it, or name another group with --group"
            )
    return State(progress, {part: committed_offset.next_offset for part, committed_offset in offsets.items()})


def with_both(one: State, other: State) -> State:
    """Each partition as far as either of two states of the same job has it."""
    ahead = {part for part, after in other.next_offsets.items() if after > one.next_offsets.get(part, -1)}
    progress = {**one.progress, **{part: other.progress[part] for part in ahead}}
    return State(progress, {**one.next_offsets, **{part: other.next_offsets[part] for part in ahead}})
