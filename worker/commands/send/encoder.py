"""Rows of files into messages of the input topic."""

from __future__ import annotations

from typing import Any

import msgspec

from worker.commands.send.files import BadRow, Row
from worker.errors import BadReview, BadUse
from worker.kafka.types import Message, Record
from worker.messages import ReviewDecoder, pointer_keys
from worker.settings.settings import Settings


class Encoder:
    """Makes messages of rows and refuses what a worker would dead-lettered as a dead letter."""

    def __init__(self, settings: Settings, key_from_id: bool) -> None:
        self._topic = settings.input_topic
        self._id_path, self._text_path = pointer_keys(settings.id_field), pointer_keys(settings.text_field)
        shorter = min(len(self._id_path), len(self._text_path))
        if self._id_path[:shorter] == self._text_path[:shorter]:
            raise BadUse(
                "SENTIMENT_ID_FIELD and SENTIMENT_TEXT_FIELD must point to two fields, neither inside the other"
            )
        self._decode = ReviewDecoder(settings.id_field, settings.text_field, settings.max_record_bytes).decode
        self._key_from_id = key_from_id

    def encode(self, row: Row) -> Message:
        """The message of a row. Raises BadRow with the place where the row stands."""
        try:
            value = row.value if row.value is not None else self._value(row)
            review = self._decode(Record(self._topic, 0, 0, 0, None, value, ()))
            has_own_id = review.id != f"{self._topic}-0-0"
            key = review.id.encode() if self._key_from_id and has_own_id else None
        except UnicodeEncodeError:
            raise BadRow(f"{row.where}: not UTF-8 text") from None
        except BadReview as bad:
            raise BadRow(f"{row.where}: {bad.detail}") from None
        return Message(self._topic, key, value, [])

    def _value(self, row: Row) -> bytes:
        value: dict[str, Any] = {}
        if row.review_id is not None:
            _put(value, self._id_path, row.review_id)
        _put(value, self._text_path, row.text)
        return msgspec.json.encode(value)


def _put(value: dict[str, Any], path: list[str], content: str) -> None:
    for key in path[:-1]:
        value = value.setdefault(key, {})
    value[path[-1]] = content
