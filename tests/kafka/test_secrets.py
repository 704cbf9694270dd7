"""What a worker shows of itself holds none of its secrets, whatever it is told to log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.redis import LocalRedis
from tests.kafka.permissions import needed
from tests.kafka.secure_kafka import PASSWORD, SecureKafka
from tests.kafka.stream import Stream
from tests.kafka.topics import unique
from tests.kafka.workers import Worker

REDIS_PASSWORD = "open-sesame"
USER = "worker"  # the one that PLAIN knows too


@pytest.fixture
def talkative(secure: SecureKafka, redis: LocalRedis, client: str, mechanism: str) -> Iterator[Worker]:
    """A worker that logs all it can, whose Kafka lets it in and whose Redis does not."""
    with Stream(secure, client) as stream:
        group, topics = unique("group"), ("reviews", "sentiments", "reviews.dead-letter")
        names = dict(zip(topics, (stream.input, stream.output, stream.dead_letters), strict=True))
        secure.allow(USER, needed("run", names | {"sentiment": group, "sentiment-": f"{group}-"}, "exactly once"))
        login = {
            name.removeprefix("SENTIMENT_").lower(): value for name, value in secure.settings(mechanism, USER).items()
        }
        url = redis.url.replace("//", f"//somebody:{REDIS_PASSWORD}@")
        stream.send_reviews(10)
        yield stream.worker(kafka_group_id=group, log_level="debug", redis_url=url, **login)


@pytest.mark.parametrize("mechanism", ["PLAIN", "OAUTHBEARER"])
def test_a_worker_shows_no_secret(secure: SecureKafka, talkative: Worker, client: str) -> None:
    talkative.wait_until_ready()
    talkative.wait_for_event("the cache fails; the stream goes on without it")
    shown = [talkative.get(path)[1] for path in ("/metrics", "/livez", "/readyz", "/")]
    shown.append(Path(f"/proc/{talkative.process_id}/cmdline").read_text())
    talkative.stop()
    assert client == "librdkafka" or '"level": "debug"' in talkative.log
    for secret in (PASSWORD, REDIS_PASSWORD, *secure.endpoint.given):
        assert all(secret not in text for text in (*shown, talkative.log))
