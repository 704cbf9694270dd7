"""A picture of a check: the latency of every review over time, phases shaded, update and restarts marked."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from worker.commands.rolling.figures import percentiles
from worker.commands.rolling.observed import Observed
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
_INK, _MUTED = "#1f2328", "#6b7280"


def drawing_is_possible(path: Path) -> None:
    """Raises BadUse before anything is started when no picture could be drawn there."""
    if path.suffix.lower() not in _ENDINGS:
        raise BadUse(f"--picture: {path} ends neither in .png nor in .svg")
    if not path.parent.is_dir():
        raise BadUse(f"--picture: there is no directory {path.parent}")
    if importlib.util.find_spec("matplotlib") is None:
        raise BadUse("--picture needs matplotlib: pip install matplotlib")


def draw(observed: Observed, path: Path) -> None:
    """Draw the picture into a file. Raises StopWorker when the file cannot be written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    _shade_phases(axes, observed)
    _plot_latencies(axes, observed)
    _plot_p99(axes, observed)
    _mark_events(axes, observed)
    _dress(axes, observed)
    try:
        figure.savefig(path, dpi=_DOTS_PER_INCH)
    except OSError as error:
        raise StopWorker(f"the picture {path} could not be written: {error.strerror}") from error


def points(observed: Observed) -> dict[int, list[tuple[float, float]]]:
    """(seconds since the check began when sent, latency in seconds) of every review answered, by version."""
    by_version: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for review_id, arrival in observed.first_arrivals().items():
        sent_at = observed.sent[review_id]
        by_version[arrival.seen.version or 0].append((sent_at - observed.began, arrival.at - sent_at))
    return dict(sorted(by_version.items()))


def p99_by_second(observed: Observed) -> Iterator[tuple[float, float]]:
    """The middle of each second in which reviews were sent, and the p99 of their latency."""
    by_second = defaultdict(list)
    for found in points(observed).values():
        for at, latency in found:
            by_second[int(at)].append(latency)
    for second, latencies in sorted(by_second.items()):
        yield second + 0.5, percentiles(latencies)[1] or 0.0


def _shade_phases(axes: Any, observed: Observed) -> None:
    for number, phase in enumerate(observed.phases):
        begins, ends = phase.begins - observed.began, phase.ends - observed.began
        axes.axvspan(begins, ends, color=_SHADES[number % 2], zorder=0, linewidth=0)
        axes.text(
            (begins + ends) / 2,
            0.985,
            phase.name,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            color=_INK,
            fontsize=11,
            fontweight="bold",
        )


def _plot_latencies(axes: Any, observed: Observed) -> None:
    everything = points(observed)
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


def _plot_p99(axes: Any, observed: Observed) -> None:
    seconds, latencies = np.array(list(p99_by_second(observed)) or [(0.0, 0.0)]).T
    axes.plot(
        seconds,
        latencies * 1000,
        color=_INK,
        linewidth=1.4,
        drawstyle="steps-mid",
        label="p99 of each second",
        zorder=3,
    )


def _mark_events(axes: Any, observed: Observed) -> None:
    for event in observed.events:
        at = event.at - observed.began
        axes.axvline(at, color=_MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            event.text,
            (at, 0.93),
            xycoords=axes.get_xaxis_transform(),
            xytext=(3, 0),
            rotation=90,
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=9,
            color=_MUTED,
        )


def _dress(axes: Any, observed: Observed) -> None:
    from matplotlib.ticker import StrMethodFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    lowest, highest = axes.get_ylim()
    # Room for the names above the points.
    axes.set_ylim(lowest, max(highest, 100) * 6)
    axes.set_xlim(0, observed.phases[-1].ends - observed.began)
    axes.set_xlabel("seconds since the check began, when the review was sent")
    axes.set_ylabel("from sending to committed sentiment, ms")
    axes.grid(axis="y", color="#d5dae0", linewidth=0.6, zorder=0.5)
    axes.set_axisbelow(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.figure.legend(loc="outside lower right", ncols=4, frameon=False, fontsize=10, markerscale=3)
