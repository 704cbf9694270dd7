"""The messages of the input and output topics: what is valid, and how bytes become reviews and sentiments bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import msgspec
import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worker.errors import BadReview
from worker.kafka.types import Record


def decode(value: bytes | None) -> Sentiment | None:
    """The sentiment in a record of the output topic; None where it holds none."""
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=Sentiment)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


MAX_ID_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 200_000
# pydantic's parser refuses deeper nesting than 200; the fast one does not look into fields that it skips.
_SURELY_SHALLOW = 190
# And it refuses longer whole numbers.
_LONGEST_NUMBER_DIGITS = 4_300


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class ReviewMessage(BaseModel):
    """A value of the input topic; fields not named here are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", title="Review")

    id: str = Field(
        "",
        min_length=1,
        max_length=MAX_ID_CHARACTERS,
        description="the review's own id; absent: <topic>-<partition>-<offset>",
        json_schema_extra=_without_default,
    )
    text: str = Field(max_length=MAX_TEXT_CHARACTERS, description="the review's text")
    attributes: dict[str, str] = Field({}, description="copied to the sentiment as they are")


class SentimentMessage(BaseModel):
    """A value of the output topic and of the cache."""

    model_config = ConfigDict(strict=True, extra="forbid", title="Sentiment")

    id: str = Field(description="the review's id")
    sentiment: str = Field(description="the class with the highest score")
    scores: dict[str, float] = Field(description="share of certainty per class, summing to 1")
    coverage: float = Field(ge=0, le=1, description="share of the text's words that the model knows")
    model: str = Field(description="name of the model")
    version: int = Field(gt=0, description="version of the model")
    attributes: dict[str, str] = Field(description="the review's attributes")
    scored_at: str = Field(description="when it was scored, UTC, ISO 8601 with milliseconds")


class VersionAnswer(BaseModel):
    """What one version says to a review."""

    model_config = ConfigDict(strict=True, extra="forbid")

    version: int = Field(gt=0, description="version of the model")
    sentiment: str = Field(description="the class with the highest score")
    scores: dict[str, float] = Field(description="share of certainty per class, summing to 1")


class ShadowMessage(BaseModel):
    """A value of the shadow topic: one record, and what the version in service and the one beside it say."""

    model_config = ConfigDict(strict=True, extra="forbid", title="Shadow")

    id: str = Field(description="the review's id")
    topic: str = Field(description="where its record stands")
    partition: int = Field(ge=0, description="where its record stands")
    offset: int = Field(ge=0, description="where its record stands")
    text: str = Field(description="the review's text")
    model: str = Field(description="name of the model")
    served: VersionAnswer = Field(description="what the output topic got")
    other: VersionAnswer = Field(description="what the version beside the stream says")


class Review(NamedTuple):
    """A decoded review."""

    id: str
    text: str
    attributes: dict[str, str]


class Sentiment(msgspec.Struct, frozen=True):
    """A sentiment about to be encoded; the same fields as `SentimentMessage`, cheap to make."""

    id: str
    sentiment: str
    scores: dict[str, float]
    coverage: float
    model: str
    version: int
    attributes: dict[str, str]
    scored_at: str


encode_sentiment: Callable[[Sentiment], bytes] = msgspec.json.Encoder().encode


class _FastReview(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARACTERS)]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_CHARACTERS)] = ""
    attributes: dict[str, str] = {}


_decode_fast = msgspec.json.Decoder(_FastReview).decode


class ReviewDecoder:
    """Record to review. `ReviewMessage` defines what is valid; a faster parser goes first and agrees with it."""

    def __init__(self, id_field: str = "/id", text_field: str = "/text", max_record_bytes: int = 2_097_152) -> None:
        self._pointers = (
            None if (id_field, text_field) == ("/id", "/text") else (pointer_keys(id_field), pointer_keys(text_field))
        )
        self._max_record_bytes = max_record_bytes

    def decode(self, record: Record) -> Review:
        """The review in a record. Raises BadReview with the dead letter's reason and detail."""
        value = record.value
        if value is None:
            raise BadReview("invalid", "the record has no value")
        if len(value) > self._max_record_bytes:
            raise BadReview("too_large", f"the value has {len(value)} bytes, more than {self._max_record_bytes}")
        review = self._fast(value) or self._slow(value)
        return Review(review.id or f"{record.topic}-{record.partition}-{record.offset}", review.text, review.attributes)

    def _fast(self, value: bytes) -> _FastReview | None:
        if self._pointers is not None or value.count(b"[") + value.count(b"{") > _SURELY_SHALLOW:
            return None
        if len(value) > _LONGEST_NUMBER_DIGITS < len(value) - len(value.translate(None, b"0123456789")):
            return None
        try:
            if not value.isascii():
                value.decode()
            return _decode_fast(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _slow(self, value: bytes) -> ReviewMessage:
        try:
            if self._pointers is None:
                return ReviewMessage.model_validate_json(value)
            return ReviewMessage.model_validate(self._from_another_shape(pydantic_core.from_json(value)))
        except ValidationError as error:
            raise _bad_review(error) from None
        except ValueError as error:
            raise BadReview("not_json", str(error)) from None

    def _from_another_shape(self, value: Any) -> Any:
        if not isinstance(value, dict) or self._pointers is None:
            return value
        found = {"id": _look_up(value, self._pointers[0]), "text": _look_up(value, self._pointers[1])}
        found["attributes"] = value.get("attributes", {})
        return {name: part for name, part in found.items() if part is not _ABSENT}


_ABSENT = object()


def pointer_keys(pointer: str) -> list[str]:
    """The keys that a JSON pointer (RFC 6901) follows, from the outermost on."""
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _look_up(value: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _ABSENT
    return value


def _bad_review(error: ValidationError) -> BadReview:
    problem = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in problem["loc"])
    detail = f"{field}: {problem['msg']}" if field else problem["msg"]
    if problem["type"] == "json_invalid":
        return BadReview("not_json", detail)
    too_large = problem["type"] == "string_too_long" and field == "text"
    return BadReview("too_large" if too_large else "invalid", detail)
