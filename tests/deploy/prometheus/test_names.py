"""Rules and their unit tests name what workers expose, and nothing else."""

from typing import Any

import pytest

from tests.deploy.prometheus.files import (
    TARGET_LABELS,
    catalogue,
    grouping_labels,
    known_values,
    rules,
    selectors,
    unit_tests,
)

RECORDED = {rule["record"]: rule["expr"] for rule in rules("record")}
EXPRESSIONS = RECORDED | {rule["alert"]: rule["expr"] for rule in rules("alert")}


def _labels_of(name: str) -> set[str]:
    """Every label that a series may have; a recorded one has at most those of what it is made of."""
    if name in RECORDED:
        return set().union(*(_labels_of(part) for part, _ in selectors(RECORDED[name])))
    return catalogue()[name] | TARGET_LABELS


@pytest.mark.parametrize("rule", EXPRESSIONS)
def test_a_rule_reads_series_and_labels_that_exist(rule: str) -> None:
    read = selectors(EXPRESSIONS[rule])
    assert read
    for name, matchers in read:
        assert name in RECORDED or name in catalogue(), name
        assert {label for label, _, _ in matchers} <= _labels_of(name), name
    assert grouping_labels(EXPRESSIONS[rule]) <= set().union(*(_labels_of(name) for name, _ in read))


@pytest.mark.parametrize("rule", EXPRESSIONS)
def test_a_rule_asks_for_label_values_that_exist(rule: str) -> None:
    for name, matchers in selectors(EXPRESSIONS[rule]):
        for label, operator, value in matchers:
            assert operator == "=" or label == "job", "only a job is asked for by a pattern"
            assert value in known_values(name).get(label, {value}), (name, label, value)


@pytest.mark.parametrize("test", unit_tests(), ids=lambda test: test["name"])
def test_a_unit_test_is_fed_what_workers_expose(test: dict[str, Any]) -> None:
    for series in test["input_series"]:
        [(name, matchers)] = selectors(series["series"])
        labels = {label: value for label, _, value in matchers}
        assert catalogue()[name] | {"job", "instance"} <= set(labels) <= catalogue()[name] | TARGET_LABELS, name
        assert all(labels.get(label) in {None, *values} for label, values in known_values(name).items()), labels


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_series_is_named_by_level_metric_and_operation(name: str) -> None:
    level, metric, operation = name.split(":")
    assert operation
    assert {series.removesuffix("_total").removesuffix("_bucket") for series in catalogue()} >= {metric}
    by = {"group": {"namespace", "job"}, "partition": {"namespace", "job", "partition"}}[level]
    for part, _ in selectors(RECORDED[name]):
        assert part in RECORDED or by <= grouping_labels(RECORDED[name])


def test_an_invented_name_would_be_noticed() -> None:
    expression = 'sum by (shop, job) (rate(sentiment_invented_total{stage="nap"}[5m] offset 1h)) unless on () up == 0'
    assert selectors(expression) == [("sentiment_invented_total", [("stage", "=", "nap")]), ("up", [])]
    assert grouping_labels(expression) == {"shop", "job"}
    assert "nap" not in known_values("sentiment_stage_duration_seconds_count")["stage"]
    assert "10" not in known_values("sentiment_end_to_end_duration_seconds_bucket")["le"]
