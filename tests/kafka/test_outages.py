"""The only broker goes away or stands still: workers stay alive, say so once, and go on where they were.

Both clients go through the same outage, each with a stream and workers of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from deploy.local.kafka import LocalKafka
from tests.kafka.conftest import CLIENTS
from tests.kafka.stream import DEADLINE_SECONDS, Stream
from tests.kafka.waiting import stays
from tests.kafka.workers import STOP_SECONDS, Worker
from worker.commands.rolling_check.checker import Verdict

AWAY = "no Kafka server answers; waiting"
BACK = "Kafka answers again"
# All lines of a worker's life with one outage in it; without a limit an outage writes hundreds.
MOST_LINES = 25
# Long enough for every worker to notice.
AWAY_SECONDS = DEADLINE_SECONDS + 4
MOST_PAUSES = 6


@pytest.fixture(scope="module")
def fragile_kafka() -> Iterator[LocalKafka]:
    """One broker of the module's own: a test that ends it starts it again."""
    with LocalKafka() as kafka:
        yield kafka


@pytest.fixture
def streams(fragile_kafka: LocalKafka) -> Iterator[list[Stream]]:
    with streams_on(fragile_kafka) as streams:
        yield streams


@pytest.fixture
def patient_kafka() -> Iterator[LocalKafka]:
    """A broker that does not count itself out while it stands still, which would be a restart of sorts."""
    with LocalKafka(properties={"broker.session.timeout.ms": "60000"}) as kafka:
        yield kafka


@contextmanager
def streams_on(kafka: LocalKafka) -> Iterator[list[Stream]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Stream(kafka, client)) for client in CLIENTS]


@contextmanager
def load(streams: list[Stream]) -> Iterator[None]:
    with ExitStack() as stack:
        for stream in streams:
            stack.enter_context(stream.load(per_second=150))
        yield


def all_live(streams: list[Stream]) -> bool:
    return all(worker.lives() for stream in streams for worker in stream.workers)


def reported_once(worker: Worker) -> bool:
    return [len(worker.events(event)) for event in (AWAY, BACK)] == [1, 1] and len(worker.log.split("\n")) < MOST_LINES


@pytest.mark.parametrize(
    "end", [pytest.param(LocalKafka.stop, marks=pytest.mark.slow), LocalKafka.kill], ids=["SIGTERM", "SIGKILL"]
)
def test_workers_outlive_a_restart_of_the_broker(
    streams: list[Stream], fragile_kafka: LocalKafka, end: Callable[[LocalKafka, int], None]
) -> None:
    """They are caught up when it goes: what a broker without replicas was just committing, Kafka 4.3 does not finish
    when it is back (it takes the partitions for deleted), and readers of committed records wait there for ever.
    """
    for stream in streams:
        stream.ready_workers(2)
        stream.send_reviews(300)
        stream.wait_until_done()
    end(fragile_kafka, 1)
    with load(streams):
        assert stays(lambda: all_live(streams), AWAY_SECONDS)
        fragile_kafka.start(1)
        for stream in streams:
            stream.wait_for_results(300)
    for stream in streams:
        assert stream.verdict() == Verdict()
        assert all(reported_once(worker) for worker in stream.workers)


def test_at_least_once_loses_nothing_when_the_broker_crashes_under_load(
    streams: list[Stream], fragile_kafka: LocalKafka
) -> None:
    for stream in streams:
        stream.ready_workers(1, delivery="at_least_once")
    with load(streams):
        for stream in streams:
            stream.wait_for_results(150)
        fragile_kafka.kill(1)
        fragile_kafka.start(1)
        for stream in streams:
            stream.wait_for_results(400)
    for stream in streams:
        assert stream.verdict().but_for_duplicates() == Verdict()


def expired(stream: Stream) -> float:
    return sum(worker.metric("transactions_total", outcome="expired") for worker in stream.workers)


@pytest.mark.slow
def test_a_broker_that_stands_still_past_the_deadline_loses_and_doubles_nothing(patient_kafka: LocalKafka) -> None:
    with streams_on(patient_kafka) as streams:
        for stream in streams:
            stream.ready_workers(2)
        with load(streams):
            # It shows nothing of a worker that has no batch in hand when the broker stops.
            for _ in range(MOST_PAUSES):
                stand_still(patient_kafka, streams)
                if all(map(expired, streams)):
                    break
        for stream in streams:
            assert expired(stream) > 0
            assert stream.verdict() == Verdict()


def stand_still(kafka: LocalKafka, streams: list[Stream]) -> None:
    for stream in streams:
        stream.wait_for_results(150)
    kafka.pause(1)
    assert stays(lambda: all_live(streams), DEADLINE_SECONDS + 2)
    kafka.resume(1)
    for stream in streams:
        stream.wait_for_results(400)


def test_a_broker_that_only_accepts_connections_is_away_until_it_answers(patient_kafka: LocalKafka) -> None:
    """Neither it nor what stands before it refuses connections then; workers wait as for one that is gone."""
    with streams_on(patient_kafka) as streams:
        for stream in streams:
            stream.ready_workers(1)
            stream.send_reviews(100)
            stream.wait_until_done()
        patient_kafka.pause(1)
        for stream in streams:
            stream.workers[0].wait_for_event(AWAY)
            assert stream.workers[0].metric("kafka_up") == 0
        assert stays(lambda: all_live(streams), AWAY_SECONDS)
        patient_kafka.resume(1)
        for stream in streams:
            stream.send_reviews(100)
            assert stream.verdict() == Verdict()
            assert stream.workers[0].events(BACK)


def test_without_kafka_workers_wait_to_start_and_can_be_stopped(
    streams: list[Stream], fragile_kafka: LocalKafka
) -> None:
    for stream in streams:
        stream.ready_workers(1)
        stream.send_reviews(100)
        stream.wait_until_done()
    fragile_kafka.kill(1)
    try:
        patient = [stream.worker() for stream in streams]
        for worker in [*(stream.workers[0] for stream in streams), *(stream.worker() for stream in streams)]:
            worker.wait_for_event(AWAY)
            status, seconds = worker.stop()
            assert (status, seconds < STOP_SECONDS) == (0, True)
        assert [(worker.lives(), worker.get("/readyz")[0]) for worker in patient] == [(True, 503), (True, 503)]
    finally:
        fragile_kafka.start(1)
    for stream in streams:
        stream.send_reviews(100)
        assert stream.verdict() == Verdict()
