"""The only broker is restarted or stands still: workers stay alive, say so once, and go on where they were."""

from collections.abc import Callable

import pytest

from deploy.local.kafka import LocalKafka
from tests.kafka.history import Verdict
from tests.kafka.stream import DEADLINE_SECONDS, Stream
from tests.kafka.waiting import stays
from tests.kafka.workers import STOP_SECONDS

AWAY = "no Kafka server answers; waiting"
BACK = "Kafka answers again"
# All lines of a worker's life with one outage in it; without a limit an outage writes hundreds.
MOST_LINES = 25


@pytest.mark.parametrize("end", [LocalKafka.kill, LocalKafka.stop], ids=["SIGKILL", "SIGTERM"])
def test_workers_outlive_a_restart_of_the_broker(
    fragile_stream: Stream, end: Callable[[LocalKafka, int], None]
) -> None:
    stream = fragile_stream
    workers = stream.ready_workers(2)
    with stream.load(per_second=200):
        stream.wait_for_results(200)
        end(stream.kafka, 1)
        assert stays(lambda: all(worker.lives() for worker in workers), seconds=8)
        stream.kafka.start(1)
        stream.wait_for_results(400)
    assert stream.verdict() == Verdict()
    for worker in workers:
        assert [len(worker.events(event)) for event in (AWAY, BACK)] == [1, 1]
        assert len(worker.log.splitlines()) < MOST_LINES


def test_a_broker_that_stands_still_past_the_deadline_loses_and_doubles_nothing(fragile_stream: Stream) -> None:
    stream = fragile_stream
    workers = stream.ready_workers(2)
    with stream.load(per_second=200):
        stream.wait_for_results(200)
        stream.kafka.pause(1)
        try:
            assert stays(lambda: all(worker.lives() for worker in workers), seconds=DEADLINE_SECONDS + 2)
        finally:
            stream.kafka.resume(1)
        stream.wait_for_results(400)
    assert sum(worker.metric("transactions_total", outcome="expired") for worker in workers) > 0
    assert stream.verdict() == Verdict()


def test_a_worker_that_starts_without_kafka_waits_for_it(fragile_stream: Stream) -> None:
    stream = fragile_stream
    stream.send_reviews(100)
    stream.kafka.kill(1)
    try:
        worker = stream.worker()
        worker.wait_for_event(AWAY)
        assert worker.lives()
        assert worker.get("/readyz")[0] == 503
    finally:
        stream.kafka.start(1)
    worker.wait_until_ready()
    assert stream.verdict() == Verdict()


def test_workers_stop_cleanly_while_kafka_is_away(fragile_stream: Stream) -> None:
    stream = fragile_stream
    [running] = stream.ready_workers(1)
    stream.send_reviews(100)
    stream.wait_until_done()
    stream.kafka.kill(1)
    try:
        starting = stream.worker()
        for worker in (starting, running):
            worker.wait_for_event(AWAY)
            status, seconds = worker.stop()
            assert (status, seconds < STOP_SECONDS) == (0, True)
    finally:
        stream.kafka.start(1)
