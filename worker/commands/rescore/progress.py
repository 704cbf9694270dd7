"""The progress of a rescoring: a bar while a person watches, otherwise log lines: when it waits, goes on, or lasts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from worker.commands.common.progress import reported_regularly

log = structlog.get_logger(__name__)


class Show(Protocol):
    """Takes how much is done, and the live group's lag while that is what is waited for."""

    def __call__(self, done: int, live_lag: int | None = None) -> None: ...


@contextmanager
def rescore_bar(done: int, total: int) -> Iterator[Show]:
    """A way to show how many of `total` offsets are done, on standard error."""
    if not sys.stderr.isatty():
        lines = _Log(done, total)
        with reported_regularly(lines.tell):
            yield lines
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("rescoring", total=total, completed=done)
        yield lambda done, live_lag=None: progress.update(task, completed=done, description=description(live_lag))


def description(live_lag: int | None) -> str:
    """What stands before the bar."""
    return "rescoring" if live_lag is None else f"waiting for the live group (lag {live_lag:,})"


class _Log:
    def __init__(self, done: int, total: int) -> None:
        self._done = done
        self._total = total
        self._live_lag: int | None = None

    def __call__(self, done: int, live_lag: int | None = None) -> None:
        waited = self._live_lag is not None
        self._done, self._live_lag = done, live_lag
        if live_lag is not None and not waited:
            log.info("waiting for the live group", lag=live_lag)
        elif live_lag is None and waited:
            log.info("going on with the rescoring")

    def tell(self) -> None:
        """How it stands, from another thread."""
        lag = self._live_lag
        waiting = {} if lag is None else {"waiting_for_live_lag": lag}
        log.info("rescoring", done=self._done, total=self._total, **waiting)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")
