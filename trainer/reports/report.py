"""What a training run came to, on one page with pictures."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from trainer.data.summary import DataSummary
from trainer.errors import BadData
from trainer.metrics import positive_index
from trainer.reports import charts, formatting
from trainer.reports.figures import Picture
from trainer.reports.pages import write_page
from trainer.runs import Run

TEMPLATE = "report.html"
METRICS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "macro_f1": ("Macro F1", formatting.share),
    "accuracy": ("Accuracy", formatting.share),
    "roc_auc": ("ROC AUC", formatting.share),
    "brier": ("Brier score", formatting.share),
    "calibration_error": ("Expected calibration error", formatting.share),
    "reviews": ("Reviews", formatting.count),
    "reviews_per_cpu_second": ("Reviews/s per core", formatting.count),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What was written: the page, and the pictures beside it."""

    page: Path
    pictures: tuple[Path, ...]

    def to_json(self) -> dict[str, Any]:
        return {"page": str(self.page), "pictures": [str(path) for path in self.pictures]}


def write_report(run: Run, out: Path | None = None) -> Report:
    """Writes a page and its pictures to `out` (default: the run's own report directory) from what the run has so far.

    The run's test reviews are shown, its held-out ones where it had no test file. Raises BadData when one of the run's
    files is malformed, or `out` cannot be written.
    """
    directory = out or run.report
    try:
        pictures = {picture.name: picture for picture in _pictures(run)}
        files = {f"{name}.png": picture.light for name, picture in pictures.items()}
        page = write_page(directory, TEMPLATE, files, pictures=pictures, **_values(run))
    except (KeyError, TypeError, ValueError, UndefinedError) as error:
        raise BadData(f"A file in {run.path} lacks something or is malformed: {error!r}.") from error
    return Report(page, tuple(directory / name for name in files))


def _pictures(run: Run) -> Iterator[Picture]:
    history = run.history
    for measure in ("loss", "accuracy"):
        if history.get(measure):
            yield Picture.of(measure, f"{measure.capitalize()} by epoch", partial(charts.draw_curves, measure, history))
    for name, evaluation in list(run.evaluations.items())[:1]:
        classes, bins = evaluation["classes"], evaluation["calibration"]
        on = f"on the {_spoken(name)} reviews"
        confusion = partial(charts.draw_confusion, classes, evaluation["confusion"])
        yield Picture.of("confusion", f"Confusion matrix {on}", confusion)
        yield Picture.of("calibration", f"Calibration {on}", partial(charts.draw_calibration, bins, len(classes)))
    if run.data:
        summary = DataSummary.from_json(run.data)
        for index, (name, words) in enumerate(summary.typical_words.items()):
            if words:
                reported = f"Words typical of {name} reviews: {', '.join(list(words)[:20])}"
                yield Picture.of(f"words_{name}", reported, partial(charts.draw_word_cloud, name, index, words))
        yield Picture.of(
            "lengths", "Histogram of the lengths of reviews", partial(charts.draw_lengths, summary.lengths)
        )


def _values(run: Run) -> dict[str, Any]:
    """What the template names."""
    settings, evaluations, result = run.settings, run.evaluations, run.result
    main_name, main = next(iter(evaluations.items()), ("", None))
    return {
        "run": run.name,
        "recipe": settings["recipe"],
        "model": settings["model"],
        "created": formatting.moment(settings.get("created")),
        "sources": _sources(settings.get("data", {})),
        "finished": run.finished,
        "main": main and main | {"mistakes": [_readable(mistake) for mistake in main["mistakes"]]},
        "main_name": _spoken(main_name),
        "evaluations": [_spoken(name) for name in evaluations],
        "metrics": _metric_rows(evaluations),
        "parameters": formatting.count(result.get("parameters")),
        "training_time": formatting.duration(result.get("training_seconds")),
        "epochs": _epochs(run.history),
        "data": _data_rows(run.data),
        "settings": dict(_flatten(settings)),
    }


def _sources(data: Mapping[str, Any]) -> str:
    """The names of the data files, in words; the settings have their whole paths."""
    uses = {"training": "learnt from", "unlabelled": "read without labels:", "test": "tested on"}
    reported = ", ".join(f"{use} {Path(data[name]).name}" for name, use in uses.items() if data.get(name))
    return f"{reported[0].upper()}{reported[1:]}." if reported else ""


def _spoken(name: str) -> str:
    return name.replace("_", "-")


def _readable(mistake: Mapping[str, Any]) -> dict[str, Any]:
    return {**mistake, "text": re.sub(r"(\s*<br />\s*)+", "\n", mistake["text"])}


def _metric_rows(evaluations: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each metric with one cell an evaluation: first F1 of the positive class with its interval."""
    shown = list(evaluations.values())
    classes = list(shown[0]["classes"]) if shown else []
    by_class = [
        {"name": f"F1 of {name}", "cells": [formatting.share(each["f1_by_class"].get(name)) for each in shown]}
        for name in classes
    ]
    first = by_class.pop(positive_index(classes)) if classes else {}
    interval = {"name": "its 95 % interval", "cells": [formatting.interval(each.get("f1_interval")) for each in shown]}
    rows = [{"name": name, "cells": [tell(each.get(key)) for each in shown]} for key, (name, tell) in METRICS.items()]
    return [first, interval, *by_class, *rows]


def _epochs(history: Mapping[str, list[float]]) -> dict[str, Any]:
    columns = {name: values for name, values in history.items() if isinstance(values, list)}
    rows = [[f"{value:.4g}" for value in row] for row in zip(*columns.values(), strict=False)]
    return {"names": [name.replace("val_", "held-out ") for name in columns], "rows": rows}


def _data_rows(values: Mapping[str, Any]) -> dict[str, str]:
    if not values:
        return {}
    summary = DataSummary.from_json(dict(values))
    lengths = summary.lengths
    classes = (f"{count:,} {name}" for name, count in summary.class_counts.items())
    half, most, longest = (f"{lengths.quantiles[name]:,}" for name in ("p50", "p95", "longest"))
    return {
        "Reviews": f"{summary.texts:,} ({', '.join(classes)}), after {summary.duplicates:,} duplicates were dropped",
        "Words in a review": f"half have at most {half}, 95 % at most {most}; the longest has {longest}",
        "Cut off": f"{100 * lengths.cut_ratio:.1f} % of reviews, at {lengths.max_length:,} known words",
        "Unknown words": f"{100 * summary.unknown_words_ratio:.1f} %",
        "SHA-256": summary.sha256,
    }


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as dotted names and printable values."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield prefix + name, ", ".join(map(str, value))
        else:
            yield prefix + name, formatting.UNKNOWN if value in (None, "", {}) else value
