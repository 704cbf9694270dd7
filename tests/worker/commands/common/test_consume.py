import argparse
from collections.abc import Callable

import pytest

from worker.commands.common import consume
from worker.commands.common.arguments import duration_seconds, positive, start_of
from worker.commands.common.connect import start
from worker.commands.common.consume import Follower, read_to_end
from worker.commands.common.formatting import printable, rough_duration
from worker.errors import KafkaAway
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import EARLIEST, LATEST, Connection, Message
from worker.settings.settings import Settings

Opened = Callable[..., MemoryBroker]


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("1h30m", 5_400), ("1.5d", 129_600), ("500ms", 0.5)]
)
def test_lengths_of_time_are_read(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-5s", "1w", "yesterday"])
def test_anything_else_is_no_length_of_time(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no length of time such as"):
        duration_seconds(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many"])
def test_limits_are_whole_numbers_above_zero(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="whole number above zero"):
        positive(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s"), (45, "45 s"), (600, "10 min"), (10_800, "3 h"), (432_000, "5 d")]
)
def test_ages_are_told_roughly(seconds: float, text: str) -> None:
    assert rough_duration(seconds) == text


def test_reading_starts_now_or_earlier_when_told_to() -> None:
    assert start_of(None, from_beginning=False) == LATEST
    assert start_of(None, from_beginning=True) == EARLIEST
    assert start_of(60.0, from_beginning=False, clock=lambda: 1_000.0) == 940_000


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\nc\u202ed") == "a\ufffd[31mb\ufffdc\ufffdd"


def fill(memory: MemoryKafka, count: int) -> None:
    for number in range(count):
        memory.append(Message("sentiments", b"%d" % number, b"%d" % number, []))


def test_reading_to_the_end_brings_each_record_once(memory: MemoryKafka, opened: Opened) -> None:
    fill(memory, 1_700)
    records = [r for polled in read_to_end(opened("sentiments"), Settings(), lambda _: True) for r in polled]
    assert sorted(int(r.value or b"") for r in records) == list(range(1_700))


def test_an_empty_topic_has_an_end(opened: Opened) -> None:
    assert list(read_to_end(opened("sentiments"), Settings(), lambda _: True)) == []


def test_a_stream_that_never_pauses_has_an_end(memory: MemoryKafka, opened: Opened) -> None:
    fill(memory, 900)
    polls = 0
    for _ in read_to_end(opened("sentiments"), Settings(), lambda _: True):
        fill(memory, 600)
        polls += 1
    assert polls < 10


def test_a_follower_gives_up_when_kafka_stays_away(
    memory: MemoryKafka, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(opened("sentiments"), Connection("memory:0"), lambda _: False)
    assert list(follower.poll()) == []
    for limit in ("_PROBE_SECONDS", "_AWAY_LIMIT_SECONDS"):
        monkeypatch.setattr(consume, limit, 0.0)
    with pytest.raises(KafkaAway, match="no Kafka server has answered at memory:0"):
        follower.poll()


def test_a_start_is_tried_until_the_deadline(memory: MemoryKafka) -> None:
    memory.away = True
    with pytest.raises(KafkaAway, match="start Kafka, or name another with --kafka-bootstrap-servers"):
        start(MemoryBroker(memory, None), deadline_seconds=0.1)
