"""Spans of real workers on a real Kafka, sent as OpenTelemetry's own variables say."""

import pytest

from tests.kafka.load import Draft
from tests.kafka.stream import Stream
from tests.kafka.waiting import eventually
from tests.worker.observability.collector import Collector, plain
from worker.commands.rolling_check.checker import Verdict

SENT_SECONDS = 20.0
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = Draft(b"k", b'{"text": "good"}', [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())])


def test_a_record_is_found_from_its_trace(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        stream.ready_workers(1, tracing="otlp")
        stream.send(TRACED)
        stream.wait_until_done()
        eventually(lambda: any(span.links for span in collector.spans()), SENT_SECONDS, "no span with a link came")
        batches = [span for span in collector.spans() if span.links]
        assert [link.trace_id.hex() for batch in batches for link in batch.links] == [TRACE]
        assert plain(batches[0].attributes)["sentiment.outcome"] == "committed"
        assert stream.verdict() == Verdict()


def test_a_collector_that_never_answers_neither_stops_the_stream_nor_its_end(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collector(silent=True) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", silent.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        [worker] = stream.ready_workers(1, tracing="otlp")
        stream.send_reviews(500)
        stream.wait_until_done()
        status, seconds = worker.stop()
        assert (status, seconds < 10) == (0, True)
        assert stream.verdict() == Verdict()
