"""The pictures of a report, each drawn from plain figures."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter
from wordcloud import WordCloud

from trainer.data.summary import Lengths
from trainer.reports.figures import (
    DOTS_PER_INCH,
    HEIGHT,
    LABEL_POINTS,
    TICK_POINTS,
    WIDTH,
    Theme,
    dress,
    legend,
    mix,
    new_figure,
)

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
CLOUD_WORDS = 80
CLOUD_SEED = 1
RUN_TIME = re.compile(r"-(\d{8}-\d{6}(-\d+)?)$")  # at the end of a run's name: it goes on a line of its own
STROKES = ("-", "--", ":")
THOUSANDS = StrMethodFormatter("{x:,.0f}")
PERCENT = PercentFormatter(1, decimals=0, symbol=" %")


def draw_word_cloud(name: str, index: int, weights: Mapping[str, float], theme: Theme) -> Figure:
    """The words typical of a class: the larger and stronger, the more typical; the same picture every time."""
    figure = new_figure(theme)
    axes = figure.subplots()
    dress(axes, theme, f"Words typical of {name} reviews")
    axes.grid(visible=False)
    axes.set_axis_off()
    colour, heaviest = theme.of_class(name, index), max(weights.values())

    def colour_of(word: str, **_: Any) -> tuple[int, ...]:
        strength = 0.55 + 0.45 * (weights[word] / heaviest) ** 0.5
        return tuple(round(255 * part) for part in mix(colour, theme.paper, strength))

    cloud = WordCloud(
        font_path=str(FONT),
        width=int(WIDTH * DOTS_PER_INCH),
        height=int((HEIGHT - 0.5) * DOTS_PER_INCH),
        background_color=theme.paper,
        color_func=colour_of,
        max_words=CLOUD_WORDS,
        min_font_size=26,
        max_font_size=150,
        relative_scaling=0.4,
        prefer_horizontal=1.0,
        random_state=CLOUD_SEED,
        margin=14,
    )
    axes.imshow(cloud.generate_from_frequencies(weights).to_array())
    return figure


def draw_lengths(lengths: Lengths, theme: Theme) -> Figure:
    """How many texts of each class have how many words."""
    figure = new_figure(theme)
    axes = figure.subplots()
    dress(axes, theme, "Length of reviews", "Words in a review (last bar: so many or more)", "Reviews")
    for index, (name, counts) in enumerate(lengths.counts.items()):
        colour = theme.of_class(name, index)
        axes.stairs(counts, lengths.edges, fill=True, color=colour, alpha=0.25)
        axes.stairs(counts, lengths.edges, color=colour, linewidth=2, linestyle=STROKES[index % 3], label=name)
    axes.grid(visible=False, axis="x")
    axes.set_xlim(lengths.edges[0], lengths.edges[-1])
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.yaxis.set_major_formatter(THOUSANDS)
    legend(axes, theme, loc="upper right")
    return figure


def draw_curves(measure: str, history: Mapping[str, Sequence[float]], theme: Theme) -> Figure:
    """`loss` or `accuracy` after every epoch, on the texts that the network learns from and on those held out."""
    figure = new_figure(theme)
    axes = figure.subplots()
    as_share = measure == "accuracy"
    dress(
        axes,
        theme,
        f"{measure.capitalize()} by epoch",
        "Epoch",
        "Right answers" if as_share else "Loss (cross-entropy in nats)",
    )
    styles = {
        measure: ("training", theme.negative, "--", "s"),
        f"val_{measure}": ("held out", theme.positive, "-", "o"),
    }
    for name, (label, colour, stroke, mark) in styles.items():
        values = history.get(name, [])
        epochs = range(1, len(values) + 1)
        axes.plot(epochs, values, stroke, marker=mark, markersize=5, color=colour, linewidth=2, label=label)
    _mark_best(axes, history.get(f"val_{measure}", []), max if as_share else min, theme)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if as_share:
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.margins(0.06, 0.12)
    legend(axes, theme, loc="best")
    return figure


def _mark_best(axes: Any, values: Sequence[float], best_of: Any, theme: Theme) -> None:
    finite = [value for value in values if isfinite(value)]
    if not finite:
        return
    best = best_of(finite)
    epoch = list(values).index(best) + 1
    axes.plot(
        [epoch],
        [best],
        "o",
        label=f"best, epoch {epoch}",
        markersize=13,
        markerfacecolor="none",
        markeredgecolor=theme.ink,
        markeredgewidth=1.5,
    )


def draw_confusion(classes: Sequence[str], confusion: Sequence[Sequence[int]], theme: Theme) -> Figure:
    """Counts by actual class (rows) and predicted class (columns), shaded by the share of the row."""
    figure = new_figure(theme)
    axes = figure.subplots()
    dress(axes, theme, "Confusion matrix", "Predicted class", "Actual class")
    axes.grid(visible=False)
    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=theme.ramp(theme.positive), vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        ink = theme.paper if shares[row, column] > 0.5 else theme.ink
        axes.text(
            column, row, f"{count:,}\n", ha="center", va="center", fontsize=LABEL_POINTS + 4, color=ink, weight="bold"
        )
        axes.text(
            column,
            row,
            f"\n{100 * shares[row, column]:.1f} % of the row",
            ha="center",
            va="center",
            fontsize=TICK_POINTS,
            color=ink,
        )
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes, rotation=90, va="center")
    axes.set_xticks(np.arange(1, len(classes)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(classes)) - 0.5, minor=True)
    axes.grid(which="minor", color=theme.paper, linewidth=3)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    return figure


def draw_calibration(bins: Sequence[Mapping[str, float]], class_count: int, theme: Theme) -> Figure:
    """Share of right answers against confidence, with the number of reviews in each bin below."""
    figure = new_figure(theme)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.1))
    dress(upper, theme, "Calibration", "", "Right answers")
    dress(lower, theme, "", "Confidence (probability of the predicted class)", "Reviews")
    least = 1 / class_count
    upper.plot([least, 1], [least, 1], "--", color=theme.ink, linewidth=1.2, label="perfect")
    confidence, correct = ([each[name] for each in bins] for name in ("confidence", "correct_ratio"))
    upper.plot(confidence, correct, "-o", color=theme.positive, linewidth=2, markersize=6, label="this model")
    upper.set_ylim(min([*correct, least]) - 0.05, 1.04)
    upper.yaxis.set_major_formatter(PERCENT)
    legend(upper, theme, loc="upper left")
    edges, counts = ([each[name] for each in bins] for name in ("lower", "reviews"))
    widths = [each["upper"] - each["lower"] for each in bins]
    lower.bar(edges, counts, widths, align="edge", color=theme.positive, edgecolor=theme.paper)
    lower.yaxis.set_major_formatter(THOUSANDS)
    lower.yaxis.set_major_locator(MaxNLocator(3))
    lower.xaxis.set_major_formatter(PERCENT)
    lower.set_xlim(least - 0.02, 1.02)
    figure.align_ylabels()
    return figure


@dataclass(frozen=True, slots=True)
class Bars:
    """One measure of several models: values (None: not known), what stands beside each bar, and ends of whiskers."""

    title: str
    values: Sequence[float | None]
    reported: Sequence[str]
    intervals: Sequence[Sequence[float] | None]


def draw_bars(names: Sequence[str], panels: Sequence[Bars], columns: int, theme: Theme) -> Figure:
    """A panel of horizontal bars for every measure, in so many columns; all bars start at zero."""
    rows = -(-len(panels) // columns)
    figure = new_figure(theme, WIDTH * columns, rows * (1.0 + 0.42 * len(names)))
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, panel in zip(grid.ravel(), panels, strict=False):
        _draw_panel(axes, panel, theme)
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(names)), [RUN_TIME.sub(r"\n\1", name) for name in names], fontsize=TICK_POINTS)
    grid[0, 0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def _draw_panel(axes: Any, panel: Bars, theme: Theme) -> None:
    dress(axes, theme, panel.title)
    axes.grid(visible=False)
    lengths = [value or 0.0 for value in panel.values]
    axes.barh(range(len(lengths)), lengths, height=0.62, color=mix(theme.positive, theme.paper, 0.75))
    ends = [interval[1] if interval else length for interval, length in zip(panel.intervals, lengths, strict=True)]
    for index, (interval, reported, end) in enumerate(zip(panel.intervals, panel.reported, ends, strict=True)):
        if interval:
            axes.plot(interval, [index, index], color=theme.ink, linewidth=2, marker="|", markersize=8)
        axes.annotate(
            reported, (end, index), (6, 0), textcoords="offset points", va="center", color=theme.ink, size=TICK_POINTS
        )
    axes.set_xlim(0, 1.32 * max([*ends, 1e-9]))
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
