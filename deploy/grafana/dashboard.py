"""What all dashboards share: variables, links between them, the mark of a version that came into service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as kinds

from deploy.grafana.panels import DATASOURCE, Panels
from deploy.grafana.promql import WINDOW, series
from worker.settings.settings import Settings

TAG = "kafka-sentiment"
JOB = "sentiment-worker"
BATCH_RECORDS = str(Settings.model_fields["max_batch_records"].default)

_IN_USE = f"count by (model, version, label) ({series('model_info')})"
# For one window after a version is seen for the first time: a step of the picture at least, so it is never missed.
NEW_VERSIONS = f"{_IN_USE} unless {_IN_USE.replace('}', f'}} offset {WINDOW}')}"


class Row(NamedTuple):
    """A heading and the panels under it, from left to right and top to bottom."""

    title: str
    panels: Panels


class VersionMarks(kinds.AnnotationQuery):
    """An annotation with the query and the texts as the Prometheus data source takes them; the SDK has neither."""

    def to_json(self) -> dict[str, object]:
        texts = {"titleFormat": "{{model}} version {{version}}", "textFormat": "came into use as {{label}}"}
        target = Dataquery().expr(NEW_VERSIONS).range().ref_id("Versions").datasource(DATASOURCE).build()
        return super().to_json() | texts | {"tagKeys": "model,version,label", "target": target}


def dashboard(name: str, title: str, description: str, rows: Sequence[Row], *more: Builder[Any]) -> kinds.Dashboard:
    """A dashboard of these rows; `more` are variables of its own."""
    made = build.Dashboard(f"Sentiment: {title}").uid(f"sentiment-{name}").description(description).tags([TAG])
    made.time("now-6h", "now").refresh("30s").timezone("browser").editable()
    made.tooltip(kinds.DashboardCursorSync.CROSSHAIR).link(_link())
    for variable in (*_variables(), *more):
        made.with_variable(variable)
    for row in rows:
        made.with_row(build.Row(row.title))
        for panel in row.panels:
            made.with_panel(panel)
    finished = made.build()
    finished.annotations = kinds.AnnotationContainer([_marks()])
    for number, each in enumerate(finished.panels or [], start=1):
        each.id_val = number
    return finished


def chosen_values(name: str, label: str, metric: str, several: bool = True) -> build.QueryVariable:
    """A variable with the values that a label has; all of them to begin with if `several` may be chosen."""
    variable = build.QueryVariable(name).label(label).datasource(DATASOURCE)
    variable.query(f"label_values({metric}, {name})").refresh(kinds.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable.sort(kinds.VariableSort.ALPHABETICAL_ASC).multi(several).include_all(several)
    if several:
        # Also where the label is missing altogether, as that of the namespace outside of Kubernetes.
        variable.all_value(".*").current(kinds.VariableOption(selected=True, text=["All"], value=["$__all"]))
    return variable


def capacity_choices() -> tuple[build.CustomVariable, build.TextBoxVariable]:
    """What the need for workers depends on beside metrics: how soon a backlog should be gone, and the setting."""
    drain = build.CustomVariable("drain").label("Drain the backlog within")
    drain.values("5 minutes : 300, 15 minutes : 900, 1 hour : 3600")
    drain.current(kinds.VariableOption(selected=True, text="15 minutes", value="900"))
    batch = build.TextBoxVariable("batch").label("SENTIMENT_MAX_BATCH_RECORDS").default_value(BATCH_RECORDS)
    return drain, batch.current(kinds.VariableOption(selected=True, text=BATCH_RECORDS, value=BATCH_RECORDS))


def _variables() -> list[Builder[Any]]:
    source = build.DatasourceVariable("datasource").label("Data source").type("prometheus")
    source.current(kinds.VariableOption(selected=True, text="Prometheus", value="prometheus"))
    jobs = chosen_values("job", "Job", "sentiment_records_consumed_total", several=False)
    jobs.current(kinds.VariableOption(selected=True, text=JOB, value=JOB))
    namespaces = chosen_values("namespace", "Namespace", 'up{job="$job"}')
    workers = chosen_values("instance", "Worker", 'up{job="$job",namespace=~"$namespace"}')
    return [source, jobs, namespaces, workers]


def _link() -> build.DashboardLink:
    link = build.DashboardLink("Sentiment").type(kinds.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.include_vars(True).keep_time(True).as_dropdown(False)


def _marks() -> VersionMarks:
    return VersionMarks(name="Versions", datasource=DATASOURCE, enable=True, hide=False, icon_color="purple")
