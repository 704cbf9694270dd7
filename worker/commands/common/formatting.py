"""Numbers, sizes, rates, durations and tables as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size_text(count: int) -> str:
    return f"{count / 1_048_576:.3g} MiB" if count >= 1_048_576 else f"{count / 1024:.4g} KiB"


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor or change its colours."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def rough_duration(seconds: float) -> str:
    """Seconds as people read them: `45 s`, `12 min`, `3 h`, `5 d`."""
    for limit, unit, size in ((120, "s", 1), (7_200, "min", 60), (172_800, "h", 3_600)):
        if seconds < limit:
            return f"{max(0, seconds) / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def rate_text(records_per_second: float | None) -> str:
    """Records a second; empty where that is not known."""
    if records_per_second is None:
        return ""
    return f"{records_per_second:.1f}" if 0 < records_per_second < 10 else f"{records_per_second:,.0f}"


def new_table(*columns: str) -> Table:
    """A table with these headings; `>` before one sets its column to the right."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        table.add_column(cell(column.removeprefix(">")), justify=justify, overflow="fold")
    return table


def cell(text: str, style: str = "") -> Text:
    """Text as it is, whatever it holds."""
    return Text(printable(text), style)


def ranges(numbers: Iterable[int]) -> str:
    """Partitions as people write them: `0-3, 7`."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
