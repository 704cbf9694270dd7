import gzip
import json
from itertools import islice
from pathlib import Path

from deploy.local.demo.replay import Replay, Review, read_sample, repeated
from deploy.local.kafka import LocalKafka
from tests.kafka.topics import committed, new_topic


def test_the_sample_holds_a_thousand_reviews_or_more_of_both_kinds() -> None:
    sample = read_sample()
    assert len({review.id for review in sample}) == len(sample) >= 1_000
    assert 0.4 < sum(review.positive for review in sample) / len(sample) < 0.6


def test_quotes_around_and_inside_a_cell_are_undone(tmp_path: Path) -> None:
    file = tmp_path / "reviews.tsv.gz"
    file.write_bytes(gzip.compress(b'id\treview\n"7_9"\t"A \\"good\\" one,\nsee"\n'.replace(b",\n", b", ")))
    assert read_sample(file) == [Review("7_9", 'A "good" one, see', 9)]


def test_five_is_the_lowest_positive_rating() -> None:
    assert [Review("", "", rating).positive for rating in (1, 4, 5, 10)] == [False, False, True, True]


def test_ids_stay_unique_over_many_rounds() -> None:
    sample = [Review("1_9", "a", 9), Review("2_1", "b", 1)]
    assert [review.id for review in repeated(sample, 5)] == ["1_9", "2_1", "1_9-2", "2_1-2", "1_9-3"]


def test_a_replay_sends_each_review_once_with_the_time_that_it_tells(kafka: LocalKafka) -> None:
    topic, reviews = new_topic(kafka), list(islice(repeated(read_sample(), 50), 50))
    replay = Replay(kafka.bootstrap_servers, topic, reviews, per_second=0)
    replay.run()
    assert replay.error is None
    records = committed(kafka, topic)
    assert {json.loads(record.value)["id"]: record.timestamp for record in records} == replay.sent
    assert len(records) == 50


def test_a_replay_that_cannot_reach_kafka_says_so() -> None:
    replay = Replay("127.0.0.1:1", "topic", [Review("1_1", "", 1)], per_second=0, deadline_seconds=1)
    replay.run()
    assert "127.0.0.1:1" in str(replay.error) or "imeout" in str(replay.error)
