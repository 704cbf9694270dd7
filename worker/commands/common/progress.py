"""How far a command is, on standard error: a bar while a person watches, a log line now and then otherwise."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_SECONDS = 10.0

log = structlog.get_logger(__name__)


@contextmanager
def progress_bar(
    description: str, total: int | None = None, lines: bool = False
) -> Iterator[Callable[[int, int | None], None]]:
    """A function to call with how much is done, and with how much there is (None: not known).

    Where no person watches nothing is shown, or with `lines` what `reported_regularly` tells.
    """
    if not sys.stderr.isatty():
        latest: dict[str, int | None] = {"done": 0, "total": total}
        with reported_regularly(lambda: log.info(description, **latest)) if lines else nullcontext():
            yield lambda done, total: latest.update(done=done, total=total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def reported_regularly(tell: Callable[[], None]) -> Iterator[None]:
    """Where no person watches, call `tell`, which logs a line, every 10 s: from a thread, for the work may block."""
    if sys.stderr.isatty():
        yield
        return
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(_LINE_SECONDS):
            tell()

    thread = threading.Thread(target=go_on, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
