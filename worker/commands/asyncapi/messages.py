"""The messages of the AsyncAPI document: payloads from the models, headers, keys and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from worker.dead_letters import NULL_HEADERS, PREFIX, REPLAYS, dead_letter
from worker.errors import REASONS
from worker.kafka.types import MAX_MESSAGE_BYTES, Record
from worker.messages import ReviewMessage, SentimentMessage, ShadowMessage, pointer_keys
from worker.settings.settings import Settings

Json = dict[str, Any]

BINDING_VERSION = "0.5.0"
_REFERENCE = "#/components/schemas/{model}"
_TRACEPARENT = {
    "type": "string",
    "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$",
    "description": "W3C trace context of whoever sent the review; like all headers it is copied",
}
_NULLS = {"type": "string", "description": "names of headers whose null value became an empty one, comma-separated"}
_NUMBER = {"type": "string", "pattern": "^[0-9]+$"}
_DEAD_LETTER_HEADERS: Json = {
    "reason": {"type": "string", "enum": list(REASONS), "description": "why"},
    "error": {"type": "string", "maxLength": 1_000, "description": "why, in a sentence"},
    "topic": {"type": "string", "description": "where the record stands"},
    "partition": _NUMBER | {"description": "where the record stands"},
    "offset": _NUMBER | {"description": "where the record stands"},
    "timestamp": _NUMBER | {"description": "the record's timestamp, in milliseconds since 1970"},
    "attempts": _NUMBER | {"description": "how often it was dead-lettered"},
}
_DEAD_LETTER_EXTRAS: Json = {
    "value-sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "of a value that was left out"},
    "value-size": _NUMBER | {"description": "bytes of a value that was left out"},
    "value-was-null": {"type": "string", "const": "true", "description": "the record had neither key nor value"},
}
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_REVIEW: Json = {"id": "r17", "text": "A wonderful film, and far too short.", "attributes": {"shop": "7"}}
_SCORES = {"negative": 0.0312, "positive": 0.9688}
_SENTIMENT: Json = {
    "id": "r17",
    "sentiment": "positive",
    "scores": _SCORES,
    "coverage": 0.94,
    "model": "reviews",
    "version": 1,
    "attributes": {"shop": "7"},
    "scored_at": "2026-01-31T12:00:00.123Z",
}
_SHADOW: Json = {
    "id": "r17",
    "topic": "reviews",
    "partition": 3,
    "offset": 4711,
    "text": "A wonderful film, and far too short.",
    "model": "reviews",
    "served": {"version": 1, "sentiment": "positive", "scores": _SCORES},
    "other": {"version": 2, "sentiment": "negative", "scores": {"negative": 0.61, "positive": 0.39}},
}


def messages(settings: Settings) -> Json:
    """Every message by its name."""
    copied = {"traceparent": _TRACEPARENT, NULL_HEADERS: _NULLS}
    return {
        "review": _review(settings),
        "sentiment": _message(SentimentMessage, "the key of its review", [_SENTIMENT], copied),
        "deadLetter": _dead_letter(settings),
        "shadow": _message(ShadowMessage, "the key of its review", [_SHADOW], {}),
    }


def schemas() -> Json:
    """What the payloads refer to."""
    return dict(ShadowMessage.model_json_schema(ref_template=_REFERENCE)["$defs"])


def _message(
    model: type[BaseModel], key: str, examples: Sequence[Json], headers: Mapping[str, Json], payload: Json | None = None
) -> Json:
    schema = model.model_json_schema(ref_template=_REFERENCE)
    schema.pop("$defs", None)
    shown = {"headers": {"traceparent": _TRACE}} if "traceparent" in headers else {}
    return {
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": "application/json",
        "headers": {"type": "object", "properties": headers},
        "payload": payload or schema,
        "bindings": {"kafka": {"key": _key(key), "bindingVersion": BINDING_VERSION}},
        "examples": [{**shown, "payload": example} for example in examples],
    }


def _review(settings: Settings) -> Json:
    """Where the topic has another shape, the fields stand where the JSON pointers say."""
    described, examples = "any: results of one key keep its order", [_REVIEW, {"text": "Dull."}]
    pointers = {"id": pointer_keys(settings.id_field), "text": pointer_keys(settings.text_field)}
    if pointers == {"id": ["id"], "text": ["text"]}:
        return _message(ReviewMessage, described, examples, {"traceparent": _TRACEPARENT})
    schema = ReviewMessage.model_json_schema()
    payload: Json = {"type": "object", "properties": {"attributes": schema["properties"]["attributes"]}}
    for field, keys in pointers.items():
        _index(payload, keys, schema["properties"][field], required=field in schema["required"])
    return _message(ReviewMessage, described, [], {"traceparent": _TRACEPARENT}, payload)


def _index(schema: Json, keys: Sequence[str], field: Json, required: bool) -> None:
    """Put a field's schema where the keys lead; behind a number, which may be a place in a list, nothing is said."""
    for depth, key in enumerate(keys):
        if key.isdecimal():
            schema.clear()
            return
        if required:
            schema.setdefault("required", []).append(key)
        properties = schema.setdefault("properties", {})
        last = depth == len(keys) - 1
        schema = properties.setdefault(key, field if last else {"type": "object"})


def _dead_letter(settings: Settings) -> Json:
    headers = {PREFIX + name: schema for name, schema in (_DEAD_LETTER_HEADERS | _DEAD_LETTER_EXTRAS).items()}
    record = Record(
        settings.input_topic,
        3,
        4711,
        1_769_860_800_000,
        b"customer-5",
        b'{"id": "r18"}',
        [("traceparent", _TRACE.encode())],
    )
    example = dead_letter(record, settings.dead_letter_topic, "invalid", "text: Field required")
    replays = _NUMBER | {"description": "how often it was sent again"}
    return {
        "title": "DeadLetter",
        "summary": "A record of the input topic unchanged, with headers that say why it holds no valid review.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "required": [PREFIX + name for name in _DEAD_LETTER_HEADERS],
            "properties": {"traceparent": _TRACEPARENT, NULL_HEADERS: _NULLS, REPLAYS: replays, **headers},
        },
        "payload": {
            "type": ["string", "null"],
            "description": f"the record's bytes; empty where the dead letter would be larger than {MAX_MESSAGE_BYTES}",
        },
        "bindings": {"kafka": {"key": _key("unchanged"), "bindingVersion": BINDING_VERSION}},
        "examples": [
            {
                "headers": {name: value.decode() for name, value in example.headers},
                "payload": (example.value or b"").decode(),
            }
        ],
    }


def _key(description: str) -> Json:
    return {"type": ["string", "null"], "description": description}
