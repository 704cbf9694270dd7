from collections.abc import Iterator

import pytest
import redis as redis_client

from deploy.local.redis import LocalRedis
from worker.cache import Cache
from worker.errors import BadUse


@pytest.fixture
def client(redis: LocalRedis) -> Iterator[redis_client.Redis]:
    with redis_client.Redis.from_url(redis.url) as client:
        yield client


def test_sentiments_are_stored_under_their_ids_and_expire(redis: LocalRedis, client: redis_client.Redis) -> None:
    cache = Cache(redis.url, expiry_seconds=60, timeout_seconds=1)
    assert cache.write([("cache-1", b"{}"), ("cache-2", b"[]")])
    assert client.get("sentiment:cache-1") == b"{}"
    assert 50 < client.ttl("sentiment:cache-2") <= 60
    cache.close()


def test_a_redis_that_refuses_is_noticed() -> None:
    with LocalRedis() as full, redis_client.Redis.from_url(full.url) as client:
        client.config_set("maxmemory", "1")
        cache = Cache(full.url, 60, 1)
        assert not cache.write([("a", b"1"), ("b", b"2")])
        cache.close()


def test_ids_and_values_of_any_characters_are_stored(redis: LocalRedis, client: redis_client.Redis) -> None:
    cache = Cache(redis.url, 60, 1)
    assert cache.write([("é\r\n$5\r\n\u0000", b"\r\n\x00")])
    assert client.get("sentiment:é\r\n$5\r\n\u0000") == b"\r\n\x00"
    cache.close()


def test_a_redis_that_is_away_costs_one_try_per_pause() -> None:
    now = [0.0]
    cache = Cache("redis://127.0.0.1:1", 60, 0.2, lambda: now[0])
    assert not cache.write([("a", b"1")])
    cache._redis = None  # type: ignore[assignment]  # any use of it would raise
    assert not cache.write([("b", b"2")])


def test_it_tries_again_after_the_pause(redis: LocalRedis) -> None:
    now = [0.0]
    with LocalRedis() as own:
        cache = Cache(own.url, 60, 0.5, lambda: now[0])
        own.stop()
        assert not cache.write([("a", b"1")])
        own.start()
        now[0] = 20.0
        assert cache.write([("a", b"1")])
        cache.close()


def test_a_wrong_address_is_said_in_a_sentence() -> None:
    with pytest.raises(BadUse, match="SENTIMENT_REDIS_URL: "):
        Cache("http://nowhere", 60, 1)
