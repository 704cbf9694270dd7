"""Dead letters: what they carry, that they can always be written, and when there are too many."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.dead_letters import OutcomeWindow, dead_letter, size_bytes, writable_headers
from worker.kafka.types import MAX_MESSAGE_BYTES, Message, Record
from worker.offset_metadata import OffsetMetadata, newest_outcomes

patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
header_lists = st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=8)), max_size=5)


def record(key: bytes | None = b"key", value: bytes | None = b"value", *headers: tuple[str, bytes | None]) -> Record:
    """A record at reviews-2, offset 17."""
    return Record("reviews", 2, 17, 1_700_000_000_123, key, value, headers)


def letter(source: Record, error: str = "no text") -> Message:
    """Its dead letter."""
    return dead_letter(source, "reviews.dead-letter", "invalid", error)


def again(message: Message) -> Record:
    """A message read back."""
    return Record(message.topic, 0, 3, 1_700_000_000_456, message.key, message.value, message.headers)


def test_it_carries_the_record_as_it_came() -> None:
    message = letter(record(b"k", b"\xff\x00", ("traceparent", b"00-1"), ("a", b"1"), ("a", b"2")))
    assert (message.topic, message.key, message.value) == ("reviews.dead-letter", b"k", b"\xff\x00")
    assert message.headers[:3] == [("traceparent", b"00-1"), ("a", b"1"), ("a", b"2")]


def test_its_headers_say_why_and_whence() -> None:
    assert dict(letter(record()).headers) == {
        "dead-letter-reason": b"invalid",
        "dead-letter-error": b"no text",
        "dead-letter-topic": b"reviews",
        "dead-letter-partition": b"2",
        "dead-letter-offset": b"17",
        "dead-letter-timestamp": b"1700000000123",
        "dead-letter-attempts": b"1",
    }


def test_a_second_letter_replaces_the_headers_of_the_first() -> None:
    second = letter(again(letter(record())), "still no text")
    names = [name for name, _ in second.headers]
    assert len(names) == len(set(names))
    assert dict(second.headers)["dead-letter-error"] == b"still no text"
    assert dict(second.headers)["dead-letter-attempts"] == b"2"


@pytest.mark.parametrize("counted", [b"", b"x", b"-1", b"\xb2", b"9" * 10, None])
def test_attempts_that_somebody_else_wrote_start_anew(counted: bytes | None) -> None:
    headers = letter(record(b"k", b"v", ("dead-letter-attempts", counted))).headers
    assert headers.count(("dead-letter-attempts", b"1")) == 1


def test_the_count_of_replays_goes_on() -> None:
    headers = letter(record(b"k", b"v", ("dead-letter-replays", b"2"))).headers
    assert ("dead-letter-replays", b"2") in headers


def test_a_long_error_is_cut() -> None:
    assert len(dict(letter(record(), "é" * 5_000).headers)["dead-letter-error"]) == 2_000


def test_an_error_with_a_lone_surrogate_is_written() -> None:
    assert dict(letter(record(), "at \ud800").headers)["dead-letter-error"] == b"at \\ud800"


def test_null_header_values_become_empty_and_are_named() -> None:
    written = writable_headers([("a", None), ("b", b"1"), ("c", None)])
    assert written == [("a", b""), ("b", b"1"), ("c", b""), ("null-headers", b"a,c")]


def test_a_record_without_key_and_value_gets_an_empty_value() -> None:
    message = letter(record(None, None))
    assert (message.key, message.value) == (None, b"")
    assert ("dead-letter-value-was-null", b"true") in message.headers


def test_a_null_value_with_a_key_stays_null() -> None:
    assert letter(record(b"k", None)).value is None


def test_a_value_that_does_not_fit_is_described_instead() -> None:
    value = b"x" * MAX_MESSAGE_BYTES
    message = letter(record(b"k", value))
    assert message.value == b""
    assert dict(message.headers)["dead-letter-value-sha256"] == hashlib.sha256(value).hexdigest().encode()
    assert dict(message.headers)["dead-letter-value-size"] == str(len(value)).encode()


@patiently
@given(st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=40), header_lists, st.text(max_size=40))
def test_every_letter_can_be_written(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], error: str
) -> None:
    message = letter(record(key, value, *headers), error)
    assert all(isinstance(content, bytes) for _, content in message.headers)
    assert message.key is not None or message.value is not None
    assert size_bytes(message.key, message.value, message.headers) <= MAX_MESSAGE_BYTES


def test_a_window_that_is_not_full_is_never_too_much() -> None:
    window = OutcomeWindow().after([True] * 999)
    assert not window.exceeds(0.5)
    assert window.after([True]).exceeds(0.5)


def test_exactly_the_allowed_share_is_allowed() -> None:
    window = OutcomeWindow().after([True, False] * 500)
    assert not window.exceeds(0.5)
    assert window.after([True, True]).exceeds(0.5)


def test_old_outcomes_are_forgotten() -> None:
    window = OutcomeWindow().after([True] * 1_000).after([False] * 1_000)
    assert window == OutcomeWindow(1_000, 0)


@patiently
@given(st.lists(st.lists(st.booleans(), max_size=700), max_size=5))
def test_it_counts_the_last_thousand(batches: list[list[bool]]) -> None:
    window = OutcomeWindow()
    for batch in batches:
        window = window.after(batch)
    every = [dead for batch in batches for dead in batch]
    assert window.dead_bits.bit_count() == sum(every[-1_000:])
    assert window.seen == min(len(every), 1_000)


@patiently
@given(st.lists(st.booleans(), max_size=1_200), st.integers(0, 2**43))
def test_it_survives_in_the_metadata_of_a_position(outcomes: list[bool], now_ms: int) -> None:
    window = OutcomeWindow().after(outcomes)
    text = OffsetMetadata.of(window, now_ms).text()
    assert newest_outcomes(["", text]) == window
    assert len(text) < 300


def test_the_newest_of_several_counts() -> None:
    old, new = OutcomeWindow().after([True] * 5), OutcomeWindow().after([False] * 3)
    assert newest_outcomes([OffsetMetadata.of(new, 2).text(), OffsetMetadata.of(old, 1).text()]) == new


@patiently
@given(
    st.text(max_size=40)
    | st.sampled_from(["{}", "null", '{"seen":5,"dead":"?","at":1}', '{"seen":-1,"dead":"","at":1}'])
)
def test_what_others_write_there_is_passed_over(text: str) -> None:
    assert newest_outcomes([text]) == OutcomeWindow()
