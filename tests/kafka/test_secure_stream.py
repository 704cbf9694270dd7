"""A whole stream with every lock on: Kafka with TLS and tokens, Redis with TLS and a user, secrets from files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.permissions import needed, redis_commands
from tests.kafka.secure_kafka import PASSWORD, SecureKafka
from tests.kafka.stream import Stream
from tests.kafka.topics import unique
from tests.secure_redis import PASSWORD as REDIS_PASSWORD
from tests.secure_redis import SecureRedis, secure_redis
from worker.commands.rolling_check.checker import Verdict


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureRedis]:
    with secure_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


def kafka_login(secure: SecureKafka, stream: Stream, secret: Path, group: str) -> dict[str, str]:
    """Settings of a worker that gets its tokens with a secret in a file, and may do what permissions.md lists."""
    user = unique("user")
    names = {"reviews": stream.input, "sentiments": stream.output, "reviews.dead-letter": stream.dead_letters}
    secure.allow(user, needed("run", names | {"sentiment": group, "sentiment-": f"{group}-"}, "exactly once"))
    reported = {
        name.removeprefix("SENTIMENT_").lower(): value for name, value in secure.settings("OAUTHBEARER", user).items()
    }
    secret.write_text(reported.pop("kafka_sasl_oauth_client_secret"))
    return reported | {"kafka_sasl_oauth_client_secret_file": str(secret), "kafka_group_id": group}


def redis_login(server: SecureRedis, secret: Path) -> dict[str, str]:
    """Settings of a worker that may do in Redis what permissions.md lists."""
    server.add_user("worker", redis_commands("run"))
    secret.write_text(REDIS_PASSWORD)
    files = {"redis_password_file": secret, "redis_ssl_ca_file": server.tls.ca_file}
    files |= {"redis_ssl_certificate_file": server.tls.certificate_file, "redis_ssl_key_file": server.tls.key_file}
    return {"redis_url": server.url, "redis_username": "worker"} | {name: str(path) for name, path in files.items()}


def test_every_review_is_answered_and_cached(
    secure: SecureKafka, server: SecureRedis, client: str, tmp_path: Path
) -> None:
    with Stream(secure, client) as stream:
        login = kafka_login(secure, stream, tmp_path / "kafka", unique("group"))
        worker = stream.worker(**login, **redis_login(server, tmp_path / "redis"))
        stream.send_reviews(50)
        assert stream.verdict() == Verdict()
        with server.admin() as admin:
            assert all(admin.get(f"sentiment:{found.id}") == value for found, value in stream.sentiments())
        assert not any(secret in worker.log for secret in (PASSWORD, REDIS_PASSWORD))
