"""Redis is a view: while it is down or hangs the stream goes on, and afterwards it is written again."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from deploy.local.kafka import LocalKafka
from deploy.local.redis import LocalRedis
from tests.kafka.stream import Stream
from tests.kafka.waiting import eventually, now
from worker.commands.rolling_check.checker import Verdict

FAILS = "the cache fails; the stream goes on without it"
BACK = "the cache answers again; python -m worker cache-fill writes what it missed"


@pytest.fixture
def fragile_redis() -> Iterator[LocalRedis]:
    """A Redis of the test's own, to end or to pause."""
    with LocalRedis() as server:
        yield server


@pytest.fixture
def cached(kafka: LocalKafka, fragile_redis: LocalRedis) -> Iterator[Stream]:
    """A stream whose workers write to that Redis; the Kafka client makes no difference here."""
    with Stream(kafka, "kafka-python", redis_url=fragile_redis.url) as stream:
        yield stream


def cached_ids(server: LocalRedis) -> set[str]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        return {str(key).removeprefix("sentiment:") for key in client.scan_iter("sentiment:*", count=1_000)}


@pytest.mark.alone
@pytest.mark.parametrize(
    ("away", "back"),
    [(LocalRedis.stop, LocalRedis.start), (LocalRedis.pause, LocalRedis.resume)],
    ids=["down", "hangs"],
)
def test_the_stream_goes_on_without_redis_and_writes_to_it_again(
    cached: Stream, fragile_redis: LocalRedis, away: Callable[[LocalRedis], None], back: Callable[[LocalRedis], None]
) -> None:
    [worker] = cached.ready_workers(1)
    with cached.load(per_second=200):
        cached.wait_for_results(200)
        since = now()
        away(fragile_redis)
        cached.wait_for_results(600)
        assert cached.longest_gap(since) < 3
        failed = worker.metric("cache_errors_total")
        back(fragile_redis)
        worker.wait_for_event(BACK)
    assert failed > 0
    assert len(worker.events(FAILS)) == len(worker.events(BACK)) == 1
    assert cached.verdict() == Verdict()


def test_redis_holds_every_sentiment_as_it_is_in_the_topic(cached: Stream, fragile_redis: LocalRedis) -> None:
    cached.ready_workers(1)
    cached.send_reviews(300)
    cached.wait_until_done()
    in_topic = {sentiment.id: value for sentiment, value in cached.sentiments()}
    eventually(lambda: len(cached_ids(fragile_redis)) == 300, 10, "Redis lacks sentiments")
    with Redis.from_url(fragile_redis.url) as client:
        assert {name: client.get(f"sentiment:{name}") for name in in_topic} == in_topic
