"""What may watch a batch on its way: spans where tracing is switched on, nothing where it is off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from models.extras import how_to_install
from worker.broker import Record
from worker.errors import BadReview, BadUse
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.serving import Part


class BatchSpan(Protocol):
    """One batch under way."""

    def describe(self, bad: Mapping[int, BadReview], parts: Sequence[Part]) -> None:
        """Say what became of its records: the places of dead letters, and what each version scored."""


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

    def describe(self, bad: Mapping[int, BadReview], parts: Sequence[Part]) -> None:
        """See BatchSpan.describe."""

    def close(self) -> None:
        """See Tracer.close."""


UNTRACED = Untraced()
_UNTRACED_BATCH = nullcontext(UNTRACED)
_UNTRACED_STAGE = nullcontext()


def open_tracer(chosen: Settings, instance: str) -> Tracer:
    """The tracer that the settings ask for; `instance` names this process.

    Raises BadUse when OpenTelemetry is not installed, or one of its variables is wrong.
    """
    if chosen.tracing == "off":
        return UNTRACED
    try:
        from worker.tracing import Tracing
    except ImportError as error:
        raise BadUse(
            f"SENTIMENT_TRACING=otlp: OpenTelemetry is not installed ({error}): {how_to_install('tracing')}"
        ) from None
    return Tracing(chosen.input_topic, chosen.kafka_group_id, instance)
