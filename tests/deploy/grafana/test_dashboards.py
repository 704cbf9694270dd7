"""The dashboards are the code's, show the whole catalogue, and are laid out and told as people need it."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.build import DIRECTORY, dashboard_files, main
from deploy.grafana.promql import series
from tests.deploy.grafana.dashboards import NAMES, expressions, load, panels, queries
from tests.deploy.prometheus.files import TARGET_LABELS, catalogue, grouping_labels, selectors
from worker.observability.metrics import Metrics

COLUMNS = 24
UNITS = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}
CATALOGUE = {f"{family.name}{'_total' if family.type == 'counter' else ''}" for family in Metrics().registry.collect()}
EVERY = [pytest.param(panel, id=f"{name}: {panel['title']}") for name in NAMES for panel in panels(name)]


def named() -> set[str]:
    """The metrics that queries and variables name, histograms by their own name."""
    texts = [asked.expression for name in NAMES for asked in expressions(name)]
    texts += [str(variable["query"]) for name in NAMES for variable in load(name)["templating"]["list"]]
    found = set(re.findall(r"\b(?:(?:sentiment|process)_\w+|up(?=\{))", " ".join(texts)))
    return {metric if metric in CATALOGUE else re.sub("_(bucket|sum|count)$", "", metric) for metric in found}


def test_the_json_is_what_the_code_makes() -> None:
    made = dict(dashboard_files())
    assert {path: path.read_text(encoding="utf-8") for path in DIRECTORY.iterdir()} == made, (
        "run python -m deploy.grafana.build"
    )


def test_the_command_writes_them_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deploy.grafana.build.DIRECTORY", tmp_path / "new")
    assert main() == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "new" / f"{name}.json") for name in NAMES]
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()} == {
        path.name: text for path, text in dashboard_files()
    }


def test_every_metric_of_the_catalogue_is_shown_and_no_other_named() -> None:
    ours = {metric for metric in CATALOGUE if metric.startswith("sentiment_")}
    # `up` is Prometheus' own; of any process' metrics these two tell why a worker is slow, or ends.
    assert named() == ours | {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}


@pytest.mark.parametrize("name", NAMES)
def test_queries_narrow_and_group_by_labels_that_exist(name: str) -> None:
    for asked in queries(name):
        read = selectors(asked.expression)
        assert read, asked
        for name_read, matchers in read:
            assert {label for label, _, _ in matchers} <= catalogue()[name_read] | TARGET_LABELS, asked
        assert grouping_labels(asked.expression) <= set().union(TARGET_LABELS, *(catalogue()[each] for each, _ in read))


def test_a_metric_that_is_not_in_the_catalogue_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="sentiment_reviews_total is not in the catalogue"):
        series("reviews_total")


@pytest.mark.parametrize("panel", EVERY)
def test_a_panel_tells_what_it_shows(panel: dict[str, Any]) -> None:
    values = panel["fieldConfig"]["defaults"]
    assert re.fullmatch(r"[A-Z].{2,60}", panel["title"])
    assert re.fullmatch(r"(?s)\S.{20,200}[.?]", panel["description"])
    assert values["unit"] in UNITS
    assert values["thresholds"]["steps"][0]["value"] is None
    limits = [step["value"] for step in values["thresholds"]["steps"][1:]]
    assert limits == sorted(limits)


@pytest.mark.parametrize("panel", EVERY)
def test_several_series_have_names_and_all_ask_the_chosen_data_source(panel: dict[str, Any]) -> None:
    targets = panel["targets"]
    assert len({target["refId"] for target in targets}) == len(targets)
    for asked in (panel, *targets):
        assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    if panel["type"] in ("timeseries", "bargauge"):
        assert all(target["legendFormat"] for target in targets)


@pytest.mark.parametrize("name", NAMES)
def test_panels_fill_the_grid_without_overlap(name: str) -> None:
    taken = set()
    for panel in load(name)["panels"]:
        location = panel["gridPos"]
        columns, lines = (
            range(location[start], location[start] + location[size]) for start, size in (("x", "w"), ("y", "h"))
        )
        cells = set(itertools.product(columns, lines))
        assert not cells & taken, f"{panel['title']} overlaps another panel"
        taken |= cells
    assert taken == set(itertools.product(range(COLUMNS), range(max(line for _, line in taken) + 1)))


@pytest.mark.parametrize("name", NAMES)
def test_dashboards_are_told_apart_and_linked_to_each_other(name: str) -> None:
    dashboard = load(name)
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert dashboard["uid"] == f"sentiment-{name}"
    assert len(set(numbers)) == len(numbers)
    [link] = dashboard["links"]
    assert (link["type"], link["includeVars"], link["keepTime"]) == ("dashboards", True, True)
    assert all(set(link["tags"]) <= set(load(other)["tags"]) for other in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_json_is_nothing_but_what_the_schema_knows(name: str) -> None:
    register_default_plugins()
    dashboard = load(name)
    read = json.loads(json.dumps(Dashboard.from_json(load(name)), cls=JSONEncoder))
    # The SDK's annotations are those that people write by hand: they have no query and no texts.
    assert dashboard.pop("annotations")["list"][0]["datasource"] == read.pop("annotations")["list"][0]["datasource"]
    assert read == dashboard
