"""The permissions that permissions.md lists for the commands beside `run` are enough, with each client."""

import json

import pytest
from redis import Redis

from deploy.local.redis import LocalRedis
from deploy.local.topics import create_topics
from tests.kafka.permissions import needed
from tests.kafka.secure_kafka import SecureKafka
from tests.kafka.stream import MODEL, Stream
from tests.kafka.topics import committed, unique
from tests.worker.commands.command_line import Commands


@pytest.fixture
def commands(secure: SecureKafka, client: str) -> Commands:
    """Commands on topics of their own in the locked Kafka, which nobody may do anything with yet."""
    return Commands(secure, client)


def permit(secure: SecureKafka, commands: Commands, command: str, *conditions: str, target: str = "") -> None:
    """Have the commands log in as a user who may do what the page lists for one of them, and nothing else."""
    user, group = unique("user"), commands.settings["SENTIMENT_KAFKA_GROUP_ID"]
    topics = {"reviews": commands.input, "sentiments": commands.output, "reviews.dead-letter": commands.dead_letters}
    endings = ("", "-", "-dead-letter-replay", "-rescore-")
    names = topics | {f"sentiment{ending}": group + ending for ending in endings} | {"TARGET": target}
    secure.add_user(user)
    secure.allow(user, needed(command, names, *conditions))
    commands.settings |= secure.settings("SCRAM-SHA-256", user)


def test_send(secure: SecureKafka, commands: Commands) -> None:
    permit(secure, commands, "send")
    commands("send", "A wonderful film")
    assert len(committed(secure, commands.input)) == 1


def test_tail(secure: SecureKafka, commands: Commands) -> None:
    values = commands.write_sentiments("r1", "r2")
    permit(secure, commands, "tail")
    assert sorted(commands("tail", "--from-beginning", "--exit-at-end", "--json").splitlines()) == sorted(values)


def test_dead_letters_are_listed(secure: SecureKafka, commands: Commands) -> None:
    _write_dead_letters(secure, commands)
    permit(secure, commands, "dead-letters list")
    assert len(commands("dead-letters", "list", "--json").splitlines()) == 1


def test_dead_letters_are_replayed(secure: SecureKafka, commands: Commands) -> None:
    _write_dead_letters(secure, commands)
    permit(secure, commands, "dead-letters replay")
    commands("dead-letters", "replay", "--execute")
    assert len(committed(secure, commands.input)) == 2


@pytest.mark.parametrize("exactly_once", [True, False], ids=["exactly once", "at least once"])
def test_reviews_are_scored_again(secure: SecureKafka, commands: Commands, exactly_once: bool) -> None:
    create_topics(secure.bootstrap_servers, [target := unique("rescored")], 4)
    commands.write_reviews("r1", "r2")
    commands.write_sentiments("r1", "r2")
    conditions, delivery = (["exactly once"], "exactly_once") if exactly_once else ([], "at_least_once")
    permit(secure, commands, "rescore", *conditions, target=target)
    commands.settings["SENTIMENT_DELIVERY"] = delivery
    answer = json.loads(commands("rescore", "--model", "imdb@1", "--to", target, "--json"))
    assert (answer["scored"], answer["compared"]) == (2, 2)


def test_the_cache_is_filled(secure: SecureKafka, client: str, redis: LocalRedis) -> None:
    commands, review_id = Commands(secure, client, redis.url), unique("review")
    [value] = commands.write_sentiments(review_id)
    permit(secure, commands, "cache-fill")
    commands("cache-fill")
    with Redis.from_url(redis.url) as held:
        assert held.get(f"sentiment:{review_id}") == value.encode()


def test_a_running_group_is_checked(secure: SecureKafka, client: str) -> None:
    commands = Commands(secure, client)
    with Stream(secure, client) as stream:
        commands.input, commands.output, commands.dead_letters = stream.input, stream.output, stream.dead_letters
        topics = {"INPUT": stream.input, "OUTPUT": stream.output, "DEAD_LETTER": stream.dead_letters}
        commands.settings |= {f"SENTIMENT_{purpose}_TOPIC": topic for purpose, topic in topics.items()}
        commands.settings["SENTIMENT_MODEL_NAME"] = MODEL
        permit(secure, commands, "rolling-check")
        stream.ready_workers(1)
        flags = ("--no-update", "--restart-command=true", "--rate=50", "--seconds=1", "--json")
        patient = (
            "--max-pause=30",
            "--max-p99=10",
            "--log-level=warning",
        )  # as on a busy machine; how fast it can be is tested elsewhere
        report = json.loads(commands("rolling-check", *flags, *patient))
    assert all(phase["sent"] == phase["answered"] > 0 for phase in report["phases"])


def test_what_is_enough_for_one_command_is_not_for_another(secure: SecureKafka, commands: Commands) -> None:
    permit(secure, commands, "tail")
    status, _, reported = commands.outcome_here("send", "A wonderful film")
    assert status == 1
    assert "worker/docs/permissions.md" in reported


def _write_dead_letters(secure: SecureKafka, commands: Commands) -> None:
    commands.write_reviews("r1")
    commands.write_dead_letters_of_input()
