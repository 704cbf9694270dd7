"""The AsyncAPI document is valid, up to date, and says what the worker really reads and writes."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, ValidationError

from models.scorer import Scorer
from tests.worker.stream import Stream
from worker.__main__ import main
from worker.commands.asyncapi.document import document
from worker.errors import BadReview
from worker.kafka.types import Partition, Record
from worker.messages import ReviewDecoder, Sentiment, encode_sentiment
from worker.rollout.comparison import Sample, compare
from worker.serving.results import Score
from worker.settings.settings import Settings, load

COMMITTED = Path(__file__).parents[4] / "worker" / "commands" / "asyncapi" / "asyncapi.json"
SCHEMA = Path(__file__).with_name("schema") / "3.0.0.json.gz"
MESSAGES = ("review", "sentiment", "deadLetter", "shadow")


@pytest.fixture(scope="module")
def specification() -> Draft7Validator:
    return Draft7Validator(json.loads(gzip.decompress(SCHEMA.read_bytes())))


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(Settings())


def validator(described: dict[str, Any], message: str, part: str) -> Draft7Validator:
    """For the payload or the headers of a message."""
    schema = described["components"]["messages"][message][part]
    return Draft7Validator(schema | {"components": described["components"]})


def record(value: Any) -> Record:
    return Record("reviews", 0, 5, 0, None, json.dumps(value).encode(), [])


def text_headers(found: Record) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in found.headers}


def test_the_committed_document_is_that_of_the_defaults(described: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == described, (
        "write it anew: python -m worker asyncapi > worker/commands/asyncapi/asyncapi.json"
    )


def test_the_command_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["asyncapi"]) == 0
    assert capsys.readouterr().out == COMMITTED.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"shadow_topic": "sentiments.shadow", "kafka_bootstrap_servers": "a:1, b:2", "delivery": "at_least_once"},
        {
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": "reader",
            "kafka_sasl_password": "secret",
        },
        {"id_field": "/review/number", "text_field": "/review/body/0"},
    ],
)
def test_it_is_valid_by_the_schema_of_asyncapi(settings: dict[str, str], specification: Draft7Validator) -> None:
    specification.validate(document(load(settings)))


@pytest.mark.parametrize(
    "change", [{"channels": {"reviews": {"address": 7}}}, {"info": {}}, {"topics": {}}, {"asyncapi": "3.0"}]
)
def test_the_schema_of_asyncapi_finds_mistakes(
    change: dict[str, Any], described: dict[str, Any], specification: Draft7Validator
) -> None:
    with pytest.raises(ValidationError):
        specification.validate(described | change)


@pytest.mark.parametrize("message", MESSAGES)
def test_examples_are_valid_by_their_own_schemas(message: str, described: dict[str, Any]) -> None:
    examples = described["components"]["messages"][message]["examples"]
    assert examples
    for example in examples:
        validator(described, message, "payload").validate(example["payload"])
        validator(described, message, "headers").validate(example.get("headers", {}))


def test_example_reviews_are_decoded(described: dict[str, Any]) -> None:
    for example in described["components"]["messages"]["review"]["examples"]:
        review = ReviewDecoder().decode(record(example["payload"]))
        assert review.text == example["payload"]["text"]
        assert review.id == example["payload"].get("id", "reviews-0-5")


def test_example_sentiments_are_what_is_encoded(described: dict[str, Any]) -> None:
    [example] = described["components"]["messages"]["sentiment"]["examples"]
    assert json.loads(encode_sentiment(Sentiment(**example["payload"]))) == example["payload"]


@pytest.mark.parametrize(
    "value",
    [{}, [], {"text": 5}, {"text": "x" * 200_001}, {"text": "x", "id": ""}, {"text": "x", "attributes": {"stars": 5}}],
)
def test_what_the_document_refuses_the_decoder_does_too(value: object, described: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validator(described, "review", "payload").validate(value)
    with pytest.raises(BadReview):
        ReviewDecoder().decode(record(value))


def written(scorer: Scorer) -> Iterator[tuple[str, Record]]:
    """What a worker writes for reviews and for records that hold none."""
    stream = Stream(scorer)
    stream.send({"id": "a", "text": "good", "attributes": {"shop": "7"}}, {"text": "bad"}, b"{", {"id": "b"}, b"")
    stream.drain()
    yield from (("sentiment", found) for found in stream.kafka.read("sentiments"))
    yield from (("deadLetter", found) for found in stream.dead_letters())


def test_what_a_worker_writes_is_what_the_document_says(scorer: Scorer, described: dict[str, Any]) -> None:
    found = list(written(scorer))
    assert [message for message, _ in found] == ["sentiment"] * 2 + ["deadLetter"] * 3
    for message, each in found:
        value = (each.value or b"").decode()
        validator(described, message, "payload").validate(json.loads(value) if message == "sentiment" else value)
        headers = text_headers(each)
        assert headers.pop("traceparent") == "00-1", "the stream's own, malformed, is copied as it is"
        validator(described, message, "headers").validate(headers)
        known = described["components"]["messages"][message]["headers"]["properties"]
        assert set(headers) <= set(known)


def test_what_goes_to_the_shadow_topic_is_what_the_document_says(scorer: Scorer, described: dict[str, Any]) -> None:
    sample = Sample(Partition("reviews", 0), 7, b"k", "r1", "A wonderful film", Score(0, [0.9, 0.1], 1.0))
    values = [value for _, value in compare(scorer, scorer, [sample], time_both=False).messages(only_differences=False)]
    assert len(values) == 1
    validator(described, "shadow", "payload").validate(json.loads(values[0]))


def test_topics_and_the_group_are_those_of_the_settings() -> None:
    names = {"input_topic": "in", "output_topic": "out", "dead_letter_topic": "dead", "shadow_topic": "beside"}
    described = document(load(names | {"kafka_group_id": "mine"}))
    assert [channel["address"] for channel in described["channels"].values()] == ["in", "out", "dead", "beside"]
    group = described["operations"]["receiveReviews"]["bindings"]["kafka"]["groupId"]
    assert group["const"] == "mine"


@pytest.mark.parametrize(
    ("value", "valid"), [({"review": {"body": "good"}}, True), ({"review": {}}, False), ({"text": "good"}, False)]
)
def test_another_shape_is_described_as_it_is_read(value: dict[str, Any], valid: bool) -> None:
    described = document(load({"id_field": "/number", "text_field": "/review/body"}))
    assert validator(described, "review", "payload").is_valid(value) == valid
    if not valid:
        with pytest.raises(BadReview):
            ReviewDecoder("/number", "/review/body").decode(record(value))
