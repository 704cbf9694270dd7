"""What may watch a batch on its way: spans where tracing is switched on, nothing where it is off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

from models.errors import how_to_install
from worker.errors import BadUse
from worker.kafka.types import Record


class BatchSpan(Protocol):
    """One batch under way."""

    def describe(self, model: str, versions: Collection[int], tokens: int, dead_letters: int) -> None:
        """Say what became of it: the model and the versions that scored, how many word ids, how many dead letters."""


class Tracer(Protocol):
    """Watches one worker's batches, from the stream's thread; nothing here waits, and nothing raises."""

    def batch(self, records: Sequence[Record]) -> AbstractContextManager[BatchSpan]:
        """What stands inside is one try of one batch, from poll to commit; what it raises passes through."""

    def stage(self, name: str) -> AbstractContextManager[object]:
        """What stands inside is one stage of the batch."""

    def close(self) -> None:
        """Hand on what is left, within a time limit."""


class Untraced:
    """The tracer, and the span of every batch, while tracing is off."""

    def batch(self, records: Sequence[Record]) -> AbstractContextManager[Untraced]:
        """See Tracer.batch."""
        return _UNTRACED_BATCH

    def stage(self, name: str) -> AbstractContextManager[object]:
        """See Tracer.stage."""
        return _UNTRACED_STAGE

    def describe(self, model: str, versions: Collection[int], tokens: int, dead_letters: int) -> None:
        """See BatchSpan.describe."""

    def close(self) -> None:
        """See Tracer.close."""


UNTRACED = Untraced()
_UNTRACED_BATCH = nullcontext(UNTRACED)
_UNTRACED_STAGE = nullcontext()


def open_tracer(exporter: Literal["off", "otlp"], topic: str, group_id: str, instance: str) -> Tracer:
    """The tracer of batches read from `topic` by a member of a group; `instance` names this process.

    Raises BadUse when OpenTelemetry is not installed, or one of its variables is wrong.
    """
    if exporter == "off":
        return UNTRACED
    try:
        from worker.observability.otlp import Tracing
    except ImportError as error:
        raise BadUse(
            f"SENTIMENT_TRACING=otlp: OpenTelemetry is not installed ({error}): {how_to_install('tracing')}"
        ) from None
    return Tracing(topic, group_id, instance)
