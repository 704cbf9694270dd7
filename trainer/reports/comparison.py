"""Runs and versions side by side: a table, bars, and what to mind before believing them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.registry.registry import Registry
from trainer.data.texts import LabelledTexts
from trainer.reports import charts, formatting
from trainer.reports.candidates import Candidate, read_candidate
from trainer.reports.figures import LIGHT, Picture, to_png
from trainer.reports.pages import write_page

TEMPLATE = "comparison.html"
BARS_FILE = "comparison.png"


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of the comparison, and how its values are told."""

    field: str
    name: str
    tell: Callable[[Any], str]


MEASURES = (
    Measure("f1", "F1", formatting.share),
    Measure("accuracy", "Accuracy", formatting.share),
    Measure("parameters", "Parameters", formatting.count),
    Measure("training_seconds", "Training time", formatting.duration),
    Measure("reviews_per_cpu_second", "Reviews/s per core", formatting.count),
    Measure("artifact_bytes", "Artifact size", formatting.size),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The contenders by F1, the best first and those without one last, and `notes`: sentences about unequal terms."""

    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]

    def to_json(self) -> list[dict[str, Any]]:
        return [each.to_json() for each in self.candidates]


def compare(references: Sequence[str], registry: Registry, data: LabelledTexts | None = None) -> Comparison:
    """Reads every run or version (see `read_candidate` for how they are named and what it raises).

    Figures come from each one's evaluation on its test file, otherwise on its held-out reviews; with `data` all are
    evaluated on that anew.
    """
    found = [read_candidate(reference, registry, data) for reference in dict.fromkeys(references)]
    ranked = sorted(found, key=lambda each: -1.0 if each.f1 is None else each.f1, reverse=True)
    return Comparison(tuple(ranked), tuple(notes_on(ranked)))


def notes_on(candidates: Sequence[Candidate]) -> Iterator[str]:
    """Sentences about what makes the figures unequal: unfinished runs, other reviews, none at all."""
    for each in candidates:
        if not each.finished:
            yield f"{each.name} is not finished."
        if each.evaluated_on is None:
            yield f"{each.name} was not evaluated."
        elif each.evaluated_on == "held_out":
            yield f"{each.name} was evaluated on held-out reviews of its own training file only."
        if each.data_sha256 and each.data_sha256 == each.training_sha256:
            yield f"{each.name} has learnt from these very reviews: it is not as good as it looks here."
    evaluated = [each for each in candidates if each.evaluated_on]
    counts = {each.reviews for each in evaluated}
    hashes = {each.data_sha256 for each in evaluated if each.data_sha256}
    if len(counts) > 1:
        reported = ", ".join(f"{each.name} on {formatting.count(each.reviews)}" for each in evaluated)
        yield f"Evaluated on different files ({reported} reviews): with --data FILE all are evaluated on the same one."
    elif len(hashes) > 1:
        yield "Evaluated on different files of as many reviews: with --data FILE all are evaluated on the same one."


def print_comparison(comparison: Comparison, console: Console) -> None:
    """How good the contenders are, what they cost, and the notes; the two tables fit a screen of 80 columns."""
    quality = {
        "Evaluated on": _terms,
        "F1": _cell(MEASURES[0]),
        "95 % of F1": _interval,
        "Accuracy": _cell(MEASURES[1]),
    }
    cost = {measure.name: _cell(measure) for measure in MEASURES[2:]}
    for columns in (quality, cost):
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("Model", overflow="fold")
        for name in columns:
            table.add_column(name, justify="right", overflow="fold")
        for each in comparison.candidates:
            table.add_row(Text(each.name), *(cell(each) for cell in columns.values()))
        console.print(table)
    for note in comparison.notes:
        console.print(note, markup=False, highlight=False)


def _cell(measure: Measure) -> Callable[[Candidate], str]:
    return lambda candidate: measure.tell(getattr(candidate, measure.field))


def _interval(candidate: Candidate) -> str:
    return formatting.interval(candidate.f1_interval, digits=3)


def write_comparison(comparison: Comparison, out: Path) -> Path:
    """Writes a page with the table and the bars, and BARS_FILE beside it; returns the page.

    Raises BadData when `out` cannot be written.
    """
    names = [each.name for each in comparison.candidates]
    panels = [_bars(comparison.candidates, measure) for measure in MEASURES]
    pictures = [
        Picture.of(measure.field, f"{measure.name} of each model as bars", partial(charts.draw_bars, names, [panel], 1))
        for measure, panel in zip(MEASURES, panels, strict=True)
    ]
    return write_page(
        out,
        TEMPLATE,
        {BARS_FILE: to_png(charts.draw_bars(names, panels, 2, LIGHT))},
        pictures=pictures,
        notes=comparison.notes,
        measures=MEASURES,
        candidates=[each.to_json() | {"terms": _terms(each)} for each in comparison.candidates],
    )


def _bars(candidates: Sequence[Candidate], measure: Measure) -> charts.Bars:
    values = [getattr(each, measure.field) for each in candidates]
    intervals = [each.f1_interval if measure.field == "f1" else None for each in candidates]
    title = f"{measure.name}, with its 95 % interval" if any(intervals) else measure.name
    return charts.Bars(title, values, [measure.tell(value) for value in values], intervals)


def _terms(candidate: Candidate) -> str:
    """What a contender was evaluated on, in words."""
    if candidate.evaluated_on is None:
        return formatting.UNKNOWN
    return f"{formatting.count(candidate.reviews)} {candidate.evaluated_on.replace('_', '-')}"
