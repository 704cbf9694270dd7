"""The dashboards as Grafana reads them, and their queries as it would send them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
NAMES = ("sentiment", "stream", "batches", "models")
# What Grafana fills in by itself: windows that a few seconds of samples can fill.
BUILT_IN = {"__rate_interval": "10s", "__range": "1m"}


class Asked(NamedTuple):
    """A query of a panel or an annotation, with its variables replaced."""

    where: str
    expression: str
    legend: str


def load(name: str) -> dict[str, Any]:
    """A dashboard."""
    return dict(json.loads((GRAFANA / "dashboards" / f"{name}.json").read_text(encoding="utf-8")))


def panels(name: str) -> list[dict[str, Any]]:
    """The panels of a dashboard without the headings."""
    return [panel for panel in load(name)["panels"] if panel["type"] != "row"]


def expressions(name: str) -> Iterator[Asked]:
    """Every query of a dashboard as it is written, those of annotations too."""
    dashboard = load(name)
    for panel in panels(name):
        for target in panel["targets"]:
            yield Asked(f"{name}: {panel['title']} {target['refId']}", target["expr"], target["legendFormat"])
    for annotation in dashboard["annotations"]["list"]:
        yield Asked(
            f"{name}: {annotation['name']}",
            annotation["target"]["expr"],
            annotation["titleFormat"] + annotation["textFormat"],
        )


def queries(name: str) -> Iterator[Asked]:
    """The same with the variables at what they are when a person opens the dashboard."""
    values = defaults(load(name))
    for asked in expressions(name):
        yield asked._replace(expression=fill(asked.expression, values))


def defaults(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """What the variables are to begin with."""
    settings = {}
    for variable in dashboard["templating"]["list"]:
        value = variable["current"]["value"]
        settings[variable["name"]] = variable["allValue"] if value == ["$__all"] else value
    return settings


def fill(expression: str, values: Mapping[str, str]) -> str:
    """Replace variables; the longest names first, as one may begin with another."""
    for name, value in sorted((dict(values) | BUILT_IN).items(), key=lambda item: -len(item[0])):
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, f"a variable that nobody knows: {expression}"
    return expression
