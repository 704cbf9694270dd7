"""The topics that deploy/kubernetes/README.md has people create are those that workers would create, and want."""

import argparse
import re
import shlex

import pytest

from tests.deploy.manifests import KUBERNETES, container_of, settings_of
from worker.commands import run
from worker.commands.doctor.results import Mark
from worker.commands.doctor.topics import DEAD_LETTERS, INPUT, Purpose, evaluate, output_purpose
from worker.kafka.admin import TopicFacts
from worker.kafka.types import MAX_MESSAGE_BYTES
from worker.settings.settings import Settings

README = (KUBERNETES / "README.md").read_text(encoding="utf-8")
[(TOPICS, COMMAND)] = re.findall(r"for topic in (.+?); do\n(.+?)\n +done\n", README, re.DOTALL)
OUTPUT = output_purpose(Settings.model_fields["redis_expiry_seconds"].default)


def _options() -> argparse.Namespace:
    """The flags of the command, as kafka-topics.sh knows them."""
    flags = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--bootstrap-server", "--command-config", "--topic"):
        flags.add_argument(name, required=True)
    for name in ("--create", "--if-not-exists"):
        flags.add_argument(name, action="store_true", required=True)
    for name in ("--partitions", "--replication-factor"):
        flags.add_argument(name, type=int, required=True)
    flags.add_argument("--config", action="append", type=lambda text: tuple(text.split("=")))
    tool, *arguments = shlex.split(COMMAND.replace("\\\n", ""))
    assert tool == "kafka-topics.sh"
    return flags.parse_args(arguments)


def test_they_are_the_topics_of_the_production_overlay_which_creates_none() -> None:
    assert "--create-topics" not in container_of("production").get("args", [])
    given = settings_of("production")
    names = ("input_topic", "output_topic", "dead_letter_topic")
    assert TOPICS.split() == [
        given.get(f"SENTIMENT_{name.upper()}", Settings.model_fields[name].default) for name in names
    ]
    assert _options().topic == "$topic"
    assert _options().bootstrap_server in given["SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"].split(",")


def test_they_are_made_as_workers_make_them() -> None:
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    assert _options().partitions == parser.parse_args([]).partitions
    assert dict(_options().config)["max.message.bytes"] == str(MAX_MESSAGE_BYTES)


@pytest.mark.parametrize("purpose", [INPUT, OUTPUT, DEAD_LETTERS], ids=lambda purpose: purpose.title)
def test_the_doctor_has_nothing_to_say_about_them(purpose: Purpose) -> None:
    made = _options()
    facts = TopicFacts("topic", made.partitions, made.replication_factor, made.replication_factor, 0, frozenset())
    # Kafka's own retention, a week, for what the command leaves to the brokers.
    settings = dict(made.config) | {"retention.ms": "604800000"}
    assert [each.mark for each in evaluate(facts, settings, purpose, "kafka:9092")] == [Mark.OK]
