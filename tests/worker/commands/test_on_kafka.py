"""The commands as people type them, on a real broker, with both clients."""

import json
import signal
from collections import Counter

import pytest
import redis as redis_client

from deploy.local.kafka import LocalKafka
from deploy.local.processes import wait_until
from deploy.local.redis import LocalRedis
from tests.kafka.topics import committed, end_of, unique
from tests.worker.commands.command_line import LIMIT_SECONDS, Commands
from worker.kafka.connect import open_broker
from worker.kafka.types import LATEST, Connection, Subscription

SAMPLE = "deploy/local/demo/sample_reviews.tsv.gz"


@pytest.fixture(params=["kafka-python", "librdkafka"])
def commands(kafka: LocalKafka, request: pytest.FixtureRequest) -> Commands:
    return Commands(kafka, request.param)


def test_the_whole_sample_is_sent_under_its_ids(commands: Commands) -> None:
    answer = json.loads(commands("send", "--file", SAMPLE, "--json"))
    assert (answer["sent"], answer["topic"]) == (2_000, commands.input)
    records = committed(commands.kafka, commands.input)
    assert len({record.key for record in records}) == 2_000
    assert all(json.loads(record.value)["id"] == record.key.decode() for record in records)


def test_standard_input_is_sent_up_to_the_limit(commands: Commands) -> None:
    out = commands("send", "-", "--limit", "2", given='{"text":"a"}\n{"text":"b"}\n{"text":"c"}\n')
    assert out.startswith(f"Sent 2 reviews to topic {commands.input} in ")
    assert sorted(r.value for r in committed(commands.kafka, commands.input)) == [b'{"text":"a"}', b'{"text":"b"}']


def test_a_bad_line_fails_with_a_sentence(commands: Commands) -> None:
    status, out, err = commands.outcome_here("send", "-", given='{"text":"a"}\n{"text":1}\n')
    assert (status, out) == (1, "")
    assert err == "error: standard input, line 2: text: Input should be a valid string (1 review before it sent)\n"
    assert len(committed(commands.kafka, commands.input)) == 1


def test_tail_reads_to_the_end_behind_the_marker_of_a_transaction(commands: Commands) -> None:
    values = commands.write_sentiments(*(f"r{number}" for number in range(1_000)))
    out = commands("tail", "--from-beginning", "--exit-at-end", "--json")
    assert sorted(out.splitlines()) == sorted(values)


def test_reading_from_now_on_brings_what_is_written_after_the_start(commands: Commands) -> None:
    commands.write_sentiments("before")
    connection = Connection(commands.kafka.bootstrap_servers)
    client = commands.settings["SENTIMENT_KAFKA_CLIENT"]
    broker = open_broker(client, connection, Subscription(commands.output, None, LATEST), None)
    broker.start()
    [after] = commands.write_sentiments("after")
    polls = (broker.poll(500, 0.2).records for _ in range(LIMIT_SECONDS * 5))
    assert [record.value for record in next(filter(None, polls))] == [after.encode()]
    broker.close()


def test_tail_finds_what_became_of_one_review(commands: Commands) -> None:
    commands.write_sentiments("a", "b", "c")
    _, line = commands("tail", "--since", "5m", "--id", "b", "--limit", "1").splitlines()
    assert line.split() == ["2026-01-31", "12:00:00", "positive", "0.900", "100%", "imdb@1", "b"]


def test_tail_of_an_empty_topic_ends(commands: Commands) -> None:
    assert commands("tail", "--exit-at-end") == ""
    assert commands("tail", "--from-beginning", "--exit-at-end") == ""


def test_tail_ends_quietly_on_ctrl_c(commands: Commands) -> None:
    commands.write_sentiments("a")
    with commands.start("tail", "--from-beginning", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == "a"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    assert (process.returncode, out, err) == (0, "", "")


def test_tail_is_quiet_when_its_reader_went_away(commands: Commands) -> None:
    commands.write_sentiments("a")
    with commands.start("tail", "--from-beginning", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        commands.write_sentiments("b")
        assert process.stderr.read() == ""


def test_dead_letters_are_listed(commands: Commands) -> None:
    commands("send", "a", "b", "c")
    commands.write_dead_letters_of_input()
    letters = [json.loads(line) for line in commands("dead-letters", "list", "--json").splitlines()]
    locations = {(record.partition, record.offset) for record in committed(commands.kafka, commands.input)}
    assert {(letter["partition"], letter["offset"]) for letter in letters} == locations
    assert "3 dead letters: 3 scoring_failed" in commands("dead-letters", "list", "--since", "5m")


def test_dead_letters_are_replayed_once(commands: Commands) -> None:
    commands("send", *(f"text {number}" for number in range(250)))
    commands.write_dead_letters_of_input()
    assert "Would send 250 dead letters" in commands("dead-letters", "replay")
    assert "Sent 250 dead letters" in commands("dead-letters", "replay", "--execute")
    assert "There are no dead letters" in commands("dead-letters", "replay", "--execute")
    values = [record.value for record in committed(commands.kafka, commands.input)]
    assert all(values.count(value) == 2 for value in set(values))
    assert len(values) == 500


def test_a_replay_that_is_killed_is_finished_by_the_next_one(commands: Commands) -> None:
    commands.settings["SENTIMENT_KAFKA_SESSION_TIMEOUT_SECONDS"] = "6"
    commands("send", "--file", SAMPLE, "--repeat", "--limit", "8000")
    commands.write_dead_letters_of_input()
    before = end_of(commands.kafka, commands.input)
    with commands.start("dead-letters", "replay", "--execute") as process:
        wait_until(lambda: end_of(commands.kafka, commands.input) > before, LIMIT_SECONDS, lambda: "no replay")
        process.kill()
    assert process.returncode == -signal.SIGKILL
    commands("dead-letters", "replay", "--execute")
    times_of = Counter(record.value for record in committed(commands.kafka, commands.input))
    assert set(times_of.values()) == {8}
    assert len(times_of) == 2_000


def test_from_the_beginning_they_are_replayed_again(commands: Commands) -> None:
    commands("send", "a", "b")
    commands.write_dead_letters_of_input()
    commands("dead-letters", "replay", "--execute")
    again = json.loads(commands("dead-letters", "replay", "--execute", "--from-beginning", "--json"))
    assert again == {"executed": True, "replay": {"scoring_failed": 2}, "passed_over": {}, "from_other_topics": {}}
    assert len(committed(commands.kafka, commands.input)) == 6


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_the_cache_is_filled_from_the_topic(kafka: LocalKafka, redis: LocalRedis, client: str) -> None:
    commands = Commands(kafka, client, redis.url)
    ids = [unique("cached") for _ in range(50)]
    values = commands.write_sentiments(*ids)
    assert commands("cache-fill").startswith(f"Wrote 50 of 50 records of topic {commands.output} to Redis in ")
    with redis_client.Redis.from_url(redis.url, decode_responses=True) as held:
        assert held.mget([f"sentiment:{each}" for each in ids]) == values


@pytest.fixture
def nowhere(commands: Commands) -> Commands:
    commands.settings["SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
    commands.settings["SENTIMENT_KAFKA_DEADLINE_SECONDS"] = "0.5"
    return commands


@pytest.mark.parametrize("command", [["tail"], ["send", "x"], ["dead-letters", "list"], ["dead-letters", "replay"]])
def test_without_kafka_they_fail_in_time_with_a_sentence(nowhere: Commands, command: list[str]) -> None:
    status, out, err = nowhere.outcome_here(*command)
    assert (status, out) == (1, "")
    assert err.startswith("error: no Kafka server answers at 127.0.0.1:1: start Kafka")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["output", "dead_letter", "input"])
def test_a_topic_that_is_missing_is_named(commands: Commands, name: str) -> None:
    command = {"output": ["tail"], "dead_letter": ["dead-letters", "list"], "input": ["send", "x"]}[name]
    commands.settings[f"SENTIMENT_{name.upper()}_TOPIC"] = "not-there"
    status, out, err = commands.outcome_here(*command)
    assert (status, out) == (1, "")
    assert err.startswith("error: topic not-there does not exist")
    assert err.count("\n") == 1
