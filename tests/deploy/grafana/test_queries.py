"""Every query of every dashboard, asked of a real Prometheus that scraped a real worker under load."""

import math

import pytest

from tests.deploy.grafana.dashboards import NAMES, Asked, queries
from tests.deploy.grafana.prometheus_server import LocalPrometheus
from tests.kafka.waiting import eventually

ALL = [asked for name in NAMES for asked in queries(name)]
# Samples come every second, and a rate needs two.
ANSWER_SECONDS = 30.0


def values(prometheus: LocalPrometheus, expression: str) -> list[float]:
    """All values of all series, without those that are no number, as the rate of nothing by nothing."""
    found = [float(value) for series in prometheus.over_time(expression) for _, value in series["values"]]
    return [value for value in found if math.isfinite(value)]


@pytest.mark.parametrize("asked", ALL, ids=[asked.where for asked in ALL])
def test_every_query_has_an_answer(watched: LocalPrometheus, asked: Asked) -> None:
    eventually(
        lambda: bool(values(watched, asked.expression)), ANSWER_SECONDS, f"{asked.where} is empty: {asked.expression}"
    )
