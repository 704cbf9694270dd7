"""The table of metrics.md, from the catalogue."""

from __future__ import annotations

from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from worker.docs.markdown import code, table
from worker.observability.metrics import Metrics


def every() -> str:
    """All metrics, in the order of the catalogue."""
    metrics = Metrics()
    labels = {
        each._name: ", ".join(each._labelnames)
        for each in vars(metrics).values()
        if isinstance(each, MetricWrapperBase)
    }
    families = list(metrics.registry.collect())
    rows = [[code(name_of(each)), each.type, labels.get(each.name, ""), each.documentation] for each in families]
    return table(["metric", "type", "labels", "meaning"], rows)


def name_of(family: Metric) -> str:
    """The name as people query it, but for the endings of a histogram."""
    return family.name + ("_total" if family.type == "counter" else "")
