"""`python -m worker send`: reviews into the input topic."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator

import msgspec

from worker.commands.common import connect
from worker.commands.common.arguments import positive
from worker.commands.common.progress import progress_bar
from worker.commands.send.encoder import Encoder
from worker.commands.send.files import FORMATS, BadRow, Columns, Row, read_rows
from worker.errors import BadUse, RetryBatch, StopWorker
from worker.kafka.broker import Broker
from worker.kafka.types import MAX_MESSAGE_BYTES, Message

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
    settings = connect.prepare(arguments)
    inputs = [*arguments.file, *(text for text in arguments.texts if text == "-")]
    if not inputs and not arguments.texts:
        raise BadUse("there is nothing to send: give texts, --file F, or - for standard input")
    if arguments.repeat and "-" in inputs:
        raise BadUse("--repeat cannot read standard input again")
    encoder = Encoder(settings, arguments.key_from == "id")
    rows = limited_rows(lambda: _rows(arguments, inputs), arguments.repeat, arguments.limit)
    started = time.monotonic()
    with connect.connected(settings, None, settings.input_topic) as broker, progress_bar("sending") as show:
        chunk = 1 if "-" in inputs else _MESSAGES_AT_ONCE
        sender = Sender(broker, lambda sent: show(sent, arguments.limit), arguments.rate, chunk)
        try:
            sender.send(map(encoder.encode, rows))
        except KeyboardInterrupt:
            sender.flush()
            _report(sender.sent, settings.input_topic, time.monotonic() - started, arguments.json)
            raise
    _report(sender.sent, settings.input_topic, time.monotonic() - started, arguments.json)
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


class Sender:
    """Writes messages, waits for Kafka to have stored them, and counts those.

    `chunk` messages are handed to the broker together: more is faster, one leaves none waiting for the next.
    """

    def __init__(
        self,
        broker: Broker,
        progress: Callable[[int], None] = lambda sent: None,
        rate: float | None = None,
        chunk: int = 1,
    ) -> None:
        self.sent = 0
        self._broker = broker
        self._progress = progress
        self._rate = rate
        self._chunk = chunk
        self._at_once = min(_MESSAGES_AT_ONCE, max(1, int(rate / _WRITES_A_SECOND))) if rate else _MESSAGES_AT_ONCE
        self._in_hand: list[Message] = []
        self._written = 0
        self._bytes = 0

    def send(self, messages: Iterator[Message]) -> None:
        """Write all of them. Raises StopWorker, with how many were written before, when a row is bad or Kafka fails."""
        started = time.monotonic()
        try:
            for number, message in enumerate(messages):
                if self._rate:
                    self._wait_until(started + number / self._rate)
                self._add(message)
            self.flush()
        except BadRow as error:
            self.flush()
            raise BadRow(f"{error} ({reviews(self.sent)} before it sent)") from None
        except RetryBatch as error:
            unsure = self._written + len(self._in_hand)
            raise StopWorker(
                f"{error}: {reviews(self.sent)} sent for certain, the {unsure:,} after that perhaps"
            ) from error

    def flush(self) -> None:
        """Wait until Kafka has stored all of it. Raises RetryBatch."""
        self._write()
        if self._written:
            self._broker.commit({})
            self.sent, self._written, self._bytes = self.sent + self._written, 0, 0
            self._progress(self.sent)

    def _add(self, message: Message) -> None:
        self._in_hand.append(message)
        self._bytes += len(message.value or b"")
        if self._written + len(self._in_hand) >= self._at_once or self._bytes >= MAX_MESSAGE_BYTES:
            self.flush()
        elif len(self._in_hand) >= self._chunk:
            self._write()

    def _write(self) -> None:
        if self._in_hand:
            self._broker.produce(self._in_hand)
            self._written, self._in_hand = self._written + len(self._in_hand), []

    def _wait_until(self, due: float) -> None:
        if due - time.monotonic() > 1 / _WRITES_A_SECOND:
            self.flush()
        time.sleep(max(0.0, due - time.monotonic()))


def reviews(count: int) -> str:
    """`1 review`, `2 reviews`."""
    return f"{count:,} review{'' if count == 1 else 's'}"


def _report(sent: int, topic: str, seconds: float, as_json: bool) -> None:
    if as_json:
        answer = {"sent": sent, "topic": topic, "seconds": round(seconds, 3)}
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    else:
        sys.stdout.write(f"Sent {reviews(sent)} to topic {topic} in {seconds:.1f} s.\n")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of reviews a second above zero")
    return rate
