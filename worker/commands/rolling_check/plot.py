"""A picture of a check: the latency of every review over time, phases shaded, update and restarts marked."""

from __future__ import annotations

import importlib.util
import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from worker.commands.rolling_check.observations import Observations
from worker.commands.rolling_check.statistics import percentiles
from worker.errors import BadUse, StopWorker

_ENDINGS = (".png", ".svg")
_SIZE_INCHES = (11.0, 5.6)
_DOTS_PER_INCH = 130
_POINT_SIZE = 5
# More points than pixels say nothing more; the longest of each moment are always drawn.
_MOST_POINTS = 20_000
# Told apart with any kind of colour vision (after Okabe and Ito, 2008).
_COLOURS = ("#0072b2", "#d55e00", "#007f5f", "#a3478a")
_SHADES = ("#ffffff", "#eef1f5")
# Names of events take turns in so many rows, so that neighbours do not cover each other.
_EVENT_ROWS = 4
_EMPTY_MILLISECONDS = (1, 1_000)
_INK, _MUTED = "#1f2328", "#6b7280"


def drawing_is_possible(path: Path) -> None:
    """Raises BadUse before anything is started when no picture could be drawn there."""
    if path.suffix.lower() not in _ENDINGS:
        raise BadUse(f"--picture: {path} ends neither in .png nor in .svg")
    if not path.parent.is_dir():
        raise BadUse(f"--picture: there is no directory {path.parent}")
    if importlib.util.find_spec("matplotlib") is None:
        raise BadUse("--picture needs matplotlib: pip install matplotlib")


def draw(observations: Observations, path: Path) -> None:
    """Draw the picture into a file. Raises StopWorker when the file cannot be written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    _shade_phases(axes, observations)
    _plot_latencies(axes, observations)
    _plot_p99(axes, observations)
    _mark_events(axes, observations)
    _dress(axes, observations)
    try:
        figure.savefig(path, dpi=_DOTS_PER_INCH)
    except OSError as error:
        raise StopWorker(f"the picture {path} could not be written: {error.strerror}") from error


def points(observations: Observations) -> dict[int, list[tuple[float, float]]]:
    """(seconds since the check began when sent, latency in seconds) of every review answered, by version."""
    by_version: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for review_id, arrival in observations.first_arrivals().items():
        sent_at = observations.sent[review_id]
        by_version[arrival.seen.version or 0].append((sent_at - observations.began, arrival.at - sent_at))
    return dict(sorted(by_version.items()))


def p99_by_second(observations: Observations) -> Iterator[tuple[float, float, float]]:
    """Begin, end and p99 of the latency, for each second of each phase (the last of a phase may be shorter)."""
    everything = [point for found in points(observations).values() for point in found]
    sent, latencies = np.array(everything).reshape(-1, 2).T
    for _, begins, ends in observations.phases:
        edges = [*np.arange(begins, ends, 1.0), ends]
        for begin, end in itertools.pairwise(edge - observations.began for edge in edges):
            inside = latencies[(sent >= begin) & (sent < end)]
            if len(inside):
                yield float(begin), float(end), percentiles(inside.tolist())[1] or 0.0


def _shade_phases(axes: Any, observations: Observations) -> None:
    for number, phase in enumerate(observations.phases):
        begins, ends = phase.begins - observations.began, phase.ends - observations.began
        axes.axvspan(begins, ends, color=_SHADES[number % 2], zorder=0, linewidth=0)
        style = {"color": _INK, "fontsize": 11, "fontweight": "bold", "ha": "center", "va": "bottom"}
        axes.text((begins + ends) / 2, 1.01, phase.name, transform=axes.get_xaxis_transform(), **style)


def _plot_latencies(axes: Any, observations: Observations) -> None:
    everything = points(observations)
    total = sum(map(len, everything.values()))
    for number, (version, found) in enumerate(everything.items()):
        shown = np.array(found if total <= _MOST_POINTS else _thinned(found, -(-total // _MOST_POINTS)))
        label = f"version {version}" if version else "another model"
        axes.scatter(
            shown[:, 0],
            shown[:, 1] * 1000,
            s=_POINT_SIZE,
            color=_COLOURS[number % len(_COLOURS)],
            alpha=0.45,
            linewidths=0,
            label=label,
            zorder=2,
            rasterized=True,
        )


def _thinned(found: list[tuple[float, float]], every: int) -> list[tuple[float, float]]:
    slowest = sorted(found, key=lambda point: -point[1])[: len(found) // 100]
    return found[::every] + slowest


def _plot_p99(axes: Any, observations: Observations) -> None:
    label: str | None = "p99 of each second"
    for begin, end, latency in p99_by_second(observations):
        axes.hlines(latency * 1000, begin, end, color=_INK, linewidth=1.6, label=label, zorder=3)
        label = None


def _mark_events(axes: Any, observations: Observations) -> None:
    ends = observations.phases[-1].ends - observations.began
    for number, event in enumerate(observations.events):
        at, row = event.at - observations.began, number % _EVENT_ROWS
        side, shift = ("right", -3) if at > 0.85 * ends else ("left", 3)
        height = 0.97 - 0.045 * row
        axes.axvline(at, ymax=height, color=_MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            event.text,
            (at, height),
            xycoords=axes.get_xaxis_transform(),
            xytext=(shift, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=9,
            color=_INK,
        )


def _dress(axes: Any, observations: Observations) -> None:
    from matplotlib.ticker import StrMethodFormatter

    if not observations.arrivals:
        axes.set_ylim(*_EMPTY_MILLISECONDS)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    lowest, highest = axes.get_ylim()
    # Room for the names of events above the points.
    axes.set_ylim(lowest, highest * (highest / lowest) ** 0.25)
    axes.set_xlim(0, observations.phases[-1].ends - observations.began)
    axes.set_xlabel("seconds since the check began, when the review was sent")
    axes.set_ylabel("from sending to committed sentiment, ms")
    axes.grid(axis="y", color="#d5dae0", linewidth=0.6, zorder=0.5)
    axes.set_axisbelow(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if observations.arrivals:
        _explain(axes.figure)


def _explain(figure: Any) -> None:
    legend = figure.legend(loc="outside lower right", ncols=4, frameon=False, fontsize=10, markerscale=3)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
