"""Tables in files: comma- and tab-separated, JSON lines and Parquet, all read row by row in one shape."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any

from trainer.data.files import read_lines
from trainer.errors import BadData

PARQUET_START = b"PAR1"
SHOWN_CHARACTERS = 60
LISTED_NAMES = 20
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
TAB_SUFFIXES = (".tsv", ".tab")
DELIMITER_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
# Kaggle's forms of the IMDB reviews are tab-separated without the usual quoting: quotes in cells have a backslash.
UNQUOTED_HEADERS = (["id", "sentiment", "review"], ["id", "review"])

Row = tuple[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are all there are; `rows`, to be called once, takes some of them and yields (place, their values).

    The place names file and line (or row, in Parquet) for a person. While rows are read, BadData tells what is wrong.
    """

    columns: tuple[str, ...]
    rows: Callable[[Sequence[str]], Iterator[Row]]


def read_table(path: Path, file: BufferedReader) -> Table:
    """The table in an open file, by its first bytes and the suffix of its name.

    Cells of comma- and tab-separated files follow RFC 4180, and the first line names the columns; only a tab-separated
    file with exactly Kaggle's IMDB header has backslashes before quotes instead. Raises BadData.
    """
    suffix = Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    start = file.peek(1)
    if not start:
        raise BadData(f"{path} is empty.")
    if start.startswith(PARQUET_START) or suffix == ".parquet":
        return _parquet(path, file)
    lines = read_lines(path, file)
    if suffix in JSON_SUFFIXES:
        return _json_lines(path, lines)
    if suffix in (".csv", *TAB_SUFFIXES):
        return _delimited(path, lines, "\t" if suffix in TAB_SUFFIXES else ",")
    first = next(lines)
    if first.lstrip().startswith("{"):
        return _json_lines(path, chain([first], lines))
    return _delimited(path, chain([first], lines), "\t" if "\t" in first else ",")


def _delimited(path: Path, lines: Iterator[str], delimiter: str) -> Table:
    # Texts may be longer than what the csv module takes unless it is told; its limit is one for the whole process.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    cells = _cells(path, reader)
    _, header = next(cells, ("", []))
    if not header:
        raise BadData(f"{path} is empty.")
    if len(header) == 1 and (others := [each for each in DELIMITER_NAMES if each != delimiter and each in header[0]]):
        raise BadData(
            f"{path}, line 1: expected columns separated by {DELIMITER_NAMES[delimiter]}, "
            f"not {DELIMITER_NAMES[others[0]]}."
        )
    if delimiter == "\t" and header in UNQUOTED_HEADERS:
        cells = _unquoted_cells(path, lines, reader.line_num + 1)

    def rows(columns: Sequence[str]) -> Iterator[Row]:
        indices = [header.index(column) for column in columns]
        for location, row in cells:
            if len(row) != len(header):
                raise BadData(f"{location}: {len(row)} cells where the header has {len(header)}.")
            yield location, tuple(row[each] for each in indices)

    return Table(tuple(header), rows)


def _cells(path: Path, reader: Any) -> Iterator[tuple[str, list[str]]]:
    """The rows of a csv.reader that are not blank, each with the line on which it starts."""
    while True:
        location = f"{path}, line {reader.line_num + 1}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadData(f"{location}: {_expected_instead(error)}.") from error
        if row:
            yield location, row


def _expected_instead(error: csv.Error) -> str:
    if "new-line" in str(error):
        return "a carriage return stands alone; expected line feeds, or both, at the ends of lines"
    return (
        f"the row that starts here has a quote out of place or never closed ({error}); "
        "expected quotes around a whole cell, and doubled inside"
    )


def _unquoted_cells(path: Path, lines: Iterator[str], first_number: int) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(lines, start=first_number):
        if line.strip():
            yield f"{path}, line {number}", [_unquote(cell) for cell in line.rstrip("\r\n").split("\t")]


def _unquote(cell: str) -> str:
    """The cell without the quotes around it and without the backslashes before the quotes inside."""
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        cell = cell[1:-1]
    return cell.replace('\\"', '"')


def _json_lines(path: Path, lines: Iterator[str]) -> Table:
    objects = _json_objects(path, lines)
    first = next(objects, None)
    if first is None:
        raise BadData(f"{path} is empty.")

    def rows(columns: Sequence[str]) -> Iterator[Row]:
        for location, values in chain([first], objects):
            missing = [column for column in columns if column not in values]
            if missing:
                raise BadData(f"{location}: the object has no {shown(missing[0])}; it has {listed(values)}.")
            yield location, tuple(values[column] for column in columns)

    return Table(tuple(first[1]), rows)


def _json_objects(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, dict[str, object]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        location = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            raise BadData(f"{location}: expected one JSON object on each line; this is not JSON ({reason}).") from error
        if not isinstance(value, dict):
            raise BadData(f"{location}: expected one JSON object on each line; this is {shown(value)}.")
        yield location, value


def _parquet(path: Path, file: BufferedReader) -> Table:
    import pyarrow  # takes a fifth of a second, and most files are not Parquet
    import pyarrow.parquet

    damage = (pyarrow.ArrowException, UnicodeDecodeError, OSError)
    try:
        parquet = pyarrow.parquet.ParquetFile(pyarrow.py_buffer(file.read()))
    except damage as error:
        raise BadData(f"{path} is not a Parquet file, or is cut off.") from error

    def rows(columns: Sequence[str]) -> Iterator[Row]:
        number = 0
        try:
            for batch in parquet.iter_batches(columns=list(columns)):
                values = batch.to_pydict()
                for row in zip(*(values[column] for column in columns), strict=True):
                    number += 1
                    yield f"{path}, row {number}", row
        except damage as error:
            raise BadData(f"{path}: its Parquet data is damaged after row {number}.") from error

    return Table(tuple(parquet.schema_arrow.names), rows)


def shown(value: object) -> str:
    """A value as a sentence can hold it: on one line, and short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}\u2026"


def listed(names: Iterable[str]) -> str:
    """Names as a sentence can hold them; the first LISTED_NAMES, when there are more."""
    all_names = [shown(name) for name in names]
    more = len(all_names) - LISTED_NAMES
    return ", ".join(all_names[:LISTED_NAMES]) + (f" and {more} more" if more > 0 else "") or "nothing"
