"""What a batch leaves behind in OpenTelemetry, that this neither delays nor stops the stream, and that off is off."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from deploy.local.processes import wait_until
from tests.worker.observability.collector import Collector, plain
from tests.worker.stream import DEAD_LETTERS, INPUT, OUTPUT, Stream
from worker.errors import BadUse, BatchRefused, EngineBroken
from worker.kafka.types import Message
from worker.observability import otlp, tracing
from worker.observability.otlp import Tracing, linkable
from worker.settings.settings import load

STAGES = ("decode", "tokenize", "infer", "serialize", "produce", "commit")
SPAN = "process reviews"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(autouse=True)
def _own_variables_and_no_thread_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    yield
    wait_until(lambda: not senders(), 10, lambda: f"still there: {senders()}")


def senders() -> list[threading.Thread]:
    """The threads of OpenTelemetry."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("Otel")]


def watch(stream: Stream) -> None:
    """Begin anew with spans that go where OpenTelemetry's variables say."""
    stream.tracer = Tracing(INPUT, "sentiment", "worker-1")
    stream.restart()


@pytest.fixture
def traced(stream: Stream, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Stream:
    """A stream whose spans go to the collector once its tracer is closed."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    watch(stream)
    return stream


def trace_context(number: int, flags: str = "01") -> bytes:
    return f"00-{number:032x}-{number + 1_000:016x}-{flags}".encode()


def send(stream: Stream, contexts: Sequence[bytes]) -> None:
    value = json.dumps({"text": "good"}).encode()
    for context in contexts:
        stream.kafka.append(Message(INPUT, b"k", value, [("traceparent", context)]))


def finish(stream: Stream) -> None:
    stream.drain()
    stream.tracer.close()


def test_a_batch_is_one_span_with_its_stages_inside(traced: Stream, collector: Collector) -> None:
    traced.send({"text": "good"}, {"text": "bad"}, b"{")
    finish(traced)
    [batch] = collector.spans(SPAN)
    assert batch.kind == batch.SPAN_KIND_CONSUMER
    stages = [span for span in collector.spans() if span.parent_span_id == batch.span_id]
    assert [span.name for span in stages] == [*STAGES]
    for stage in stages:
        assert batch.start_time_unix_nano <= stage.start_time_unix_nano <= stage.end_time_unix_nano
        assert stage.end_time_unix_nano <= batch.end_time_unix_nano


def test_a_span_says_what_was_in_the_batch_and_what_became_of_it(traced: Stream, collector: Collector) -> None:
    [first, *_] = traced.send({"text": "good film"}, {"text": "bad film"}, b"{")
    finish(traced)
    [batch] = collector.spans(SPAN)
    assert plain(batch.attributes) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "reviews",
        "messaging.consumer.group.name": "sentiment",
        "messaging.batch.message_count": 3,
        "sentiment.positions": [f"{first.partition}:0-2"],
        "sentiment.tokens": 4,
        "sentiment.dead_letters": 1,
        "sentiment.model": "imdb",
        "sentiment.versions": [1],
        "sentiment.outcome": "committed",
    }


def test_a_batch_links_to_the_trace_of_each_record_once(traced: Stream, collector: Collector) -> None:
    send(traced, [trace_context(1), trace_context(2), trace_context(1)])
    finish(traced)
    links = [(int.from_bytes(link.trace_id), int.from_bytes(link.span_id)) for link in collector.spans(SPAN)[0].links]
    assert links == [(1, 1_001), (2, 1_002)]


def test_results_and_dead_letters_keep_the_trace_of_their_record(traced: Stream) -> None:
    send(traced, [trace_context(7)])
    traced.kafka.append(Message(INPUT, b"k", b"{", [("traceparent", trace_context(8))]))
    finish(traced)
    for topic, number in ((OUTPUT, 7), (DEAD_LETTERS, 8)):
        [record] = traced.kafka.read(topic)
        assert ("traceparent", trace_context(number)) in record.headers


def test_links_beyond_the_limit_are_counted(
    stream: Stream, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "3")
    watch(stream)
    send(stream, [trace_context(number) for number in range(1, 6)])
    finish(stream)
    [batch] = collector.spans(SPAN)
    assert [int.from_bytes(link.trace_id) for link in batch.links] == [1, 2, 3]
    assert plain(batch.attributes)["sentiment.links_left_out"] == 2


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"00-1",
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
    ],
)
def test_what_is_malformed_or_not_recorded_gets_no_link(header: bytes) -> None:
    assert linkable(header) is None


@pytest.mark.parametrize("ending", [b"", b"-more"])
def test_a_later_version_of_the_header_is_read_too(ending: bytes) -> None:
    context = linkable(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" + ending)
    assert context is not None
    assert (context.trace_id, context.span_id) == (0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)


def test_an_expired_batch_is_an_error_and_its_second_try_another_span(traced: Stream, collector: Collector) -> None:
    traced.send({"text": "good"})
    traced.kafka.expire_next_commit(stored=False)
    finish(traced)
    failed, done = collector.spans(SPAN)
    attributes = plain(failed.attributes)
    assert (attributes["sentiment.outcome"], attributes["error.type"]) == ("expired", "BatchExpired")
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert [event.name for event in failed.events] == ["exception"]
    commits = {span.parent_span_id: span.status.code for span in collector.spans("commit")}
    assert commits[failed.span_id] == failed.status.STATUS_CODE_ERROR
    assert plain(done.attributes)["sentiment.outcome"] == "committed"


@pytest.mark.parametrize(("error", "word"), [(BatchRefused("x"), "refused"), (EngineBroken("x"), "failed")])
def test_outcomes_have_the_words_of_the_metric(error: Exception, word: str) -> None:
    assert otlp.outcome(error) == word


def test_the_resource_is_the_worker_unless_the_environment_says_otherwise(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, stream: Stream
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    watch(stream)
    stream.send({"text": "good"})
    finish(stream)
    found = collector.resource()
    assert (found["service.name"], found["service.instance.id"]) == ("kafka-sentiment-worker", "worker-1")
    assert found["deployment.environment.name"] == "test"


def test_a_sampler_leaves_out_whole_batches(
    stream: Stream, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    watch(stream)
    send(stream, [trace_context(1)])
    finish(stream)
    assert (collector.requests, len(stream.sentiments())) == ([], 1)


def test_nobody_who_listens_stops_nothing(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    with Collector() as gone:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", gone.endpoint)
    watch(stream)
    stream.send({"text": "good"})
    finish(stream)
    assert len(stream.sentiments()) == 1


@pytest.mark.alone
def test_a_collector_that_never_answers_holds_the_end_up_for_no_longer_than_the_limit(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "FLUSH_SECONDS", 0.3)
    with Collector(silent=True) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", silent.endpoint)
        watch(stream)
        stream.send({"text": "good"})
        stream.drain()
        started = time.monotonic()
        stream.tracer.close()
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_SPAN_LINK_COUNT_LIMIT", "all")]
)
def test_a_variable_that_cannot_be_used_is_bad_use(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadUse, match="OTEL_"):
        tracing.open_tracer("otlp", INPUT, "sentiment", "worker-1")


def test_without_the_extra_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "worker.observability.otlp", None)
    with pytest.raises(BadUse, match=r"install the extra tracing, as with `pip install '\.\[tracing\]'`"):
        tracing.open_tracer("otlp", INPUT, "sentiment", "worker-1")


def test_off_imports_nothing_that_makes_spans() -> None:
    assert tracing.open_tracer(load({}).tracing, INPUT, "sentiment", "worker-1") is tracing.UNTRACED
    # redis-py imports OpenTelemetry's metrics for itself wherever they are installed.
    ours = {"worker.observability.otlp", "opentelemetry.sdk.trace", "opentelemetry.exporter"}
    code = f"import sys, worker.commands.run; sys.exit(not {ours}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
