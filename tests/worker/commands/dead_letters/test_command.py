import io
from collections import Counter

import pytest
from rich.console import Console

from tests.worker.commands.dead_letters.letters import sent, write_dead_letters
from worker.commands.dead_letters.command import found, show
from worker.commands.dead_letters.letter import DeadLetter, original
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import Record


def test_a_letter_tells_whence_and_why(memory: MemoryKafka) -> None:
    [record] = sent(memory, b"?")
    [buried] = write_dead_letters(memory, record, reason="not_json", error="expected value")
    dead_letter = DeadLetter.of(buried)
    assert (dead_letter.topic, dead_letter.partition, dead_letter.offset) == (
        "reviews",
        record.partition,
        record.offset,
    )
    assert (dead_letter.reason, dead_letter.error, dead_letter.attempts, dead_letter.replays) == (
        "not_json",
        "expected value",
        1,
        0,
    )


@pytest.mark.parametrize("value", [None, b"", b"-1", b"\xff", b"9" * 30, "\N{SUPERSCRIPT TWO}".encode()])
def test_headers_of_others_that_are_no_numbers_count_as_zero(value: bytes | None) -> None:
    record = Record("reviews.dead-letter", 0, 0, 0, None, b"", [("dead-letter-attempts", value)])
    assert DeadLetter.of(record).attempts == 0


def test_the_original_comes_back_with_its_key_value_and_headers(memory: MemoryKafka) -> None:
    [record] = sent(memory, b"?")
    [buried] = write_dead_letters(memory, record)
    message = original(buried, DeadLetter.of(buried))
    assert message[:3] == (record.topic, record.key, record.value)
    assert message.headers == [
        ("traceparent", b"00-1"),
        ("dead-letter-attempts", b"1"),
        ("dead-letter-replays", b"1"),
    ]


def test_only_letters_with_the_wanted_reasons_are_found(memory: MemoryKafka) -> None:
    write_dead_letters(memory, *sent(memory, b"a", b"b"), reason="invalid")
    write_dead_letters(memory, *sent(memory, b"c"), reason="not_json")
    polled = [memory.read("reviews.dead-letter")]
    assert [dead_letter.reason for dead_letter in found(polled, ["not_json"])] == ["not_json"]
    assert len(list(found(polled, None))) == 3


def table(dead_letters: list[DeadLetter], counts: Counter[str]) -> str:
    out = io.StringIO()
    show(Console(file=out, width=120), dead_letters, counts, now=1_000.0)
    return out.getvalue()


def test_a_table_shows_place_reason_error_attempts_and_age() -> None:
    dead_letter = DeadLetter("reviews", 3, 17, "invalid", "text: [red] \x1b[31m", 2, 0, 400_000, False)
    lines = table([dead_letter], Counter(invalid=5)).splitlines()
    cells = [cell.strip() for cell in lines[3].strip("│").split("│")]
    assert cells == ["reviews/3/17", "invalid", "text: [red] \ufffd[31m", "2", "10 min"]
    assert lines[-1] == "5 dead letters: 5 invalid; the newest 1 are shown (--limit)"


def test_without_letters_there_is_no_table() -> None:
    assert table([], Counter()) == "No dead letters.\n"
