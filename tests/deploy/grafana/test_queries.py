"""Every query of every dashboard, asked of a real Prometheus that scraped a real worker under load."""

import math
import re

import pytest

from tests.deploy.grafana.dashboards import NAMES, Asked, load, queries
from tests.deploy.prometheus_server import LocalPrometheus
from tests.kafka.waiting import eventually
from worker.observability.metrics import STAGES

ALL = {asked.where: asked for name in NAMES for asked in queries(name)}
# Samples come every second, and a rate needs two.
ANSWER_SECONDS = 30.0


def values(prometheus: LocalPrometheus, where: str, **labels: str) -> list[float]:
    """What a query found, at all moments so far; without what is no number, as the share of nothing in nothing."""
    answer = prometheus.over_time(ALL[where].expression)
    found = [series["values"] for series in answer if labels.items() <= series["metric"].items()]
    return [float(value) for each in found for _, value in each if math.isfinite(float(value))]


def wait_for(prometheus: LocalPrometheus, where: str, **labels: str) -> list[float]:
    """The same once there is something."""
    eventually(lambda: bool(values(prometheus, where, **labels)), ANSWER_SECONDS, f"{ALL[where]} {labels} is empty")
    return values(prometheus, where, **labels)


def wait_for_more_than_zero(prometheus: LocalPrometheus, where: str, **labels: str) -> int:
    """How many moments with a value there were before the first one above 0."""
    above = lambda: [value > 0 for value in values(prometheus, where, **labels)]  # noqa: E731
    eventually(lambda: any(above()), ANSWER_SECONDS, f"{ALL[where]} {labels} stays at 0")
    return above().index(True)


@pytest.mark.parametrize("asked", [pytest.param(asked, id=where) for where, asked in ALL.items()])
def test_every_query_has_an_answer_with_the_labels_of_its_legend(watched: LocalPrometheus, asked: Asked) -> None:
    wait_for(watched, asked.where)
    for series in watched.over_time(asked.expression):
        assert set(re.findall(r"{{(\w+)}}", asked.legend)) <= set(series["metric"])


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_has_values_to_choose_from(watched: LocalPrometheus, name: str) -> None:
    for variable in load(name)["templating"]["list"]:
        # Namespaces come from Kubernetes.
        if variable["type"] == "query" and variable["name"] != "namespace":
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
            selector = selector.replace("$job", "sentiment-worker").replace("$namespace", ".*")
            assert watched.label_values(label, selector), variable["query"]


@pytest.mark.parametrize("where", ["sentiment: Mix A", "sentiment: Trend A", "batches: Shares in the last minutes A"])
def test_shares_add_up_to_one(watched: LocalPrometheus, where: str) -> None:
    wait_for(watched, where)
    answer = watched.over_time(f"sum({ALL[where].expression})")[0]["values"]
    found = [float(value) for _, value in answer if math.isfinite(float(value))]
    assert found == pytest.approx([1.0] * len(found))


def test_every_stage_has_a_share_of_the_time(watched: LocalPrometheus) -> None:
    for stage in STAGES:
        wait_for(watched, "batches: Shares in the last minutes A", stage=stage)


def test_a_canary_like_the_stable_version_agrees_and_an_opposite_shadow_does_not(watched: LocalPrometheus) -> None:
    where = "models: Different sentiments A"
    assert set(wait_for(watched, where, version="2", other_version="1")) == {0.0}
    assert set(wait_for(watched, where, version="1", other_version="3")) == {1.0}


def test_a_refused_version_is_told_while_it_is_refused(watched: LocalPrometheus) -> None:
    eventually(lambda: values(watched, "models: Refused A")[-1] == 0, ANSWER_SECONDS, "it is refused for ever")
    assert max(values(watched, "models: Refused A")) == 1
    assert set(wait_for(watched, "models: Refused versions A", version="4", label="shadow")) == {1.0}


def test_what_does_not_reach_the_shadow_topic_is_counted(watched: LocalPrometheus) -> None:
    wait_for_more_than_zero(watched, "models: Not written to the shadow topic A")


@pytest.mark.parametrize("decision", ["promote", "roll_back"])
def test_decisions_are_told_apart(watched: LocalPrometheus, decision: str) -> None:
    wait_for_more_than_zero(watched, "models: Decisions A", decision=decision)


def test_promotions_and_what_was_rolled_back_are_counted_each_for_itself(watched: LocalPrometheus) -> None:
    first = wait_for_more_than_zero(watched, "models: Promoted A")
    assert first < wait_for_more_than_zero(watched, "models: Rolled back A")


@pytest.mark.parametrize("reason", ["not_json", "invalid", "too_large"])
def test_dead_letters_are_told_by_reason(watched: LocalPrometheus, reason: str) -> None:
    wait_for(watched, "sentiment: Dead letters A")
    assert max(values(watched, "sentiment: Share of dead letters A", reason=reason)) > 0
