import json
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from models.scorer import Scorer
from tests.worker.stream import INPUT, OUTPUT, Stream
from worker.errors import TooManyDeadLetters
from worker.kafka.types import Message
from worker.messages import SentimentMessage


def test_a_review_becomes_one_sentiment(stream: Stream) -> None:
    stream.send({"id": "r1", "text": "A wonderful film", "attributes": {"shop": "7"}})
    stream.drain()
    [sentiment] = stream.sentiments()
    SentimentMessage.model_validate(sentiment)
    assert (sentiment["id"], sentiment["sentiment"], sentiment["attributes"]) == ("r1", "positive", {"shop": "7"})
    assert sum(sentiment["scores"].values()) == pytest.approx(1, abs=1e-5)


def test_the_output_keeps_key_and_headers(stream: Stream) -> None:
    stream.send({"text": "good"}, key=b"customer-5")
    stream.drain()
    [record] = stream.kafka.read(OUTPUT)
    assert record.key == b"customer-5"
    assert ("traceparent", b"00-1") in record.headers


def test_a_review_without_an_id_is_named_by_its_place(stream: Stream) -> None:
    [record] = stream.send({"text": "good"})
    stream.drain()
    assert stream.sentiments()[0]["id"] == f"reviews-{record.partition}-{record.offset}"


def test_text_without_any_known_word_is_scored_with_coverage_0(stream: Stream) -> None:
    stream.send({"text": ""}, {"text": "xqzt"}, {"text": "的"})
    stream.drain()
    assert [sentiment["coverage"] for sentiment in stream.sentiments()] == [0, 0, 0]


def test_results_of_a_key_keep_the_order_of_its_reviews(stream: Stream) -> None:
    stream.send(*({"id": str(number), "text": "word " * (number * 7 % 50)} for number in range(100)))
    stream.drain()
    assert [sentiment["id"] for sentiment in stream.sentiments()] == [str(number) for number in range(100)]


def test_bad_records_are_set_aside_and_the_good_ones_around_them_scored(stream: Stream) -> None:
    stream.send({"id": "a", "text": "good"}, b"{", {"id": "b"}, {"id": "c", "text": "bad"})
    stream.drain()
    assert [sentiment["id"] for sentiment in stream.sentiments()] == ["a", "c"]
    reasons = [dict(letter.headers)["dead-letter-reason"] for letter in stream.dead_letters()]
    assert reasons == [b"not_json", b"invalid"]
    assert stream.value("dead_letters_total", reason="not_json") == 1


def test_every_batch_is_one_transaction_of_at_most_the_set_size(scorer: Scorer) -> None:
    stream = Stream(scorer, max_batch_records=10)
    stream.send(*({"text": "good"} for _ in range(25)))
    stream.drain()
    assert stream.value("transactions_total", outcome="committed") == 3
    assert stream.value("records_consumed_total") == 25


def test_a_client_that_begins_too_early_doubles_nothing(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(*({"id": str(number), "text": "good"} for number in range(3)))
    stream.drain()
    stream.broker.close()
    stream.restart()
    rewind = stream.broker.rewind

    def rewind_rightly() -> None:
        monkeypatch.undo()
        rewind()

    monkeypatch.setattr(stream.broker, "_committed_or_start", lambda partition: 0)
    monkeypatch.setattr(stream.broker, "rewind", rewind_rightly)
    stream.send({"id": "3", "text": "good"})
    stream.drain()
    assert [sentiment["id"] for sentiment in stream.sentiments()] == ["0", "1", "2", "3"]
    assert stream.value("transactions_total", outcome="refused") == 1


@pytest.mark.parametrize("stored", [True, False])
def test_a_commit_without_an_answer_loses_and_doubles_nothing(stream: Stream, stored: bool) -> None:
    stream.send(*({"id": str(number), "text": "good"} for number in range(5)))
    stream.kafka.expire_next_commit(stored=stored)
    stream.drain()
    assert [sentiment["id"] for sentiment in stream.sentiments()] == ["0", "1", "2", "3", "4"]
    assert stream.value("transactions_total", outcome="expired") == 1


def test_a_rebalance_in_the_middle_doubles_nothing(stream: Stream) -> None:
    stream.send(*({"id": str(number), "text": "good"} for number in range(5)))
    stream.pipeline.turn()
    stream.send({"id": "5", "text": "good"})
    stream.kafka.rebalance("sentiment")
    stream.drain()
    assert sorted(sentiment["id"] for sentiment in stream.sentiments()) == ["0", "1", "2", "3", "4", "5"]


def test_too_many_dead_letters_stop_the_worker_before_the_batch_is_written(scorer: Scorer) -> None:
    stream = Stream(scorer, max_batch_records=100)
    stream.send(*([{"text": "good"}] * 500 + [b"?"] * 700))
    with pytest.raises(TooManyDeadLetters, match="not_json"):
        stream.drain()
    assert len(stream.dead_letters()) == 500


def test_a_restart_goes_on_counting_dead_letters(scorer: Scorer) -> None:
    stream = Stream(scorer, max_batch_records=100)
    stream.send(*([{"text": "good"}] * 500 + [b"?"] * 3_000))
    for _ in range(3):
        with pytest.raises(TooManyDeadLetters):
            stream.drain()
        stream.broker.close()
        stream.restart()
    assert len(stream.dead_letters()) == 500


def test_where_a_topic_takes_no_large_messages_letters_go_without_their_value(stream: Stream) -> None:
    stream.send({"id": "a", "text": "good"}, b"?" * 1_500_000)
    stream.refuse_larger_than(1_048_588)
    stream.drain()
    [letter] = stream.dead_letters()
    assert letter.value == b""
    assert dict(letter.headers)["dead-letter-value-size"] == b"1500000"
    assert [sentiment["id"] for sentiment in stream.sentiments()] == ["a"]


def test_a_sentiment_too_large_for_its_topic_is_set_aside(stream: Stream) -> None:
    stream.send({"id": "a", "text": "good", "attributes": {"x": "y" * 1_200_000}}, {"id": "b", "text": "bad"})
    stream.refuse_larger_than(1_048_588)
    stream.drain()
    assert dict(stream.dead_letters()[0].headers)["dead-letter-reason"] == b"too_large"
    assert [sentiment["id"] for sentiment in stream.sentiments()] == ["b"]


def test_other_shapes_are_read_through_json_pointers(scorer: Scorer) -> None:
    stream = Stream(scorer, id_field="/review/number", text_field="/review/body/0")
    stream.send({"review": {"number": "n1", "body": ["A terrible film"]}})
    stream.drain()
    assert [(sentiment["id"], sentiment["sentiment"]) for sentiment in stream.sentiments()] == [("n1", "negative")]


class Cached:
    """A cache that notes with each id whether the topic showed its sentiment by then."""

    def __init__(self) -> None:
        self.seen: dict[str, bool] = {}
        self.stream = Stream(cache=self)  # type: ignore[arg-type]

    def write(self, sentiments: Sequence[tuple[str, bytes]]) -> bool:
        shown = {each["id"] for each in self.stream.sentiments()}
        self.seen |= {review_id: review_id in shown for review_id, _ in sentiments}
        return True


def test_redis_never_lacks_what_the_topic_has() -> None:
    cache = Cached()
    cache.stream.send({"id": "a", "text": "good"}, {"id": "b", "text": "bad"})
    cache.stream.drain()
    assert cache.seen == {"a": False, "b": False}
    assert len(cache.stream.sentiments()) == 2


def test_the_time_to_the_commit_is_told_in_seconds(stream: Stream) -> None:
    half_a_minute_ago = int((time.time() - 30) * 1000)
    stream.kafka.append(Message(INPUT, b"k", b'{"text": "good"}', []), timestamp_ms=half_a_minute_ago)
    stream.drain()
    assert stream.value("end_to_end_duration_seconds_count") == 1
    assert 30 <= stream.value("end_to_end_duration_seconds_sum") < 60


def test_records_are_counted_by_partition(stream: Stream) -> None:
    sent = [record for key in (b"a", b"b", b"c", b"d") for record in stream.send({"text": "good"}, b"{", key=key)]
    stream.drain()
    counts = Counter(record.partition for record in sent)
    assert len(counts) > 1
    assert {n: stream.value("partition_records_total", partition=str(n)) for n in counts} == counts


def test_partition_gauges_go_when_the_partition_does(stream: Stream) -> None:
    stream.send({"text": "good"})
    stream.drain()
    assert "sentiment_last_commit_timestamp_seconds{partition=" in _exposed(stream)
    stream.metrics.partitions(frozenset(), 1)
    assert "sentiment_last_commit_timestamp_seconds{partition=" not in _exposed(stream)


def _exposed(stream: Stream) -> str:
    from prometheus_client import generate_latest

    return generate_latest(stream.metrics.registry).decode()


def test_scored_at_is_utc_with_milliseconds(stream: Stream) -> None:
    stream.send({"text": "good"})
    stream.drain()
    text = json.dumps(stream.sentiments()[0]["scored_at"])
    assert len(text) == len('"2026-01-31T12:00:00.123Z"')
    assert text.endswith('Z"')
