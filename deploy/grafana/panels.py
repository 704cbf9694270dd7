"""The kinds of panels that the dashboards are made of: each looks the same wherever it stands.

All take a title, a sentence for the person on call, the queries, one of Grafana's units, the limits that colour values,
and a width in the 24 columns of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, heatmap, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as kinds
from grafana_foundation_sdk.models import heatmap as kinds_of_heatmap
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = kinds.DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT = 8
NUMBER_HEIGHT = 4
# Of what counts events: with shorter ones the windows would overlap, and an event would stand in several.
STEP = "1m"
# With its thousands apart, and not as 3.5 K.
COUNT = "locale"
SENTIMENT_COLORS = {"positive": "green", "neutral": "blue", "negative": "red"}

Panels = Sequence[Builder[kinds.Panel]]
Steps = Sequence[kinds.Threshold]
AnyPanel = TypeVar("AnyPanel", timeseries.Panel, stat.Panel, table.Panel, bargauge.Panel, heatmap.Panel)


class Query(NamedTuple):
    """PromQL, and what its series are called in the legend."""

    expression: str
    legend: str = ""


def above(**colors: float) -> Steps:
    """Green, and another colour from each limit on: `above(orange=10, red=60)`."""
    return [kinds.Threshold(None, "green"), *(kinds.Threshold(value, color) for color, value in colors.items())]


def at_least(value: float) -> Steps:
    """Red below the limit, green from it on."""
    return [kinds.Threshold(None, "red"), kinds.Threshold(value, "green")]


# One colour: no value is good or bad by itself.
PLAIN: Steps = (kinds.Threshold(None, "blue"),)


def lines(
    title: str, description: str, *queries: Query, unit: str = "short", steps: Steps = PLAIN, width: int = 8
) -> timeseries.Panel:
    """Lines over time; limits are dashed lines."""
    panel = _reported(timeseries.Panel(), title, description, unit, HEIGHT, width)
    panel.min(0).fill_opacity(8).line_width(2).legend(_legend()).tooltip(_tooltip())
    panel.color_scheme(build.FieldColor().mode(kinds.FieldColorModeId.PALETTE_CLASSIC)).thresholds(_thresholds(steps))
    if len(steps) > 1:
        style = common.GraphThresholdsStyleConfig().mode(looks.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    return panel.targets([_target(query, index) for index, query in enumerate(queries)])


def stacked(
    title: str, description: str, *queries: Query, unit: str = "short", percent: bool = False, width: int = 8
) -> timeseries.Panel:
    """Areas on top of each other; as shares of their sum if `percent`."""
    mode = looks.StackingMode.PERCENT if percent else looks.StackingMode.NORMAL
    panel = lines(title, description, *queries, unit=unit, width=width).fill_opacity(60).line_width(1)
    return panel.stacking(common.StackingConfig().mode(mode).group("A"))


def bars(title: str, description: str, *queries: Query, width: int = 8) -> timeseries.Panel:
    """How often something happened in each minute, or longer step of the picture."""
    panel = stacked(title, description, *queries, width=width)
    return panel.draw_style(looks.GraphDrawStyle.BARS).fill_opacity(80).interval(STEP)


def number(
    title: str, description: str, *queries: Query, unit: str = COUNT, steps: Steps = PLAIN, width: int = 4
) -> stat.Panel:
    """The last value in large figures over its course; counts are whole numbers."""
    panel = _reported(stat.Panel(), title, description, unit, NUMBER_HEIGHT, width)
    if unit == COUNT:
        panel.decimals(0)
    panel.reduce_options(_last()).graph_mode(looks.BigValueGraphMode.AREA).thresholds(_thresholds(steps))
    return panel.targets([_target(query, index) for index, query in enumerate(queries)])


def name(title: str, description: str, query: Query, width: int = 4) -> stat.Panel:
    """What the one series of an answer is called."""
    panel = number(title, description, width=width).text_mode(looks.BigValueTextMode.NAME)
    return panel.graph_mode(looks.BigValueGraphMode.NONE).targets([_target(query, instant=True)])


def gauges(
    title: str, description: str, query: Query, unit: str = COUNT, steps: Steps = PLAIN, width: int = 8
) -> bargauge.Panel:
    """The last value of each series as a horizontal bar."""
    panel = _reported(bargauge.Panel(), title, description, unit, HEIGHT, width)
    panel.min(0).decimals(1 if unit == "percentunit" else 0).reduce_options(_last()).orientation(
        looks.VizOrientation.HORIZONTAL
    ).thresholds(_thresholds(steps))
    return panel.targets([_target(query, instant=True)])


def rows(title: str, description: str, query: Query, hidden: Sequence[str] = (), width: int = 12) -> table.Panel:
    """A table with a row for each series and its labels as columns, but for the hidden ones."""
    panel = _reported(table.Panel(), title, description, "short", HEIGHT, width).thresholds(_thresholds(PLAIN))
    panel.targets([_target(query, instant=True).format(PromQueryFormat.TABLE)]).no_value("none")
    panel.show_header(True).align(looks.FieldTextAlignment.AUTO).inspect(False)
    options = {"excludeByName": dict.fromkeys(("Time", *hidden), True)}
    return panel.with_transformation(kinds.DataTransformerConfig(id_val="organize", options=options))


def spread(title: str, description: str, query: Query, unit: str = "short", width: int = 8) -> heatmap.Panel:
    """A histogram over time: the more observations, the stronger the colour."""
    panel = _reported(heatmap.Panel(), title, description, unit, HEIGHT, width).hide_legend()
    panel.y_axis(heatmap.YAxisConfig().unit(unit)).thresholds(_thresholds(PLAIN))
    color = heatmap.HeatmapColorOptions().mode(kinds_of_heatmap.HeatmapColorMode.SCHEME).scheme("Blues").steps(64)
    panel.color(color.fill("blue").exponent(0.5)).interval(STEP)
    panel.scale_distribution(common.ScaleDistributionConfig().type(looks.ScaleDistribution.LINEAR))
    return panel.targets([_target(query).format(PromQueryFormat.HEATMAP)])


def by_sentiment(panel: AnyPanel) -> AnyPanel:
    """The same colour for the same sentiment everywhere."""
    for sentiment, color in SENTIMENT_COLORS.items():
        value = {"mode": "fixed", "fixedColor": color}
        panel.override_by_name(sentiment, [kinds.DynamicConfigValue(id_val="color", value=value)])
    return panel


def said_as(panel: AnyPanel, value: float, text: str) -> AnyPanel:
    """Show words instead of this value."""
    result = kinds.ValueMappingResult(text=text, color="red")
    mapping = kinds.RangeMap(kinds.DashboardRangeMapOptions(from_val=value, to=value, result=result))
    panel.mappings([mapping])
    return panel


def _reported(panel: AnyPanel, title: str, description: str, unit: str, height: int, width: int) -> AnyPanel:
    panel.title(title).description(description).unit(unit).datasource(DATASOURCE).height(height).span(width)
    return panel


def _thresholds(steps: Steps) -> build.ThresholdsConfig:
    return build.ThresholdsConfig().mode(kinds.ThresholdsMode.ABSOLUTE).steps(list(steps))


def _target(query: Query, index: int = 0, instant: bool = False) -> Dataquery:
    target = Dataquery().expr(query.expression).legend_format(query.legend).ref_id("ABCDEFGH"[index])
    target.datasource(DATASOURCE)
    return target.instant() if instant else target.range()


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().display_mode(looks.LegendDisplayMode.TABLE).show_legend(True)
    return legend.placement(looks.LegendPlacement.BOTTOM).calcs(["mean", "max", "lastNotNull"])


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
