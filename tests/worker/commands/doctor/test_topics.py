"""What is thought of a topic."""

import pytest

from worker.commands.doctor.results import Finding, Mark
from worker.commands.doctor.topics import (
    DEAD_LETTERS,
    INPUT,
    SHADOW,
    Purpose,
    evaluate,
    evaluate_missing,
    evaluate_single,
    output_purpose,
    retention_seconds,
)
from worker.kafka.admin import PartitionFacts, TopicFacts
from worker.settings.settings import Settings

OUTPUT = output_purpose(expiry_seconds=86_400)
GOOD = {
    "cleanup.policy": "delete",
    "max.message.bytes": "8388608",
    "min.insync.replicas": "2",
    "retention.ms": "604800000",
}


def facts(partitions: int = 12, replicas: int = 3, in_sync: int = 3, leaderless: int = 0) -> TopicFacts:
    return TopicFacts("topic", partitions, replicas, in_sync, leaderless, frozenset())


def judged(purpose: Purpose, found: TopicFacts | None = None, **changed: str) -> list[Finding]:
    settings = GOOD | {name.replace("_", "."): value for name, value in changed.items()}
    return evaluate(found or facts(), settings, purpose, "kafka:9092")


@pytest.mark.parametrize("purpose", [INPUT, OUTPUT, DEAD_LETTERS])
def test_a_good_topic_takes_one_line(purpose: Purpose) -> None:
    [finding] = judged(purpose)
    assert finding.mark is Mark.OK
    assert "12 partitions, 3 replicas" in finding.found


@pytest.mark.parametrize("purpose", [OUTPUT, DEAD_LETTERS])
def test_a_topic_that_takes_less_than_workers_need_fails(purpose: Purpose) -> None:
    [finding] = judged(purpose, max_message_bytes="999999")
    assert finding.mark is Mark.FAILS
    assert finding.advice.endswith("--entity-type topics --entity-name topic --add-config max.message.bytes=8388608")


def test_kafkas_default_size_is_a_warning_and_the_inputs_size_is_its_own_affair() -> None:
    assert [each.mark for each in judged(OUTPUT, max_message_bytes="1048588")] == [Mark.OK, Mark.WARNING]
    assert [each.mark for each in judged(INPUT, max_message_bytes="1048588")] == [Mark.OK]


def test_one_replica_is_a_warning_once_for_all_topics() -> None:
    assert [each.mark for each in judged(OUTPUT, facts(replicas=1, in_sync=1), min_insync_replicas="1")] == [Mark.OK]
    [warning] = evaluate_single(["reviews", "sentiments"], servers=1)
    assert (warning.mark, warning.subject) == (Mark.WARNING, "topics reviews, sentiments")
    assert "1 replica:" in warning.found
    assert "3 Kafka servers" in warning.advice
    assert evaluate_single([], servers=1) == []


@pytest.mark.parametrize("purpose", [INPUT, OUTPUT, DEAD_LETTERS, SHADOW])
def test_a_missing_topic_fails_with_the_setting_to_check_first(purpose: Purpose) -> None:
    advice = evaluate_missing("reviewz", ["letters", "reviews", "views"], purpose, 5, "kafka:9092").advice
    assert purpose.setting.removeprefix("SENTIMENT_").lower() in Settings.model_fields
    assert advice.startswith(f"check {purpose.setting} (is reviews meant, which exists?); to create it: ")
    assert "--topic reviewz --partitions 12 --replication-factor 3 --config" in advice


def test_a_missing_topic_that_nothing_resembles_is_to_be_created() -> None:
    advice = evaluate_missing("reviews", ["letters"], INPUT, 1, "kafka:9092").advice
    assert advice.startswith("check SENTIMENT_INPUT_TOPIC; to create it: python -m worker run --create-topics, or: ")
    assert "--replication-factor 1 " in advice


def test_results_that_one_server_confirms_alone_are_a_warning() -> None:
    assert [each.mark for each in judged(OUTPUT, min_insync_replicas="1")] == [Mark.OK, Mark.WARNING]
    assert [each.mark for each in judged(INPUT, min_insync_replicas="1")] == [Mark.OK]


def test_as_many_replicas_in_sync_as_there_are_is_a_warning() -> None:
    [_, warning] = judged(OUTPUT, min_insync_replicas="3")
    assert "one server down stops all writing" in warning.found


def test_too_few_replicas_in_sync_stop_writing_but_not_reading() -> None:
    behind = facts(in_sync=1)
    assert [each.mark for each in judged(OUTPUT, behind)] == [Mark.FAILS]
    assert [each.mark for each in judged(INPUT, behind)] == [Mark.OK, Mark.WARNING]


def test_partitions_without_a_leader_fail() -> None:
    [finding] = judged(INPUT, facts(leaderless=2))
    assert (finding.mark, finding.found) == (Mark.FAILS, "2 of 12 partitions have no leader")


def test_one_partition_of_input_keeps_other_workers_idle() -> None:
    assert [each.mark for each in judged(INPUT, facts(partitions=1))] == [Mark.OK, Mark.WARNING]
    assert [each.mark for each in judged(OUTPUT, facts(partitions=1))] == [Mark.OK]


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
@pytest.mark.parametrize("purpose", [INPUT, OUTPUT, DEAD_LETTERS])
def test_a_compacted_topic_is_a_warning(purpose: Purpose, policy: str) -> None:
    [_, warning] = judged(purpose, cleanup_policy=policy)
    assert warning.found.startswith(f"cleanup.policy is {policy}")


def test_an_output_that_keeps_less_than_redis_is_a_warning() -> None:
    [_, warning] = judged(OUTPUT, retention_ms="3600000")
    assert warning.found == "keeps 60 min, less than 24 h: cache-fill cannot bring back what is deleted"
    assert [each.mark for each in judged(output_purpose(0), retention_ms="3600000")] == [Mark.OK]


def test_retention_is_for_ever_where_nothing_is_deleted_for_its_age() -> None:
    assert retention_seconds({"retention.ms": "-1"}) == float("inf")
    assert retention_seconds({"retention.ms": "1000", "cleanup.policy": "compact"}) == float("inf")
    assert retention_seconds({"retention.ms": "1000", "cleanup.policy": "compact,delete"}) == 1.0


def test_a_topic_whose_settings_are_hidden_is_judged_by_the_rest() -> None:
    assert [each.mark for each in evaluate(facts(), {}, OUTPUT, "kafka:9092")] == [Mark.OK]


def test_a_topic_is_as_safe_as_its_weakest_partition() -> None:
    partitions = [PartitionFacts(True, [1, 2, 3], [1, 2, 3]), PartitionFacts(False, [1, 2], [2])]
    assert TopicFacts.of("topic", partitions, frozenset()) == facts(2, 2, 1, 1)
