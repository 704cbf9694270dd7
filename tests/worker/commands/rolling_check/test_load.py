import itertools
import time
from collections import Counter
from collections.abc import Callable

import pytest

from deploy.local.processes import wait_until
from worker.commands.rolling_check.load import Reviews, Sender, Watcher, spread_keys
from worker.commands.send.encoder import Encoder
from worker.errors import BatchExpired
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.partitioner import partitions_of
from worker.kafka.types import LATEST, Message
from worker.messages import Sentiment, encode_sentiment
from worker.settings.settings import Settings

Opened = Callable[..., MemoryBroker]
LIMIT_SECONDS = 20.0


def reviews(partitions: int = 3) -> Reviews:
    return Reviews("run", ["good", "bad"], Encoder(Settings(), key_from_id=False), partitions)


def sentiment(review_id: str, version: int = 1, model: str = "reviews", key: bytes = b"k") -> Message:
    value = Sentiment(review_id, "positive", {"positive": 1.0}, 1.0, model, version, {}, "2026-01-31T12:00:00.123Z")
    return Message("sentiments", key, encode_sentiment(value), [])


@pytest.fixture
def sender(opened: Opened) -> Sender:
    return Sender(opened(), reviews(), rate=500)


def watched(opened: Opened, *messages: Message) -> Watcher:
    """A watcher that has seen these, and one more after them."""
    watcher = Watcher(opened("sentiments", None, LATEST), "127.0.0.1:1", "run", "reviews")
    broker = opened()
    broker.produce([*messages, sentiment("run-last", key=b"last")])
    broker.commit({})
    watcher.start()
    wait_until(lambda: b"last" in watcher.newest, LIMIT_SECONDS, lambda: f"only {watcher.arrivals} came")
    watcher.stop()
    return watcher


@pytest.mark.parametrize("partitions", [1, 6, 50])
def test_every_partition_meets_as_many_keys(partitions: int) -> None:
    locations = partitions_of(spread_keys("run", partitions), partitions)
    assert Counter(locations) == dict.fromkeys(range(partitions), 3)
    assert locations[:partitions] == [*range(partitions)]


def test_reviews_are_numbered_and_take_turns_with_keys_and_texts() -> None:
    [first, second, *_, tenth] = itertools.islice(reviews(), 10)
    assert (first[0], second[0], tenth[0]) == ("run-0", "run-1", "run-9")
    assert first[1].value == b'{"id":"run-0","text":"good"}'
    assert first[1].key == tenth[1].key != second[1].key


def test_reviews_are_sent_at_the_rate(sender: Sender) -> None:
    started = time.monotonic()
    sender.start()
    wait_until(lambda: len(sender.sent) >= 200, LIMIT_SECONDS, lambda: "nothing was sent")
    assert time.monotonic() - started >= 200 / 500
    sender.stop()
    assert list(sender.sent) == [f"run-{number}" for number in range(len(sender.sent))]


def test_the_oldest_review_without_an_answer_is_known(sender: Sender) -> None:
    sender.start()
    wait_until(lambda: len(sender.sent) >= 20, LIMIT_SECONDS, lambda: "nothing was sent")
    sender.stop()
    answered: dict[str, object] = dict.fromkeys(["run-0", "run-1", "run-3"])
    assert sender.oldest_unanswered(answered) == sender.sent["run-2"]
    assert sender.oldest_unanswered(dict.fromkeys(sender.sent)) is None


def test_a_kafka_that_refuses_ends_the_sending(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*unused: object) -> None:
        raise BatchExpired("no answer")

    monkeypatch.setattr(MemoryBroker, "commit", refuse)
    sender.start()
    sender.join(LIMIT_SECONDS)
    assert (str(sender.error), sender.sent) == ("no answer", {})


def test_the_sentiments_of_the_run_are_kept_with_their_versions(opened: Opened) -> None:
    watcher = watched(opened, sentiment("run-0", 1), sentiment("run-1", 2), sentiment("run-2", 2, model="other"))
    assert [(each.seen.id, each.seen.version) for each in watcher.arrivals][:3] == [
        ("run-0", 1),
        ("run-1", 2),
        ("run-2", 0),
    ]
    assert watcher.newest[b"k"] == 0


def test_what_others_write_is_passed_over(opened: Opened) -> None:
    foreign = [sentiment("r1"), sentiment("running-1"), Message("sentiments", b"k", b'"run-1 is no sentiment', [])]
    watcher = watched(opened, *foreign)
    assert set(watcher.answered) == {"run-last"}


def test_an_answer_that_comes_twice_is_kept_twice(opened: Opened) -> None:
    watcher = watched(opened, sentiment("run-0"), sentiment("run-0"))
    assert watcher.answered["run-0"] == 2
    assert len(watcher.arrivals) == 3
