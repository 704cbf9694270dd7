"""The permissions that permissions.md lists are enough, and each is needed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.registry.registry import Registry
from tests.kafka.load import Draft
from tests.kafka.permissions import needed
from tests.kafka.secure_kafka import Permission, SecureKafka
from tests.kafka.stream import Stream
from tests.kafka.topics import committed, new_topic, topic_names, unique
from tests.kafka.waiting import eventually
from tests.kafka.workers import Worker
from tests.versions import NAME, OPPOSITE, add_version
from tests.worker.commands.command_line import Commands
from worker.commands.rolling_check.checker import Verdict
from worker.kafka.connect import open_broker
from worker.kafka.types import Topic
from worker.settings.settings import load

END_SECONDS = 60.0


class Guarded:
    """A stream on the locked Kafka, and workers with exactly the permissions that they are given."""

    def __init__(self, secure: SecureKafka, stream: Stream, exactly_once: bool = True, shadow_topic: str = "") -> None:
        self.stream = stream
        self._secure = secure
        self._delivery = "exactly_once" if exactly_once else "at_least_once"
        group = unique("group")
        names = {"reviews": stream.input, "sentiments": stream.output, "reviews.dead-letter": stream.dead_letters}
        self._group = group
        names |= {"sentiment": group, "sentiment-": f"{group}-", "SENTIMENT_SHADOW_TOPIC": shadow_topic}
        conditions = {"exactly once": exactly_once, "where it is set": bool(shadow_topic)}
        self.permissions = needed("run", names, *(name for name, holds in conditions.items() if holds))

    def worker(self, permissions: list[Permission], **settings: str) -> Worker:
        """A worker that logs in as a user who may do this and nothing else."""
        user = unique("user")
        self._secure.add_user(user)
        self._secure.allow(user, permissions)
        login = self._secure.settings("SCRAM-SHA-512", user)
        lowered = {name.removeprefix("SENTIMENT_").lower(): value for name, value in login.items()}
        reported = {"kafka_group_id": self._group, "delivery": self._delivery} | lowered | settings
        return self.stream.worker(**reported)

    def without(self, permission: Permission, **settings: str) -> Worker:
        """A worker that lacks one of the permissions."""
        return self.worker([each for each in self.permissions if each != permission], **settings)


@pytest.fixture
def guarded_stream(secure: SecureKafka, client: str) -> Iterator[Stream]:
    with Stream(secure, client) as stream:
        yield stream


@pytest.mark.parametrize("exactly_once", [True, False], ids=["exactly once", "at least once"])
def test_what_the_page_lists_is_enough(secure: SecureKafka, guarded_stream: Stream, exactly_once: bool) -> None:
    guarded = Guarded(secure, guarded_stream, exactly_once)
    guarded.worker(guarded.permissions).wait_until_ready()
    guarded_stream.send_reviews(100)
    guarded_stream.send(Draft(b"key", b"no review"))
    assert guarded_stream.verdict() == Verdict()


@pytest.mark.parametrize("client", ["kafka-python"])
def test_a_shadow_writes_with_what_the_page_lists_and_without_it_the_stream_goes_on(
    secure: SecureKafka, guarded_stream: Stream, tmp_path: Path
) -> None:
    topic, versions = new_topic(secure, "shadow"), [add_version(tmp_path), add_version(tmp_path, OPPOSITE)]
    Registry(tmp_path).set_label(NAME, "shadow", versions[1], 1.0)
    reported = {"model_store": str(tmp_path), "model_name": NAME, "shadow_topic": topic}
    guarded, reason = Guarded(secure, guarded_stream, shadow_topic=topic), "what is only tried cannot reach Kafka"
    [write] = [permission for permission in guarded.permissions if permission.name == topic]
    silent = guarded.without(write, **reported)
    silent.wait_until_ready()
    with guarded_stream.load(100):
        silent.wait_for_event(f"{reason}; the stream goes on")
        assert committed(secure, topic) == []
        writing = guarded.worker(guarded.permissions, **reported)
        eventually(lambda: committed(secure, topic), 60, "the shadow said nothing")
    assert guarded_stream.verdict(versions=versions[:1]) == Verdict()
    assert write.name in silent.log
    assert reason not in writing.log


def test_topics_are_created_with_what_the_page_lists(secure: SecureKafka, client: str) -> None:
    names = {name: unique(name) for name in ("reviews", "sentiments", "reviews.dead-letter", "SENTIMENT_SHADOW_TOPIC")}
    user = unique("user")
    secure.add_user(user)
    secure.allow(user, needed("run --create-topics", names, "where it is set"))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in secure.settings("SCRAM-SHA-512", user).items():
            environment.setenv(name, value)
        broker = open_broker(client, load({}).connection(), None, None)
    broker.create_topics([Topic(name, 1, 1, {}) for name in names.values()])
    broker.close()
    eventually(lambda: set(names.values()) <= topic_names(secure), 30, "not all topics are there")


def test_no_topic_is_created_with_the_permissions_of_a_run_alone(secure: SecureKafka, client: str) -> None:
    commands, user, missing = Commands(secure, client), unique("user"), unique("reviews")
    group = commands.settings["SENTIMENT_KAFKA_GROUP_ID"]
    names = {"reviews": missing, "sentiments": commands.output, "reviews.dead-letter": commands.dead_letters}
    secure.add_user(user)
    secure.allow(user, needed("run", names | {"sentiment": group, "sentiment-": f"{group}-"}, "exactly once"))
    login = secure.settings("SCRAM-SHA-512", user)
    commands.settings |= login | {"SENTIMENT_INPUT_TOPIC": missing, "SENTIMENT_MODEL_NAME": "imdb"}
    status, _, reported = commands.outcome("run", "--create-topics", "--http-host", "127.0.0.1", "--http-port", "0")
    [sentence] = [line for line in reported.splitlines() if line.startswith("error: ")]
    assert status == 1
    assert missing in sentence
    assert "see worker/docs/permissions.md" in sentence
    assert "Traceback" not in reported
    assert missing not in topic_names(secure)


# Each of them with one client, and with the other what it reports in ways of its own.
LACKING = [("kafka-python", name) for name in ("reviews", "sentiments", "dead-letters", "group", "group-")]
LACKING += [("librdkafka", name) for name in ("sentiments", "group", "group-")]


@pytest.fixture(scope="module")
def refused(secure: SecureKafka) -> Iterator[dict[tuple[str, str], Worker]]:
    """Workers that lack one permission each, by client and name, started together: most of it is waiting."""
    with Stream(secure, "kafka-python") as stream:
        guarded = Guarded(secure, stream)
        stream.send_reviews(10)
        lacked = {re.sub(r"-\d+-[0-9a-f]{8}", "", permission.name): permission for permission in guarded.permissions}
        assert set(lacked) == {name for _, name in LACKING}
        reported = {"model_name": "imdb"}  # the smallest one: it never gets to score
        yield {
            (client, name): guarded.without(lacked[name], kafka_client=client, **reported) for client, name in LACKING
        }


@pytest.mark.parametrize(("client", "lacked"), LACKING)
def test_without_one_of_them_the_worker_ends_with_a_sentence(
    refused: dict[tuple[str, str], Worker], client: str, lacked: str
) -> None:
    worker = refused[client, lacked]
    assert worker.wait_for_end(END_SECONDS) == 1
    assert "see worker/docs/permissions.md" in worker.error()
    assert "Traceback" not in worker.log
    if not lacked.startswith("group"):
        assert f"{lacked}-" in worker.error()
