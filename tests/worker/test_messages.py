"""Records to reviews: what is valid, what a dead letter says otherwise, and that both parsers agree."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.errors import BadReview
from worker.kafka.types import Record
from worker.messages import (
    MAX_TEXT_CHARACTERS,
    Review,
    ReviewDecoder,
    Sentiment,
    SentimentMessage,
    encode_sentiment,
)


def record(value: bytes | None) -> Record:
    """A record at reviews-2, offset 17."""
    return Record("reviews", 2, 17, 0, b"key", value, ())


def decode(value: bytes | None, **options: Any) -> Review:
    """The review in these bytes."""
    return ReviewDecoder(**options).decode(record(value))


def load_failure(value: bytes | None, **options: Any) -> BadReview:
    """Why these bytes hold no review."""
    with pytest.raises(BadReview) as caught:
        decode(value, **options)
    return caught.value


def outcome(decoder: ReviewDecoder, value: bytes) -> Review | str:
    """The review in these bytes, or the reason why there is none."""
    try:
        return decoder.decode(record(value))
    except BadReview as bad:
        return bad.reason


class DefinitionOnly(ReviewDecoder):
    """Goes by the pydantic models alone, which define what is valid."""

    def _fast(self, value: bytes) -> None:
        return None


def test_a_whole_review() -> None:
    value = b'{"id": "r1", "text": "Good", "attributes": {"shop": "17"}, "stars": 5}'
    assert decode(value) == Review("r1", "Good", {"shop": "17"})


def test_without_an_id_the_place_is_the_id() -> None:
    assert decode(b'{"text": "Good"}') == Review("reviews-2-17", "Good", {})


@pytest.mark.parametrize("text", ["", "\x00", "naïve ☕ 😀", "a\nb", " "])
def test_any_text_is_a_review(text: str) -> None:
    assert decode(json.dumps({"text": text}).encode()).text == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "invalid"),
        (b"", "not_json"),
        (b"good film", "not_json"),
        (b'{"text": "cut off', "not_json"),
        (b'{"text": "\xff"}', "not_json"),
        (b'{"text": "\\ud800"}', "not_json"),
        (b'{"text": "a", "x": "\\ud800"}', "not_json"),
        (b'{"text": "a", "x": ' + b"9" * 4_301 + b"}", "not_json"),
        (b'{"text": "a"} {}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"text": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not_json"),
        (b"[]", "invalid"),
        (b"null", "invalid"),
        (b'"text"', "invalid"),
        (b"{}", "invalid"),
        (b'{"text": null}', "invalid"),
        (b'{"text": 5}', "invalid"),
        (b'{"text": "a", "id": ""}', "invalid"),
        (b'{"text": "a", "id": 5}', "invalid"),
        (b'{"text": "a", "id": null}', "invalid"),
        (b'{"text": "a", "id": "' + b"x" * 257 + b'"}', "invalid"),
        (b'{"text": "a", "attributes": {"stars": 5}}', "invalid"),
        (b'{"text": "a", "attributes": null}', "invalid"),
    ],
)
def test_what_is_no_review_has_a_reason(value: bytes | None, reason: str) -> None:
    assert load_failure(value).reason == reason


def test_the_field_at_fault_is_named() -> None:
    assert "text" in load_failure(b'{"id": "r1"}').detail
    assert "attributes.stars" in load_failure(b'{"text": "a", "attributes": {"stars": 5}}').detail


def test_text_has_a_longest_length_in_characters() -> None:
    assert len(decode(json.dumps({"text": "é" * MAX_TEXT_CHARACTERS}).encode()).text) == MAX_TEXT_CHARACTERS
    assert load_failure(json.dumps({"text": "é" * (MAX_TEXT_CHARACTERS + 1)}).encode()).reason == "too_large"


def test_a_larger_value_is_not_even_read() -> None:
    assert load_failure(b"\xff" * 11, max_record_bytes=10).reason == "too_large"
    assert load_failure(b"\xff" * 10, max_record_bytes=10).reason == "not_json"


def test_of_two_fields_with_one_name_the_last_counts() -> None:
    assert decode(b'{"text": 1, "text": "a", "text": "b"}').text == "b"


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/review/body", {"review": {"body": "Good"}}),
        ("/parts/1", {"parts": ["Bad", "Good"]}),
        ("/a~1b/c~0d", {"a/b": {"c~d": "Good"}}),
        ("/", {"": "Good"}),
    ],
)
def test_a_pointer_finds_the_text(pointer: str, value: object) -> None:
    assert decode(json.dumps(value).encode(), text_field=pointer).text == "Good"


@pytest.mark.parametrize("pointer", ["/a/5", "/a/x", "/a/-1", "/b", "/a/0/c", "/a/\u0660"])
def test_a_pointer_to_nothing_is_an_invalid_review(pointer: str) -> None:
    assert load_failure(b'{"a": ["x"]}', text_field=pointer).reason == "invalid"


def test_both_pointers_and_the_attributes_of_the_top() -> None:
    value = b'{"meta": {"key": "r9"}, "body": "Good", "attributes": {"shop": "17"}}'
    assert decode(value, id_field="/meta/key", text_field="/body") == Review("r9", "Good", {"shop": "17"})


@pytest.mark.parametrize("value", [b"[]", b"5", b"null", b'"x"', b"not json", b"\xff", b"[" * 9_999])
def test_another_shape_refuses_what_the_usual_one_refuses(value: bytes) -> None:
    assert load_failure(value, text_field="/body").reason == load_failure(value).reason


# A busy machine draws slowly, which says nothing about what is tested.
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = ["0", "-1", "01", "1.", "1e999", "NaN", "-Infinity", "9" * 4_301]
names = ['"text"', '"id"', '"attributes"', '"x"']
strings = ['""', '"a"', '"é"', '"\x00"', '"\n"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\x"', '"\\u12"']
others = ["{", "}", "[", "]", ":", ",", " ", "\n", "null", "true", "\ufeff", "/**/"]
nested = ["[" * 120 + "]" * 120, "[" * 201 + "]" * 201]
tokens = st.sampled_from([*numbers, *names, *strings, *others, *nested])
near_json = st.lists(tokens, max_size=6).map("".join)
fields = st.tuples(st.sampled_from(names), near_json | tokens)
objects = st.lists(fields, max_size=4).map(lambda pairs: "{" + ",".join(f"{k}:{v}" for k, v in pairs) + "}")
reviews = st.lists(fields, max_size=2).map(
    lambda pairs: "{" + ",".join(f"{k}:{v}" for k, v in [('"text"', '"a"'), *pairs]) + "}"
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("text"), inner, max_size=4),
)


@patiently
@given(objects | reviews | near_json)
def test_the_fast_parser_agrees_with_the_definition(text: str) -> None:
    value = text.encode()
    assert outcome(ReviewDecoder(), value) == outcome(DefinitionOnly(), value)


@patiently
@given(st.dictionaries(st.sampled_from(["text", "id", "attributes", "x"]), json_values), st.booleans())
def test_both_agree_on_any_object(value: dict[str, object], ascii_only: bool) -> None:
    encoded = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert outcome(ReviewDecoder(), encoded) == outcome(DefinitionOnly(), encoded)


@patiently
@given(st.binary())
def test_both_agree_on_any_bytes_within_a_text(noise: bytes) -> None:
    value = b'{"text":"a' + noise + b'"}'
    assert outcome(ReviewDecoder(), value) == outcome(DefinitionOnly(), value)


@patiently
@given(json_values)
def test_a_pointer_to_the_text_means_the_same_as_its_name(value: object) -> None:
    encoded = json.dumps({"text": value}).encode()
    moved = json.dumps({"deep": {"body": value}}).encode()
    assert outcome(ReviewDecoder(), encoded) == outcome(ReviewDecoder(text_field="/deep/body"), moved)


def test_a_sentiment_is_written_as_its_definition_says() -> None:
    sentiment = Sentiment("r1", "positive", {"negative": 0.25, "positive": 0.75}, 1.0, "imdb", 3, {"a": "é"}, "now")
    assert SentimentMessage.model_validate_json(encode_sentiment(sentiment)).scores == sentiment.scores
    assert list(json.loads(encode_sentiment(sentiment))) == list(SentimentMessage.model_fields)
