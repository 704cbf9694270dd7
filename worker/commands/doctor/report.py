"""How findings look: a line each as they come, for people; one JSON object, for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from worker.commands.common.formatting import printable
from worker.commands.doctor.results import Finding, Mark, passed, verdict

_STYLES = {Mark.OK: "green", Mark.SKIPPED: "dim", Mark.WARNING: "yellow", Mark.FAILS: "bold red"}
_MARK_CELLS = 9


def line(finding: Finding, wrapped: bool) -> RenderableType:
    """Mark, subject and what was found; the text wrapped beside the mark, or all in one line of any length."""
    mark = Text(f"{finding.mark:<{_MARK_CELLS}}", style=_STYLES[finding.mark])
    subject = Text(f"{printable(finding.subject)}: ", style="bold")
    text = subject + Text(printable(finding.found), style="dim" if finding.mark is Mark.SKIPPED else "not bold")
    if not wrapped:
        return mark + text
    table = Table.grid(expand=True)
    table.add_column(width=_MARK_CELLS, no_wrap=True)
    table.add_column(ratio=1)
    table.add_row(mark, text)
    return table


def show(findings: Iterator[Finding], console: Console, strict: bool) -> list[Finding]:
    """Writes each finding as it comes, what to do about it below, and the verdict at the end; all findings.

    What fails stands before the verdict once more, unless it is what was written last.
    """
    seen = []
    for finding in findings:
        seen.append(finding)
        _print(finding, console)
    failed = [each for each in seen if each.mark is Mark.FAILS]
    if failed != seen[len(seen) - len(failed) :]:
        console.print("\nWhat fails, once more:")
        for finding in failed:
            _print(finding, console)
    console.print()
    console.print(Text(verdict(seen, strict), style="green" if passed(seen, strict) else "bold red"))
    return seen


def _print(finding: Finding, console: Console) -> None:
    console.print(line(finding, console.is_terminal), soft_wrap=not console.is_terminal)
    if finding.advice:
        # In one piece, however long, so that a command can be copied.
        console.print(Text(f"{'':<{_MARK_CELLS}}-> {printable(finding.advice)}", style="cyan"), soft_wrap=True)


def write_json(findings: Sequence[Finding], strict: bool) -> None:
    """One object on one line."""
    values = {
        "passed": passed(findings, strict),
        "summary": verdict(findings, strict),
        "findings": [each.to_json() for each in findings],
    }
    sys.stdout.buffer.write(msgspec.json.encode(values) + b"\n")
    sys.stdout.buffer.flush()
