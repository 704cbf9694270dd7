"""`python -m worker send`: reviews into the input topic."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from worker.broker import MAX_MESSAGE_BYTES, Broker, Message, Record
from worker.commands import connect
from worker.commands.progress import progress_bar
from worker.commands.reading import positive
from worker.commands.review_files import FORMATS, BadRow, Columns, Row, read_rows
from worker.errors import BadReview, BadUse, RetryBatch, StopWorker
from worker.messages import ReviewDecoder
from worker.settings import Settings

_EXAMPLES = """examples:
  python -m worker send "What a wonderful film" "Never again"
  python -m worker send --file reviews.jsonl --rate 200
  python -m worker send --file Tweets.csv --text-column text --id-column tweet_id --limit 1000
  zcat reviews.tsv.gz | python -m worker send -"""
_MESSAGES_AT_ONCE = 500
# With a rate, what is due is written that often, so that a record's timestamp is when it was sent.
_WRITES_A_SECOND = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `send`."""
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="a review's text; - reads standard input")
    parser.add_argument(
        "--file", action="append", default=[], metavar="F", help="file to send, gzipped or not (may be given again)"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="auto",
        help="of files and standard input (default: by name and first line)",
    )
    parser.add_argument("--text-column", metavar="NAME", help="column of the text (default: text or review)")
    parser.add_argument("--id-column", metavar="NAME", help="column of the id (default: id, where there is one)")
    parser.add_argument(
        "--key-from", choices=("id", "none"), default="id", help="key of the messages: reviews of one key stay in order"
    )
    parser.add_argument("--rate", type=_rate, metavar="N", help="send N reviews a second (default: as fast as it goes)")
    parser.add_argument("--limit", type=positive, metavar="N", help="stop after N reviews")
    parser.add_argument("--repeat", action="store_true", help="begin again at the end, until --limit or Ctrl-C")
    connect.add_arguments(parser, "[TEXT ...] [--file F] [--rate N] [--limit N] [--repeat] [--json]", _EXAMPLES)


def main(arguments: argparse.Namespace) -> int:
    """Send all of it and say how many reviews that were."""
    chosen = connect.prepare(arguments)
    inputs = [*arguments.file, *(text for text in arguments.texts if text == "-")]
    if not inputs and not arguments.texts:
        raise BadUse("there is nothing to send: give texts, --file F, or - for standard input")
    if arguments.repeat and "-" in inputs:
        raise BadUse("--repeat cannot read standard input again")
    encoder = Encoder(chosen, arguments.key_from == "id")
    rows = limited_rows(lambda: _rows(arguments, inputs), arguments.repeat, arguments.limit)
    started = time.monotonic()
    with connect.connected(chosen, None, chosen.input_topic) as broker, progress_bar("sending") as show:
        sender = Sender(broker, lambda sent: show(sent, arguments.limit), arguments.rate)
        try:
            sender.send(map(encoder.encode, rows))
        except KeyboardInterrupt:
            sender.flush()
            _report(sender.sent, chosen.input_topic, time.monotonic() - started, arguments.json)
            raise
    _report(sender.sent, chosen.input_topic, time.monotonic() - started, arguments.json)
    return 0


def _rows(arguments: argparse.Namespace, inputs: list[str]) -> Iterator[Row]:
    for number, text in enumerate((text for text in arguments.texts if text != "-"), start=1):
        yield Row(f"text {number}", text)
    for path in inputs:
        yield from read_rows(path, arguments.format, Columns(arguments.text_column, arguments.id_column))


def limited_rows(rows: Callable[[], Iterator[Row]], repeat: bool, limit: int | None) -> Iterator[Row]:
    """The rows once or again and again, at most `limit` of them; ends when there are none to repeat."""
    rounds = itertools.chain.from_iterable(_rounds(rows)) if repeat else rows()
    return itertools.islice(rounds, limit)


def _rounds(rows: Callable[[], Iterator[Row]]) -> Iterator[Iterator[Row]]:
    while (first := next(again := rows(), None)) is not None:
        yield itertools.chain([first], again)


class Encoder:
    """Makes messages of rows and refuses what a worker would set aside as a dead letter."""

    def __init__(self, settings: Settings, key_from_id: bool) -> None:
        self._topic = settings.input_topic
        self._id_path, self._text_path = _keys(settings.id_field), _keys(settings.text_field)
        shorter = min(len(self._id_path), len(self._text_path))
        if self._id_path[:shorter] == self._text_path[:shorter]:
            raise BadUse("id_field and text_field must point to two fields, neither inside the other")
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


@dataclass(slots=True)
class Sender:
    """Writes messages, waits for Kafka to have stored them, and counts those."""

    broker: Broker
    progress: Callable[[int], None]
    rate: float | None = None
    sent: int = 0
    _pending: int = 0
    _pending_bytes: int = 0

    def send(self, messages: Iterator[Message]) -> None:
        """Write all of them. Raises StopWorker, with how many were written before, when a row is bad or Kafka fails."""
        at_once = (
            _MESSAGES_AT_ONCE
            if self.rate is None
            else max(1, min(_MESSAGES_AT_ONCE, int(self.rate / _WRITES_A_SECOND)))
        )
        started = time.monotonic()
        try:
            for number, message in enumerate(messages):
                self._wait_until(started + number / self.rate if self.rate else 0.0)
                self.broker.produce([message])
                self._pending += 1
                self._pending_bytes += len(message.value or b"")
                if self._pending >= at_once or self._pending_bytes >= MAX_MESSAGE_BYTES:
                    self.flush()
            self.flush()
        except BadRow as error:
            self.flush()
            raise BadRow(f"{error} ({self.sent:,} reviews before it were sent)") from None
        except RetryBatch as error:
            raise StopWorker(
                f"{error}: {self.sent:,} reviews were sent for certain, the {self._pending:,} after them perhaps"
            ) from error

    def flush(self) -> None:
        """Wait until Kafka has stored what was written. Raises RetryBatch."""
        if self._pending:
            self.broker.commit({})
            self.sent, self._pending = self.sent + self._pending, 0
            self._pending_bytes = 0
            self.progress(self.sent)

    def _wait_until(self, due: float) -> None:
        left = due - time.monotonic()
        if left > 0:
            if left > 1 / _WRITES_A_SECOND:
                self.flush()
            time.sleep(max(0.0, due - time.monotonic()))


def _report(sent: int, topic: str, seconds: float, as_json: bool) -> None:
    if as_json:
        answer = {"sent": sent, "topic": topic, "seconds": round(seconds, 3)}
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    else:
        sys.stdout.write(f"Sent {sent:,} review{'' if sent == 1 else 's'} to topic {topic} in {seconds:.1f} s.\n")


def _keys(pointer: str) -> list[str]:
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _put(value: dict[str, Any], path: list[str], content: str) -> None:
    for key in path[:-1]:
        value = value.setdefault(key, {})
    value[path[-1]] = content


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of reviews a second above zero")
    return rate
