"""A topic full of what is no review stops the worker, and a restart does not drain it either."""

import itertools

from deploy.local.kafka import LocalKafka
from tests.kafka.load import Draft, reviews
from tests.kafka.stream import Stream
from worker.commands.rolling_check.checker import Verdict

END_SECONDS = 40.0


def garbage(count: int) -> list[Draft]:
    return [Draft(f"key-{number % 40}".encode(), b"no review") for number in range(count)]


def test_too_many_dead_letters_stop_the_worker_and_every_restart(stream: Stream) -> None:
    stream.send(*garbage(4_000))
    for _ in range(3):
        worker = stream.worker()
        assert worker.wait_for_end(END_SECONDS) == 1
        assert "more than 50% of the last 1000 records hold no valid review" in worker.error()
        assert "SENTIMENT_MAX_DEAD_LETTER_RATIO" in worker.error()
    assert len(stream.records(stream.dead_letters)) < 1_000


def test_a_few_dead_letters_stop_nothing(stream: Stream) -> None:
    drafts = itertools.chain.from_iterable(zip(reviews("good"), garbage(1_000), strict=False))
    stream.send(*itertools.chain(drafts, itertools.islice(reviews("more"), 100)))
    stream.ready_workers(1)
    assert stream.verdict() == Verdict()
    assert len(stream.records(stream.dead_letters)) == 1_000


def test_with_the_limit_raised_the_rest_passes(kafka: LocalKafka) -> None:
    with Stream(kafka, "kafka-python") as stream:
        stream.send(*garbage(1_500))
        assert stream.worker().wait_for_end(END_SECONDS) == 1
        stream.ready_workers(1, max_dead_letter_ratio="1")
        assert stream.verdict() == Verdict()
