"""The judge of delivery, here and in every delivery test: what was sent, what came out, and what is wrong between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple


class Sent(NamedTuple):
    """One record of the input topic; `id` is the review's own or `<topic>-<partition>-<offset>`."""

    id: str
    key: bytes | None
    partition: int
    offset: int


class Seen(NamedTuple):
    """One committed record of an output topic, at `partition` and `offset` there.

    A sentiment names its review by `id` and says which `version` scored it. A dead letter names its record by
    `source`, the partition and offset in the input topic, because it may have no id that can be read.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    id: str | None = None
    source: tuple[int, int] | None = None
    version: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What is wrong, as ids (`unexpected`: as they were seen). `Verdict()` is an innocent system."""

    lost: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    reordered: tuple[str, ...] = ()
    unexpected: tuple[Seen, ...] = ()
    wrong_version: tuple[str, ...] = ()

    def but_for_duplicates(self) -> Verdict:
        """The verdict where duplicates are allowed, as at least once does."""
        return replace(self, duplicated=())


def check(sent: Sequence[Sent], seen: Sequence[Seen], versions: Collection[int] = (1,)) -> Verdict:
    """Compare two histories that are complete: nothing is being sent or scored any more.

    The idea is that of Jepsen's queue checkers: do not count, but follow each element from its one way in to its
    one way out. The history in is the input topic itself, read back after the faults; the history out is all that a
    read_committed reader finds in the topics of sentiments and dead letters. Under exactly once, each record sent is
    seen once, in either topic:

    lost           sent, and never seen
    duplicated     seen more than once, be it in the same topic or as a sentiment and as a dead letter
    reordered      seen after a record of the same key that was sent later (per output topic, by first appearance, so
                   that a redelivery alone, which at least once allows, is no reordering), or seen on another
                   partition than the key's records before it, where no order is left to speak of
    unexpected     seen, and never sent; or seen with another key than it was sent with
    wrong version  a sentiment of a model version that was not in use

    Raises ValueError where `sent` has an id twice, for then nothing could be told from the results.
    """
    by_id = {record.id: record for record in sent}
    by_source = {(record.partition, record.offset): record for record in sent}
    if len(by_id) < len(sent):
        raise ValueError("an id was sent twice")
    matched: list[tuple[Seen, Sent]] = []
    unexpected = []
    for result in seen:
        origin = by_id.get(result.id or "") if result.source is None else by_source.get(result.source)
        if origin is None or origin.key != result.key:
            unexpected.append(result)
        else:
            matched.append((result, origin))
    times = Counter(origin.id for _, origin in matched)
    return Verdict(
        lost=tuple(record.id for record in sent if record.id not in times),
        duplicated=tuple(record_id for record_id, count in times.items() if count > 1),
        reordered=tuple(_reordered(matched)),
        unexpected=tuple(unexpected),
        wrong_version=tuple(o.id for r, o in matched if r.version is not None and r.version not in versions),
    )


def _reordered(matched: Sequence[tuple[Seen, Sent]]) -> list[str]:
    per_key: dict[tuple[str, bytes], list[tuple[Seen, Sent]]] = defaultdict(list)
    for result, origin in matched:
        if result.key is not None:
            per_key[result.topic, result.key].append((result, origin))
    late = []
    for results in per_key.values():
        results.sort(key=lambda pair: pair[0].offset)
        home, newest, known = results[0][0].partition, -1, set()
        for result, origin in results:
            if result.partition != home or (origin.offset < newest and origin.id not in known):
                late.append(origin.id)
            newest = max(newest, origin.offset)
            known.add(origin.id)
    return late
