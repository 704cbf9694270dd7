"""PromQL for the metrics of the catalogue, narrowed to what a person chose at the top of a dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from worker.observability.metrics import Metrics

# At least four scrapes, and never less than one step of the picture.
WINDOW = "$__rate_interval"
SETTINGS = 'job="$job",namespace=~"$namespace",instance=~"$instance"'
MODEL = 'model=~"$model"'

_PARTS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
NAMES = frozenset(
    family.name + part for family in Metrics().registry.collect() for part in _PARTS.get(family.type, ("",))
)


def series(name: str, *matchers: str) -> str:
    """A selector of the chosen workers' series: `series("transactions_total", 'outcome="expired"')`.

    Raises ValueError for a metric that is not in the catalogue.
    """
    full = name if name.startswith("process_") else f"sentiment_{name}"
    if full not in NAMES:
        raise ValueError(f"{full} is not in the catalogue of metrics")
    return f"{full}{{{','.join((SETTINGS, *matchers))}}}"


def rate(name: str, *matchers: str, window: str = WINDOW) -> str:
    """How much a counter grows a second."""
    return f"rate({series(name, *matchers)}[{window}])"


def increase(name: str, *matchers: str, window: str = WINDOW) -> str:
    """By how much a counter grew within the window."""
    return f"increase({series(name, *matchers)}[{window}])"


def quantile(share: float, name: str, *by: str, of: Sequence[str] = ()) -> str:
    """A quantile of a histogram, one for each value of the labels in `by`, of series that match `of`."""
    return f"histogram_quantile({share:g}, sum by ({', '.join(('le', *by))}) ({rate(name + '_bucket', *of)}))"


def mean(name: str, *by: str, of: Sequence[str] = ()) -> str:
    """The mean of what a histogram observed, one for each value of the labels in `by`, of series that match `of`."""
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouping} ({rate(name + '_sum', *of)}) / sum{grouping} ({rate(name + '_count', *of)})"
