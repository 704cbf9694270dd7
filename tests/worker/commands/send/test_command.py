import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from worker.__main__ import main
from worker.commands.send.command import Sender, _rate, limited_rows
from worker.commands.send.encoder import Encoder
from worker.commands.send.files import BadRow, Row
from worker.errors import BadUse, StopWorker
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import Message
from worker.settings.settings import Settings

Opened = Callable[..., MemoryBroker]


def encode(row: Row, key_from_id: bool = True, **settings: str) -> Message:
    return Encoder(Settings(**settings), key_from_id).encode(row)  # type: ignore[arg-type]


def messages(count: int, then: Sequence[Row] = ()) -> Iterator[Message]:
    encoder = Encoder(Settings(), True)
    return map(encoder.encode, [*(Row("", f"text {n}", f"r{n}") for n in range(count)), *then])


def test_a_row_becomes_an_input_object_under_its_id() -> None:
    message = encode(Row("", "good", "r1"))
    assert (message.topic, message.key) == ("reviews", b"r1")
    assert json.loads(message.value or b"") == {"id": "r1", "text": "good"}


def test_without_an_id_there_is_no_key_and_the_worker_names_the_review() -> None:
    message = encode(Row("", "good"))
    assert message.key is None
    assert json.loads(message.value or b"") == {"text": "good"}


def test_an_object_goes_as_it_is_under_its_own_id() -> None:
    value = b'{"more":1,"id":"r2","text":"x"}'
    assert encode(Row("", value=value)) == Message("reviews", b"r2", value, [])


def test_no_key_is_taken_when_none_is_wanted() -> None:
    assert encode(Row("", "good", "r1"), key_from_id=False).key is None


def test_rows_take_the_shape_that_the_workers_are_told_of() -> None:
    message = encode(Row("", "good", "r1"), id_field="/meta/id", text_field="/meta/body")
    assert json.loads(message.value or b"") == {"meta": {"id": "r1", "body": "good"}}
    assert message.key == b"r1"


def test_fields_inside_one_another_are_refused() -> None:
    with pytest.raises(BadUse, match="neither inside the other"):
        encode(Row("", "good"), id_field="/review", text_field="/review/body")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Row("a.jsonl, line 3", value=b"{"), "a.jsonl, line 3: Invalid JSON"),
        (Row("a.jsonl, line 3", value=b'{"id":"x"}'), "a.jsonl, line 3: text: Field required"),
        (Row("a.csv, line 2", "good", ""), "a.csv, line 2: id: String should have at least 1 character"),
        (Row("text 1", "x" * 200_001), "text 1: text: String should have at most 200000 characters"),
        (Row("text 1", "\udcff"), "text 1: not UTF-8 text"),
    ],
)
def test_what_a_worker_would_refuse_is_not_sent(row: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        encode(row)


def test_every_message_is_stored_and_counted(memory: MemoryKafka, opened: Opened) -> None:
    sender = Sender(opened(), chunk=7)
    sender.send(messages(1_234))
    assert sender.sent == 1_234
    assert {record.key for record in memory.read("reviews")} == {f"r{n}".encode() for n in range(1_234)}


def test_a_bad_row_stops_it_and_says_how_many_went_before(memory: MemoryKafka, opened: Opened) -> None:
    with pytest.raises(BadRow, match=r"a\.csv, line 9: .* \(12 reviews before it sent\)"):
        Sender(opened(), chunk=500).send(messages(12, then=[Row("a.csv, line 9", value=b"?")]))
    assert len(memory.read("reviews")) == 12


def test_when_kafka_goes_away_it_says_what_is_certain(memory: MemoryKafka, opened: Opened) -> None:
    sender = Sender(opened(), chunk=1)
    sender.send(messages(3))
    memory.away = True
    with pytest.raises(StopWorker, match="3 reviews sent for certain, the 2 after that perhaps"):
        sender.send(messages(2))


def test_a_rate_spreads_the_reviews_over_time(opened: Opened) -> None:
    started = time.monotonic()
    Sender(opened(), rate=100).send(messages(21))
    assert time.monotonic() - started >= 0.2


def test_repeating_begins_again_until_the_limit() -> None:
    rows = [Row("", "a"), Row("", "b")]
    assert [row.text for row in limited_rows(lambda: iter(rows), True, 5)] == ["a", "b", "a", "b", "a"]
    assert list(limited_rows(lambda: iter(rows), False, None)) == rows


def test_repeating_nothing_ends() -> None:
    assert list(limited_rows(lambda: iter(()), True, None)) == []


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "fast"])
def test_a_rate_is_a_number_above_zero(rate: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no number of reviews a second"):
        _rate(rate)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [([], "there is nothing to send"), (["--repeat", "-"], "--repeat cannot read standard input again")],
)
def test_bad_use_is_one_sentence(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", *arguments]) == 2
    assert reason in capsys.readouterr().err
