"""Reviews from files and standard input: JSON lines, CSV, TSV, or one text a line."""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from worker.errors import StopWorker

FORMATS = ("auto", "jsonl", "csv", "tsv", "text")
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".txt": "text"}
_TEXT_COLUMNS = ("text", "review")
_IMDB_HEADERS = (["id", "review"], ["id", "sentiment", "review"])
# The standard library's own limit, in characters, is below what a review may have.
_MAX_CELL_CHARACTERS = 16 * 1024 * 1024


class BadRow(StopWorker):
    """A file cannot be read, or a row of it holds no review."""


class Row(NamedTuple):
    """One review before it is encoded: `value` is an input object as bytes already, else there are a text and an id."""

    where: str
    text: str = ""
    review_id: str | None = None
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a CSV or TSV file to take; None: the usual names."""

    text: str | None = None
    id: str | None = None


def read_rows(path: str, file_format: str, columns: Columns) -> Iterator[Row]:
    """The rows of a file (`-`: standard input), gzipped or not. Raises BadRow with the file and the line."""
    with _opened(path) as stream:
        name = "standard input" if path == "-" else path
        lines = _decoded(stream, name)
        first = next(lines, "")
        if file_format == "auto":
            file_format = _guessed(path, first)
        yield from _READERS[file_format](_chain(first, lines), name, columns)


def _guessed(path: str, first_line: str) -> str:
    known = _SUFFIXES.get(Path(path.removesuffix(".gz")).suffix.lower())
    if known:
        return known
    if first_line.lstrip().startswith("{"):
        return "jsonl"
    names = first_line.rstrip("\r\n").split("\t")
    return "tsv" if len(names) > 1 and not set(names).isdisjoint(_TEXT_COLUMNS) else "text"


def _json_lines(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield Row(f"{name}, line {number}", value=line.strip().encode())


def _text_lines(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield Row(f"{name}, line {number}", line.rstrip("\r\n"))


def _comma_separated(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Row]:
    return _table(lines, name, columns, {"delimiter": ",", "strict": True})


def _tab_separated(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Row]:
    lines = iter(lines)
    header = next(lines, "")
    if header.rstrip("\r\n").split("\t") in _IMDB_HEADERS:
        unquoted = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
        for row in _table(_chain(header, lines), name, columns, unquoted):
            yield row._replace(text=_unquoted(row.text), review_id=_unquoted(row.review_id or ""))
    else:
        yield from _table(_chain(header, lines), name, columns, {"delimiter": "\t", "strict": True})


def _table(lines: Iterable[str], name: str, columns: Columns, form: dict[str, Any]) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    reader = csv.reader(lines, **form)
    line = 1
    try:
        header = next(reader, [])
        text_index, id_index = _indices(header, name, columns)
        line = reader.line_num + 1
        for cells in reader:
            where, line = f"{name}, line {line}", reader.line_num + 1
            if len(cells) == len(header):
                yield Row(where, cells[text_index], None if id_index is None else cells[id_index])
            elif cells:
                raise BadRow(f"{where}: {len(cells)} columns where the header has {len(header)}")
    except csv.Error as error:
        raise BadRow(f"{name}, line {line}: {error}") from None


def _indices(header: list[str], name: str, columns: Columns) -> tuple[int, int | None]:
    text = columns.text or next((each for each in _TEXT_COLUMNS if each in header), "text")
    for wanted in (text, columns.id):
        if wanted is not None and wanted not in header:
            flag = "--text-column" if wanted == text else "--id-column"
            raise BadRow(f"{name}, line 1: there is no column {wanted} in the header ({', '.join(header)}): see {flag}")
    review_id = columns.id or ("id" if "id" in header else None)
    return header.index(text), None if review_id is None else header.index(review_id)


def _unquoted(cell: str) -> str:
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        cell = cell[1:-1]
    return cell.replace('\\"', '"')


def _decoded(stream: IO[bytes], name: str) -> Iterator[str]:
    number = 0
    try:
        for number, line in enumerate(stream, start=1):
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise BadRow(f"{name}, line {number}: not UTF-8 text") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "it is cut off or damaged"
        raise BadRow(f"cannot read {name} after line {number}: {reason}") from None


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(Path(path).open("rb")) if path != "-" else cast(BufferedReader, sys.stdin.buffer)
            zipped = raw.peek(2).startswith(b"\x1f\x8b")
        except OSError as error:
            raise BadRow(f"cannot read {path}: {error.strerror}") from None
        yield cast(IO[bytes], stack.enter_context(gzip.open(raw))) if zipped else raw


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
        yield from rest


_READERS: dict[str, Callable[[Iterable[str], str, Columns], Iterator[Row]]] = {
    "jsonl": _json_lines,
    "csv": _comma_separated,
    "tsv": _tab_separated,
    "text": _text_lines,
}
