"""What the demo shows while it runs: a table that renews itself on a terminal, a line a second elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.local.demo.replay import Review
from deploy.local.demo.results import Result
from deploy.local.workers import WorkerStatus

LINE_SECONDS = 1.0
LINE_WIDTH = 120
# Everything but the latest results: that table takes what is left of the terminal's height.
FIXED_LINES = 16
EVENTS = 3
COLOURS = {"positive": "green", "negative": "red", "ready": "green", "starting": "yellow", "killed": "bold red"}


@dataclass
class Progress:
    """One moment of the demo. Times in seconds; rates and percentiles are over the last few seconds."""

    title: str
    total: int
    sent: int = 0
    seen: int = 0
    elapsed_seconds: float = 0.0
    reviews_per_second: float = 0.0
    p50_seconds: float = 0.0
    p99_seconds: float = 0.0
    workers: Sequence[WorkerStatus] = ()
    worker_rates: Mapping[str, float] = field(default_factory=dict)
    latest: Sequence[tuple[Result, Review]] = ()
    events: list[tuple[float, str]] = field(default_factory=list)


class View:
    """Shows progress on standard error, so that standard output holds the result and nothing else."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        if not self.console.is_terminal:
            self.console.width = LINE_WIDTH
        self._live: Live | None = None
        self._next_line_at = 0.0

    def say(self, text: str) -> None:
        """A line that stays."""
        # Never broken: what is to be copied from it would be broken too.
        self.console.print(text, soft_wrap=True)

    def __enter__(self) -> "View":
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=False)
            self._live.start()
        return self

    def __exit__(self, *unused: object) -> None:
        if self._live:
            self._live.stop()

    def event(self, progress: Progress, text: str) -> None:
        """Note something that happened once."""
        progress.events.append((progress.elapsed_seconds, text))
        if not self._live:
            self.say(f"{progress.elapsed_seconds:6.1f} s  {text}")

    def show(self, progress: Progress) -> None:
        """Show this moment: at once on a terminal, elsewhere once a second."""
        if self._live:
            self._live.update(screen(progress, self.console.height), refresh=True)
        elif progress.elapsed_seconds >= self._next_line_at:
            self._next_line_at = progress.elapsed_seconds + LINE_SECONDS
            self.say(plain_line(progress))


def plain_line(progress: Progress) -> str:
    """The moment in one line."""
    return (
        f"{progress.elapsed_seconds:6.1f} s  {progress.seen:,} of {progress.total:,} reviews"
        f"  {progress.reviews_per_second:,.0f}/s  waiting {progress.sent - progress.seen:,}"
        f"  p50 {duration(progress.p50_seconds)}  p99 {duration(progress.p99_seconds)}"
    )


def screen(progress: Progress, height: int) -> RenderableType:
    """The moment as a screen of at most `height` lines."""
    return Group(
        summary(progress),
        worker_table(progress),
        latest_table(progress, rows=max(3, height - FIXED_LINES - len(progress.workers))),
        event_lines(progress),
    )


def summary(progress: Progress) -> RenderableType:
    """Progress and the figures of the last seconds."""
    figures = Table.grid(expand=True)
    for _ in range(5):
        figures.add_column(justify="center", ratio=1)
    values = (
        f"{progress.reviews_per_second:,.0f}",
        f"{progress.sent - progress.seen:,}",
        duration(progress.p50_seconds),
        duration(progress.p99_seconds),
        f"{progress.seen:,}",
    )
    figures.add_row(*(Text(value, style="bold cyan") for value in values))
    figures.add_row(*(Text(name, style="dim") for name in ("reviews/s", "waiting", "p50", "p99", "done")))
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=progress.total, completed=progress.seen))
    state = f"{progress.seen:,} of {progress.total:,}"
    return Panel(Group(bar, figures), title=f"[bold]{progress.title}[/]", subtitle=state, padding=(0, 1))


def worker_table(progress: Progress) -> RenderableType:
    """One row a worker."""
    table = Table(expand=True, box=None, header_style="dim", padding=(0, 1))
    table.add_column("worker")
    table.add_column("process", justify="right")
    table.add_column("state")
    for name in ("reviews", "reviews/s", "partitions", "lag"):
        table.add_column(name, justify="right")
    for worker in progress.workers:
        table.add_row(
            worker.name,
            str(worker.process_id),
            Text(worker.state, style=COLOURS[worker.state]),
            f"{worker.reviews:,}",
            f"{progress.worker_rates.get(worker.name, 0):,.0f}",
            str(worker.partitions),
            f"{worker.lag:,}",
        )
    return Panel(table, padding=(0, 0))


def latest_table(progress: Progress, rows: int) -> RenderableType:
    """The latest results, newest first; a tick where the author's rating agrees."""
    table = Table(expand=True, box=None, header_style="dim", padding=(0, 1))
    table.add_column("sentiment", width=9)
    table.add_column("score", width=6, justify="right")
    table.add_column("rating", width=6, justify="right")
    table.add_column("latest reviews", no_wrap=True, overflow="ellipsis", ratio=1)
    for result, review in list(progress.latest)[:rows]:
        agrees = (result.sentiment == "positive") == review.positive
        table.add_row(
            Text(result.sentiment, style=COLOURS.get(result.sentiment, "")),
            f"{result.score:.3f}",
            Text(f"{review.rating}/10", style="" if agrees else "yellow"),
            Text(review.text.replace("<br />", " ")),
        )
    for _ in range(rows - len(progress.latest)):
        table.add_row("", "", "", "")
    return Panel(table, padding=(0, 0))


def event_lines(progress: Progress) -> RenderableType:
    """What happened last."""
    lines = [f"{seconds:6.1f} s  {text}" for seconds, text in progress.events[-EVENTS:]]
    return Text("\n".join(lines + [""] * (EVENTS - len(lines))), style="bold", no_wrap=True, overflow="ellipsis")


def duration(seconds: float) -> str:
    """A time as people say it: 18 ms, 1.2 s."""
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"
