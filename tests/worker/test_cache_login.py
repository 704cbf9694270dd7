"""The cache behind TLS, client certificates and users with few permissions; what is wrong is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.certificates import Authority
from tests.kafka.permissions import redis_commands
from tests.kafka.topics import unique
from tests.secure_redis import PASSWORD, SecureRedis, secure_redis
from worker.cache import Cache, CacheEntry
from worker.errors import StopWorker
from worker.tls import RedisLogin, TlsFiles

ENTRY = CacheEntry("r1", b'{"scored_at": "2"}', "2", 60.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureRedis]:
    with secure_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


def opened(server: SecureRedis, commands: list[str], tls: TlsFiles | None = None, password: str = PASSWORD) -> Cache:
    """A cache whose user may do this."""
    user = unique("user")
    server.add_user(user, commands)
    return Cache(server.url, 60, 2, login=RedisLogin(user, password, tls or server.tls))


def test_a_worker_writes_with_the_commands_that_the_readme_lists(server: SecureRedis) -> None:
    cache = opened(server, redis_commands("run"))
    assert cache.write([("r17", b"value")])
    with server.admin() as admin:
        assert admin.get("sentiment:r17") == b"value"


def test_cache_fill_fills_with_the_commands_that_the_readme_lists(server: SecureRedis) -> None:
    cache = opened(server, redis_commands("cache-fill"))
    assert check_and_fill(cache) == 1


def check_and_fill(cache: Cache) -> int:
    """As the command does."""
    cache.check()
    return cache.fill([ENTRY])


@pytest.mark.parametrize("lacking", redis_commands("cache-fill"))
def test_cache_fill_needs_each_of_them(server: SecureRedis, lacking: str) -> None:
    with server.admin() as admin:
        admin.execute_command("SCRIPT", "FLUSH")
        admin.set("sentiment:r1", b'{"scored_at": "1"}')
    cache = opened(server, [command for command in redis_commands("cache-fill") if command != lacking])
    with pytest.raises(StopWorker, match=r"see worker/docs/permissions\.md"):
        check_and_fill(cache)


def reason(cache: Cache) -> str:
    """What is logged when a write fails; nothing is raised, so the stream goes on."""
    with capture_logs() as logs:
        assert not cache.write([("r17", b"value")])
    [line] = logs
    assert PASSWORD not in str(line)
    return str(line["error"])


def test_a_worker_without_permission_says_so(server: SecureRedis) -> None:
    assert "see worker/docs/permissions.md" in reason(opened(server, ["GET"]))


def test_a_wrong_password_is_said(server: SecureRedis) -> None:
    assert "SENTIMENT_REDIS_PASSWORD" in reason(opened(server, ["SET"], password="open-barley"))


def test_a_server_of_another_authority_is_not_trusted(server: SecureRedis, tmp_path: Path) -> None:
    stranger = TlsFiles(Authority(tmp_path).file, server.tls.certificate_file, server.tls.key_file)
    assert "check SENTIMENT_REDIS_SSL_CA_FILE" in reason(opened(server, ["SET"], stranger))


def test_a_server_under_another_name_is_not_trusted(server: SecureRedis) -> None:
    cache = Cache(server.url.replace("127.0.0.1", "localhost"), 60, 2, login=RedisLogin(tls=server.tls))
    assert "not valid for 'localhost'" in reason(cache)


@pytest.mark.parametrize("expired", [True, False], ids=["expired", "none"])
def test_a_client_certificate_that_is_refused_is_said(server: SecureRedis, expired: bool) -> None:
    own = server.authority.issue("expired", expired=True)
    files = (own.certificate_file, own.key_file) if expired else ()
    cache = opened(server, ["SET"], TlsFiles(server.authority.file, *files))
    assert "SENTIMENT_REDIS_SSL_CERTIFICATE_FILE" in reason(cache)
