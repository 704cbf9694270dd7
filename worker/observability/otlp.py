"""Spans of batches, sent by OpenTelemetry: the one file through which it enters.

Names follow OpenTelemetry's semantic conventions for messaging: a batch is a `process` operation on the input topic,
and the traces of its records are links, for it has as many parents as records. What goes where is for the variables of
OpenTelemetry to say (endpoint, headers, sampler, limits, resource); spans leave from a thread of their own, and those
that find its queue full are dropped.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from worker.errors import BadUse, BatchExpired, KafkaAway, RetryBatch
from worker.kafka.types import Record

SERVICE_NAME = "kafka-sentiment-worker"
# Of the time that a stopping worker has, what handing on the last spans may take.
FLUSH_SECONDS = 2.0
_PROTOCOL = "http/protobuf"
# https://www.w3.org/TR/trace-context: later versions may append fields.
_TRACEPARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_SAMPLED = 1

log = structlog.get_logger(__name__)


class Tracing:
    """A `worker.observability.tracing.Tracer`. Raises BadUse when an OTEL_ variable cannot be used."""

    def __init__(self, topic: str, group_id: str, instance: str) -> None:
        self._topic = topic
        self._attributes = {
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic,
            "messaging.consumer.group.name": group_id,
        }
        _check_protocol()
        try:
            limits = SpanLimits()
            self._provider = TracerProvider(resource=_resource(instance), span_limits=limits, shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except ValueError as error:
            raise BadUse(f"SENTIMENT_TRACING=otlp: an OTEL_ variable is wrong: {error}") from None
        self._most_links: int | None = limits.max_links
        self._tracer = self._provider.get_tracer("kafka-sentiment")

    @contextmanager
    def batch(self, records: Sequence[Record]) -> Iterator[TracedBatch]:
        """A span of its own trace, with a link to each record's, and the error that passes through."""
        attributes = self._attributes | {"messaging.batch.message_count": len(records)}
        with self._tracer.start_as_current_span(
            f"process {self._topic}", kind=SpanKind.CONSUMER, attributes=attributes, set_status_on_exception=False
        ) as span:
            if span.is_recording():
                span.set_attribute("sentiment.positions", _positions(records))
                self._link(span, records)
            try:
                yield TracedBatch(span)
            except Exception as error:
                span.set_attribute("sentiment.outcome", outcome(error))
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR, str(error)))
                raise
            span.set_attribute("sentiment.outcome", "committed")

    def stage(self, name: str) -> AbstractContextManager[Span]:
        """A span within that of the batch; the error itself stands at the batch only."""
        return self._tracer.start_as_current_span(name, record_exception=False)

    def close(self) -> None:
        """Send what is left, but no longer than FLUSH_SECONDS: the SDK would wait for half a minute."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)
        if sending.is_alive():
            log.warning("the last spans were not taken in time", seconds=FLUSH_SECONDS)

    def _link(self, span: Span, records: Iterable[Record]) -> None:
        """Link to the trace of each record, to as many different ones as a span may have; count what is left."""
        found = {value for record in records for name, value in record.headers if name == "traceparent" and value}
        links = 0
        # Not in the order of the records, which would leave whole partitions without any.
        for index, header in enumerate(sorted(found)):
            if links == self._most_links:
                span.set_attribute("sentiment.links_left_out", len(found) - index)
                break
            if (context := linkable(header)) is not None:
                span.add_link(context)
                links += 1


class TracedBatch:
    """A `worker.observability.tracing.BatchSpan`."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def describe(self, model: str, versions: Collection[int], tokens: int, dead_letters: int) -> None:
        """Attributes: how many word ids and dead letters, which model in which versions."""
        if self._span.is_recording():
            self._span.set_attribute("sentiment.tokens", tokens)
            self._span.set_attribute("sentiment.dead_letters", dead_letters)
            if versions:
                self._span.set_attribute("sentiment.model", model)
                self._span.set_attribute("sentiment.versions", sorted(versions))


def linkable(traceparent: bytes) -> SpanContext | None:
    """The span that a W3C traceparent names; None where it is malformed, or where that trace is not recorded."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[1] == b"00" and found[5]):
        return None
    trace, span, flags = int(found[2], 16), int(found[3], 16), int(found[4], 16)
    if not (trace and span and flags & _SAMPLED):
        return None
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags))


def outcome(error: Exception) -> str:
    """What became of a batch that raised this, in the words of the metric `transactions_total`, or `failed`."""
    if isinstance(error, BatchExpired):
        return "expired"
    return "refused" if isinstance(error, RetryBatch | KafkaAway) else "failed"


def _positions(records: Sequence[Record]) -> list[str]:
    """Which records, as `partition:first-last` offsets."""
    lasts = {record.partition: record.offset for record in records}
    firsts = {record.partition: record.offset for record in reversed(records)}
    return [f"{number}:{firsts[number]}-{lasts[number]}" for number in sorted(firsts)]


def _resource(instance: str) -> Resource:
    """Who we are; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go first."""
    own = {"service.name": SERVICE_NAME, "service.instance.id": instance}
    return Resource.create({**own, **OTELResourceDetector().detect().attributes})


def _check_protocol() -> None:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if protocol := os.environ.get(name):
            if protocol != _PROTOCOL:
                raise BadUse(f"SENTIMENT_TRACING=otlp: {name} is {protocol}, and spans are sent by {_PROTOCOL} only")
            return
