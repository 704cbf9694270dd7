import itertools
from collections.abc import Iterator

import pytest
import redis as redis_client

from deploy.local.redis import LocalRedis
from worker.__main__ import main
from worker.cache import Cache
from worker.commands.cache_fill import Counts, fill
from worker.errors import StopWorker
from worker.kafka.types import Record
from worker.messages import Sentiment, encode_sentiment

NOW = 1_000_000.0
_numbers = itertools.count()


@pytest.fixture
def cache(redis: LocalRedis) -> Iterator[Cache]:
    cache = Cache(redis.url, expiry_seconds=60, timeout_seconds=5)
    yield cache
    cache.close()


@pytest.fixture
def client(redis: LocalRedis) -> Iterator[redis_client.Redis]:
    with redis_client.Redis.from_url(redis.url) as client:
        yield client


@pytest.fixture
def review_id() -> str:
    return f"fill-{next(_numbers)}"


def record(review_id: str, scored_second: int = 0, age_seconds: float = 0.0) -> Record:
    scored_at = f"2026-01-31T12:00:{scored_second:02}.000Z"
    value = encode_sentiment(Sentiment(review_id, "positive", {"positive": 1.0}, 1.0, "imdb", 1, {}, scored_at))
    return Record("sentiments", 0, 0, int((NOW - age_seconds) * 1000), b"k", value, ())


def filled(cache: Cache, *records: Record) -> Counts:
    return fill(cache, [records], expiry_seconds=60, clock=lambda: NOW)


def test_a_sentiment_lives_for_what_is_left_of_its_time(
    cache: Cache, client: redis_client.Redis, review_id: str
) -> None:
    written = record(review_id, age_seconds=20)
    assert filled(cache, written).written == 1
    assert client.get(f"sentiment:{review_id}") == written.value
    assert 35 < client.ttl(f"sentiment:{review_id}") <= 40


def test_what_has_expired_is_not_written(cache: Cache, client: redis_client.Redis, review_id: str) -> None:
    assert filled(cache, record(review_id, age_seconds=60)).expired == 1
    assert client.get(f"sentiment:{review_id}") is None


def test_a_record_from_a_fast_clock_does_not_live_longer(
    cache: Cache, client: redis_client.Redis, review_id: str
) -> None:
    filled(cache, record(review_id, age_seconds=-3_600))
    assert client.ttl(f"sentiment:{review_id}") <= 60


@pytest.mark.parametrize("order", [[1, 2], [2, 1]])
def test_the_sentiment_that_was_scored_last_stays(
    cache: Cache, client: redis_client.Redis, review_id: str, order: list[int]
) -> None:
    filled(cache, *(record(review_id, second) for second in order))
    assert client.get(f"sentiment:{review_id}") == record(review_id, 2).value


def test_what_a_worker_wrote_meanwhile_stays(cache: Cache, client: redis_client.Redis, review_id: str) -> None:
    newer = record(review_id, 30).value or b""
    cache.write([(review_id, newer)])
    assert filled(cache, record(review_id, 10)) == Counts(read=1, written=0, newer_kept=1)
    assert client.get(f"sentiment:{review_id}") == newer


def test_of_two_scored_at_once_the_later_in_the_topic_stays(
    cache: Cache, client: redis_client.Redis, review_id: str
) -> None:
    first = record(review_id)
    second = first._replace(value=(first.value or b"").replace(b"positive", b"negative"))
    filled(cache, first, second)
    assert client.get(f"sentiment:{review_id}") == second.value


@pytest.mark.parametrize("held", [b"garbage", b"[]", b"7", b'{"scored_at":5}', b"[" * 2_000])
def test_what_is_no_sentiment_in_redis_is_overwritten(
    cache: Cache, client: redis_client.Redis, review_id: str, held: bytes
) -> None:
    client.set(f"sentiment:{review_id}", held)
    assert filled(cache, record(review_id)).written == 1


def test_records_without_a_sentiment_are_counted(cache: Cache) -> None:
    assert filled(cache, record("x")._replace(value=b"?")) == Counts(read=1, no_sentiment=1)


def test_a_redis_that_is_away_ends_it() -> None:
    cache = Cache("redis://127.0.0.1:1/0", 60, 1)
    with pytest.raises(StopWorker, match="Redis does not answer"):
        cache.check()
    with pytest.raises(StopWorker, match="run the command again once it answers"):
        filled(cache, record("x"))


def test_without_a_cache_there_is_nothing_to_fill(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache-fill"]) == 2
    assert "set SENTIMENT_REDIS_URL" in capsys.readouterr().err
