import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from worker.commands.common.consume import Follower
from worker.commands.tail import JsonPrinter, LinePrinter, polls, show
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import Connection, Message, Record
from worker.messages import Sentiment, encode_sentiment


def sentiment(review_id: str = "r1", **other: Any) -> Record:
    fields = {"sentiment": "positive", "scores": {"negative": 0.25, "positive": 0.75}, "coverage": 0.5, "model": "imdb"}
    fields |= {"version": 3, "attributes": {}, "scored_at": "2026-01-31T12:00:00.123Z"} | other
    return record(encode_sentiment(Sentiment(id=review_id, **fields)))  # type: ignore[arg-type]


def record(value: bytes | None) -> Record:
    return Record("sentiments", 0, 0, 0, b"k", value, ())


def shown(records: Sequence[Record], only_id: str | None = None, limit: int | None = None) -> list[str]:
    out = io.StringIO()
    show([records], LinePrinter(Console(file=out, soft_wrap=True)), only_id, limit)
    return out.getvalue().splitlines()


def test_a_sentiment_is_a_line_under_a_heading() -> None:
    heading, line = shown([sentiment()])
    assert heading.split()[:2] == ["scored", "at"]
    assert line.split() == ["2026-01-31", "12:00:00", "positive", "0.750", "50%", "imdb@3", "r1"]


def test_a_line_fits_a_terminal_however_long_the_id() -> None:
    _, *lines = shown([sentiment("b" * 256), sentiment("\N{CJK UNIFIED IDEOGRAPH-6620}" * 256)])
    assert all(cell_len(line) <= 120 and line.endswith("\N{HORIZONTAL ELLIPSIS}") for line in lines)


def test_ids_cannot_move_the_cursor() -> None:
    assert "\x1b" not in "".join(shown([sentiment("a\x1b[2Jb")]))


def test_markup_in_ids_is_shown_as_it_is() -> None:
    assert "[red]x[/red]" in shown([sentiment("[red]x[/red]")])[1]


def test_only_the_wanted_review_is_shown() -> None:
    assert len(shown([sentiment("a"), sentiment("b"), sentiment("a")], only_id="a")) == 1 + 2


def test_the_limit_ends_it() -> None:
    out = io.StringIO()
    count = show([[sentiment()] * 3] * 9, LinePrinter(Console(file=out, soft_wrap=True)), None, 4)
    assert count == 4
    assert len(out.getvalue().splitlines()) == 1 + 4


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b'{"id":1}'])
def test_what_holds_no_sentiment_is_passed_over(value: bytes | None) -> None:
    assert shown([record(value)]) == []


def test_json_is_the_output_object_as_it_is(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    plain, spread = sentiment("a"), json.dumps(json.loads(sentiment("b").value or b""), indent=1).encode()
    show([[plain, record(spread)]], JsonPrinter(), None, None)
    first, second = capsysbinary.readouterr().out.splitlines()
    assert first == plain.value
    assert json.loads(second) == json.loads(spread)


def test_it_stops_at_the_end_when_told_to(memory: MemoryKafka, opened: Callable[..., MemoryBroker]) -> None:
    for number in range(1_234):
        memory.append(Message("sentiments", b"%d" % number, b"x", []))
    follower = Follower(opened("sentiments"), Connection("memory:0"), lambda _: True)
    assert sum(map(len, polls(follower, exit_at_end=True))) == 1_234
