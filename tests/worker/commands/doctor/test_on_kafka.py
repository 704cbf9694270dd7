"""Looks at a real Kafka, with each client: what is good is found good, and what is wrong is found."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaAdminClient

from deploy.local.kafka import LocalKafka
from tests.contracts.worlds import after, poll
from tests.kafka.topics import new_topic, unique
from tests.worker.commands.command_line import Commands
from worker.commands.doctor.checks import CHECKS, examine
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.results import Finding, Mark
from worker.kafka.connect import open_broker
from worker.kafka.types import MAX_MESSAGE_BYTES, Message, Subscription
from worker.settings.settings import load

CLIENTS = ("kafka-python", "librdkafka")
ABOUT_KAFKA = tuple(check for check in CHECKS if check.subject not in ("machine", "model", "speed", "Redis"))
Doctor = Callable[..., dict[str, Finding]]


@pytest.fixture(params=CLIENTS)
def commands(kafka: LocalKafka, request: pytest.FixtureRequest) -> Commands:
    commands = Commands(kafka, request.param)
    commands.output = new_topic(kafka, "sentiments", max_message_bytes=str(MAX_MESSAGE_BYTES))
    commands.settings["SENTIMENT_OUTPUT_TOPIC"] = commands.output
    return commands


@pytest.fixture
def doctor(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """What is found about Kafka with these settings, the gravest by subject."""
    for name, value in commands.settings.items():
        monkeypatch.setenv(name, value)

    def examined(**settings: Any) -> dict[str, Finding]:
        context = CheckContext(load(settings))
        findings = sorted(examine(context, ABOUT_KAFKA), key=lambda each: list(Mark).index(each.mark))
        context.close()
        return {each.subject: each for each in findings}

    return examined


def review(topic: str, value: bytes = b'{"text":"a fine film"}') -> Message:
    return Message(topic, b"key", value, [])


def test_a_kafka_with_all_in_place_passes(doctor: Doctor, commands: Commands) -> None:
    commands.write(*[review(commands.input)] * 50)
    found = doctor()
    assert not [each for each in found.values() if each.mark is Mark.FAILS]
    assert found["permissions"].found.count("Write on") == 3
    assert found["reviews"].found == "read 50, all valid"
    assert found["positions"].found == "the group is new and begins with the oldest of 50 records"
    assert found["arrivals"].mark is Mark.OK


def test_missing_topics_fail_with_the_way_to_create_them(doctor: Doctor) -> None:
    nowhere = {role: unique("nowhere") for role in ("input_topic", "output_topic", "dead_letter_topic")}
    found = doctor(**nowhere)
    for name in nowhere.values():
        assert (found[f"topic {name}"].mark, found[f"topic {name}"].found) == (Mark.FAILS, "does not exist")
        assert "--create-topics" in found[f"topic {name}"].advice
    assert found["arrivals"].found == "the input topic was not seen"


def test_a_mistyped_topic_fails_with_the_one_that_is_meant(doctor: Doctor, kafka: LocalKafka) -> None:
    meant = new_topic(kafka, "mistyped")
    found = doctor(input_topic=f"{meant}z")[f"topic {meant}z"]
    assert found.advice.startswith(f"check SENTIMENT_INPUT_TOPIC (is {meant} meant, which exists?)")


def test_one_replica_is_told_once_for_all_topics(doctor: Doctor, commands: Commands) -> None:
    [warning] = [each for each in doctor().values() if "1 replica:" in each.found]
    names = (commands.input, commands.output, commands.dead_letters)
    assert (warning.mark, warning.subject) == (Mark.WARNING, f"topics {', '.join(names)}")


def test_a_server_that_accepts_and_never_answers_fails_in_time(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        found = doctor(kafka_bootstrap_servers=address, kafka_deadline_seconds="0.5")
    assert found["Kafka address"].mark is Mark.OK
    assert found["Kafka server"].mark is Mark.FAILS
    assert found["permissions"].mark is Mark.SKIPPED


def test_a_topic_for_small_messages_fails(doctor: Doctor, kafka: LocalKafka) -> None:
    small = new_topic(kafka, "small", max_message_bytes="500000")
    found = doctor(dead_letter_topic=small)[f"topic {small}"]
    assert found.mark is Mark.FAILS
    assert f"--add-config max.message.bytes={MAX_MESSAGE_BYTES}" in found.advice


def test_a_session_shorter_than_kafka_allows_fails(doctor: Doctor) -> None:
    found = doctor(kafka_session_timeout_seconds="0.5")["Kafka limits"]
    assert (found.mark, "0.5 s is refused" in found.found) == (Mark.FAILS, True)


def test_another_shape_of_reviews_fails_with_the_settings(doctor: Doctor, commands: Commands) -> None:
    commands.write(*[review(commands.input, b'{"body":"a fine film"}')] * 3)
    found = doctor()["reviews"]
    assert (found.mark, "SENTIMENT_TEXT_FIELD" in found.advice) == (Mark.FAILS, True)
    assert doctor(text_field="/body")["reviews"].mark is Mark.OK


def test_nothing_is_left_behind(doctor: Doctor, commands: Commands, kafka: LocalKafka) -> None:
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:
        doctor()
        group = commands.settings["SENTIMENT_KAFKA_GROUP_ID"]
        assert group not in {each["group_id"] for each in admin.list_groups()}
        ids = {each.transactional_id for some in admin.list_transactions().values() for each in some}
        assert not [each for each in ids if group in each]


def test_a_group_at_work_is_not_disturbed(doctor: Doctor, commands: Commands) -> None:
    commands.write(review(commands.input))
    settings = load({})
    subscription = Subscription(commands.input, settings.kafka_group_id)
    worker = open_broker(settings.kafka_client, settings.connection(), subscription, f"{settings.kafka_group_id}-a")
    worker.start(commands.output)
    [record] = poll(worker, 1)
    before = worker.rebalances(), worker.assignment()
    assert doctor()["group"].found.startswith(f"{settings.kafka_group_id} has 1 (on ")
    worker.commit(after([record]))
    assert (worker.rebalances(), worker.assignment()) == before
    worker.close()


def test_an_instance_id_in_use_fails(commands: Commands, doctor: Doctor) -> None:
    settings = load({})
    if settings.kafka_client == "librdkafka":
        assert doctor(instance_id="a")["instance id"].mark is Mark.SKIPPED
        return
    worker = open_broker(settings.kafka_client, settings.connection(), None, f"{settings.kafka_group_id}-a")
    worker.start(commands.output)
    assert doctor(instance_id="a")["instance id"].mark is Mark.OK
    worker.produce([review(commands.output)])
    assert doctor(instance_id="a")["instance id"].mark is Mark.FAILS
    worker.close()
