"""Tables, and the parts of a page that a command writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence


def refreshed(text: str, module: str, reported: Callable[[str], str]) -> str:
    """The page with each part between `<!-- python -m MODULE WORDS -->` and `<!-- end -->` as `told(WORDS)` has it."""
    shown = re.compile(rf"(<!-- python -m {re.escape(module)} (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)
    return shown.sub(lambda found: f"{found[1]}{reported(found[2])}{found[3]}", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str = "---") -> str:
    """A table; `align` is how every column but the first stands."""
    lines = [head, ["---", *[align] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def code(text: str) -> str:
    """Inline code that may stand in a table."""
    return f"`{text}`".replace("|", "\\|")
