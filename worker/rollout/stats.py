"""What is counted of a canary, per partition, and travels in the metadata of committed offsets.

So every count is committed with the records that it counts: nothing is counted twice when a batch is done again, and
any worker can read the counts of all partitions without asking the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from worker.offset_metadata import OffsetMetadata
from worker.serving.routing import Experiment

_REASON_CHARACTERS = 200


class CanaryStats(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts since a canary came, for one experiment.

    `served` and `failed` are records of the canary's keys; it alone could not score the `failed` ones. The other counts
    are of those among them that the stable version scored too, outside of the stream: how often the sentiments
    `differed`, how often each class was the answer, the sum of the coverage, and the processor time that both took for
    the same texts. `first` is in milliseconds since 1970. `load_failure` is why a worker cannot use the canary at all.
    """

    # Names in the committed metadata, which workers of other versions of this program read and write too.
    experiment: Experiment = msgspec.field(name="contest")
    first: int
    served: int = 0
    failed: int = 0
    compared: int = 0
    differed: int = 0
    stable_classes: dict[str, int] = {}
    canary_classes: dict[str, int] = {}
    stable_coverage: float = 0.0
    canary_coverage: float = 0.0
    stable_seconds: float = 0.0
    canary_seconds: float = 0.0
    load_failure: str = msgspec.field(default="", name="refusal")

    def encodings(self) -> Iterator[bytes]:
        """These counts as JSON, and without the classes, for where that is too much."""
        short = msgspec.structs.replace(self, load_failure=self.load_failure[:_REASON_CHARACTERS])
        yield msgspec.json.encode(short)
        yield msgspec.json.encode(msgspec.structs.replace(short, stable_classes={}, canary_classes={}))

    def plus(self, other: CanaryStats) -> CanaryStats:
        """The counts of both, of the same experiment."""
        return CanaryStats(
            self.experiment,
            min(self.first, other.first),
            self.served + other.served,
            self.failed + other.failed,
            self.compared + other.compared,
            self.differed + other.differed,
            _sum(self.stable_classes, other.stable_classes),
            _sum(self.canary_classes, other.canary_classes),
            round(self.stable_coverage + other.stable_coverage, 3),
            round(self.canary_coverage + other.canary_coverage, 3),
            round(self.stable_seconds + other.stable_seconds, 6),
            round(self.canary_seconds + other.canary_seconds, 6),
            self.load_failure or other.load_failure,
        )


def read_stats(metadata: str) -> CanaryStats | None:
    """The counts beside a committed offset; None without any, and for what others wrote there."""
    kept = OffsetMetadata.read(metadata)
    if kept is None or isinstance(kept.canary, msgspec.UnsetType):
        return None
    try:
        return msgspec.json.decode(kept.canary, type=CanaryStats)
    except msgspec.DecodeError:
        return None


def total(parts: Iterable[CanaryStats | None], experiment: Experiment) -> CanaryStats | None:
    """The sum of all counts of one experiment; None where there are none."""
    found: CanaryStats | None = None
    for part in parts:
        if part is not None and part.experiment == experiment:
            found = part if found is None else found.plus(part)
    return found


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
