"""Whether Redis takes sentiments: on a real one, and what is thought of its memory."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

from deploy.local.processes import free_ports
from deploy.local.redis import LocalRedis
from worker.cache import Cache, CacheFault
from worker.commands.doctor.redis import CacheFacts, evaluate, probe
from worker.commands.doctor.results import Finding, Mark

DAY = 86_400
GIGABYTE = 10**9
FACTS = CacheFacts("7.2.0", 1_000_000, 10 * GIGABYTE, 32 * GIGABYTE, "volatile-ttl", 350)


@pytest.fixture
def own_redis() -> Iterator[LocalRedis]:
    """A Redis that may be filled up and spoilt."""
    with LocalRedis() as redis:
        yield redis


def probed(url: str) -> CacheFacts | CacheFault:
    cache = Cache(url, expiry_seconds=DAY, timeout_seconds=2.0)
    try:
        return probe(cache)
    finally:
        cache.close()


def fault(url: str) -> CacheFault:
    found = probed(url)
    assert isinstance(found, CacheFault)
    return found


def as_user(redis: LocalRedis, *rules: str) -> str:
    """The address for a user of its own, who may do what the rules say."""
    with Redis.from_url(redis.url) as admin:
        admin.execute_command("ACL", "SETUSER", "worker", "reset", "on", ">right", *rules)
    return redis.url.replace("redis://", "redis://worker:right@")


def room(rate: float | None, **changed: object) -> Finding:
    return evaluate(replace(FACTS, **changed), rate, DAY)[1]  # type: ignore[arg-type]


def test_a_redis_that_takes_sentiments_keeps_nothing_of_the_trial(own_redis: LocalRedis) -> None:
    found = probed(own_redis.url)
    assert isinstance(found, CacheFacts)
    assert (found.policy, found.limit_bytes) == ("noeviction", 0)
    assert 200 < found.key_bytes < 1_000
    assert "written, and removed again" in evaluate(found, None, DAY)[0].found
    with Redis.from_url(own_redis.url) as client:
        assert client.dbsize() == 0


def test_a_redis_that_is_down_fails_with_the_setting() -> None:
    [port] = free_ports(1)
    found = fault(f"redis://127.0.0.1:{port}/0")
    assert found.found.startswith("does not answer")
    assert "SENTIMENT_REDIS_URL" in found.advice


def test_a_wrong_password_is_told_from_a_redis_that_is_down(own_redis: LocalRedis) -> None:
    found = fault(as_user(own_redis, "~*", "+@all").replace("right", "wrong"))
    assert found.found.startswith("refuses the login")
    assert "SENTIMENT_REDIS_PASSWORD" in found.advice
    assert "wrong" not in found.found.lower().replace("wrongpass", "")


def test_a_user_who_may_not_write_learns_what_to_grant(own_redis: LocalRedis) -> None:
    found = fault(as_user(own_redis, "~*", "+get"))
    assert found.found.startswith("denies a command")
    assert "permissions.md" in found.advice


def test_a_user_who_may_only_write_sentiments_is_enough(own_redis: LocalRedis) -> None:
    found = probed(as_user(own_redis, "~sentiment:*", "+set"))
    assert isinstance(found, CacheFacts)
    assert found.used_bytes is None
    taken, room = evaluate(found, 100.0, DAY)
    assert (taken.mark, room.mark) == (Mark.OK, Mark.SKIPPED)
    assert taken.found == "takes sentiments (written, and gone by itself within 10 s)"
    with Redis.from_url(own_redis.url) as client:
        [key] = client.keys()
        assert 0 < client.ttl(key) <= 10


def test_a_full_redis_that_evicts_nothing_fails(own_redis: LocalRedis) -> None:
    with Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "1")
    assert fault(own_redis.url).found.startswith("is full")


def test_a_replica_fails(own_redis: LocalRedis) -> None:
    [port] = free_ports(1)
    with Redis.from_url(own_redis.url) as client:
        client.replicaof("127.0.0.1", str(port))
    assert "name the primary" in fault(own_redis.url).advice


def test_room_for_all_that_comes_within_the_expiry_is_fine() -> None:
    assert room(rate=100.0).mark is Mark.OK


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "before their time"),
        ({"policy": "noeviction"}, "writes will be refused"),
        ({"limit_bytes": 0, "policy": "noeviction"}, "it will be killed"),
    ],
)
def test_too_little_room_is_a_warning_that_says_what_will_happen(changed: dict[str, object], expected: str) -> None:
    finding = room(rate=2_000.0, **changed)
    assert finding.mark is Mark.WARNING
    assert expected in finding.found


def test_a_shorter_expiry_that_fits_is_named() -> None:
    advice = room(rate=1_000.0).advice
    seconds = int(advice.split("SENTIMENT_REDIS_EXPIRY_SECONDS=")[1])
    assert evaluate(FACTS, 1_000.0, seconds)[1].mark is Mark.OK


def test_without_a_rate_the_room_is_not_judged() -> None:
    assert room(rate=None).mark is Mark.SKIPPED
