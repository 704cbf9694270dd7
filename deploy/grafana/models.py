"""Which versions score, how they came into use, how trials compare, and whether the input still is what they learnt."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.dashboard import Row, chosen_values, dashboard
from deploy.grafana.panels import Panels, Query, above, at_least, bars, lines, number, rows, stacked
from deploy.grafana.promql import MODEL, increase, mean, quantile, rate, series

SHOWN = "$__range"
VERSION = "{{model}} {{version}}"
# The version that served, and the one that scored the same records beside it.
PAIR = "{{model}} {{version}} and {{other_version}}"
PAIRS = "model, version, other_version"
COMPARED, DIFFERED = 'outcome=~"agreed|differed"', 'outcome="differed"'
FAILED, PROMOTED, ROLLED_BACK = 'outcome="failed"', 'decision="promote"', 'decision="roll_back"'
# The version in service, whatever SENTIMENT_MODEL_LABEL calls it.
SERVES = 'label!~"canary|shadow"'
HIDDEN = ("__name__", "Value", "job", "namespace")


def build() -> Dashboard:
    """Versions, swaps, refusals, comparisons, decisions, drift and coverage."""
    pages = [
        Row("Now", _now()),
        Row("Versions", _versions()),
        Row("Canary and shadow", _comparisons()),
        Row("What trials cost and lead to", _trials()),
        Row("Drift", _drift()),
    ]
    about = (
        "Which versions score, whether new ones came into use everywhere, how trials compare, and drift of the input."
    )
    models = chosen_values("model", "Model", "sentiment_sentiments_produced_total")
    return dashboard("models", "models and versions", about, pages, models)


def _now() -> Panels:
    serving = f"count(count by (model, version) ({series('model_info', MODEL, SERVES)}))"
    return [
        number(
            "Versions in service",
            "More than one for longer than a rollout: some workers did not follow the labels.",
            Query(serving),
            steps=above(orange=2),
        ),
        number(
            "Refused",
            "Labelled versions that workers cannot use, counted on each; the workers' logs say why.",
            Query(f"sum({series('model_refused', MODEL)}) or vector(0)"),
            steps=above(red=1),
        ),
        number(
            "Store up",
            "1 while every worker can follow the labels in its store; at 0 they go on with the versions they have.",
            Query(f"min({series('model_store_up')})"),
            steps=at_least(1),
        ),
        number(
            "Failed loads",
            "Attempts to load a version that failed in the time shown.",
            Query(f"sum({increase('model_loads_total', FAILED, window=SHOWN)})"),
            steps=above(red=0.5),
        ),
        number(
            "Promoted",
            "Canaries promoted, or recommended for it, by the written rule in the time shown.",
            Query(f"sum({increase('canary_decisions_total', PROMOTED, window=SHOWN)})"),
        ),
        number(
            "Rolled back",
            "Canaries rolled back, or recommended for it, by the written rule in the time shown.",
            Query(f"sum({increase('canary_decisions_total', ROLLED_BACK, window=SHOWN)})"),
            steps=above(orange=0.5),
        ),
    ]


def _versions() -> Panels:
    in_use = f"count by (model, version, label) ({series('model_info', MODEL)})"
    return [
        rows(
            "Versions by worker",
            "What each worker uses, as what, and on which engine.",
            Query(f"max by (instance, model, version, label, engine) ({series('model_info', MODEL)})"),
            hidden=HIDDEN,
        ),
        rows(
            "Refused versions",
            "Labelled versions that a worker cannot use; its log says why. Empty is as it should be.",
            Query(f"max by (instance, model, version, label) ({series('model_refused', MODEL)})"),
            hidden=HIDDEN,
        ),
        stacked(
            "Workers by version",
            "How many workers use each version: a rollout is one area that takes another's place.",
            Query(in_use, f"{VERSION} ({{{{label}}}})"),
            width=6,
        ),
        stacked(
            "Workers by release",
            "How many workers run each release of this program: more than one side by side during an update only.",
            Query(f"count by (version) ({series('build_info')})", "{{version}}"),
            width=6,
        ),
        lines(
            "In service since",
            "How long each worker's main version has been in use.",
            Query(f"time() - (max by (instance) ({series('model_loaded_timestamp_seconds')}) > 0)", "{{instance}}"),
            unit="s",
            width=6,
        ),
        bars(
            "Loads",
            "Versions loaded, and attempts that failed.",
            Query(f"sum by (outcome) ({increase('model_loads_total')})", "{{outcome}}"),
            width=6,
        ),
    ]


def _comparisons() -> Panels:
    compared = f"sum by ({PAIRS}) ({rate('comparisons_total', MODEL, COMPARED)})"
    differed = f"sum by ({PAIRS}) ({rate('comparisons_total', MODEL, DIFFERED)})"
    difference, pairs = "comparison_score_difference", PAIRS.split(", ")
    return [
        lines(
            "Compared",
            "Records a second that another version scored too, by what came of it; dropped: beyond the budget.",
            Query(f"sum by ({PAIRS}, outcome) ({rate('comparisons_total', MODEL)})", f"{PAIR}: {{{{outcome}}}}"),
            unit="recps",
        ),
        lines(
            "Different sentiments",
            "Share of the compared records to which the two versions gave different sentiments.",
            Query(f"{differed} / {compared}", PAIR),
            unit="percentunit",
            steps=above(orange=0.1, red=0.2),
        ),
        lines(
            "Score differences",
            "By how much the other version scores the served sentiment differently: mean, and what 90 of 100 keep.",
            Query(mean(difference, *pairs, of=[MODEL]), f"{PAIR}: mean"),
            Query(quantile(0.9, difference, *pairs, of=[MODEL]), f"{PAIR}: p90"),
            unit="percentunit",
        ),
    ]


def _trials() -> Panels:
    done = f"sum by ({PAIRS}) ({rate('comparisons_total', MODEL, COMPARED)})"
    return [
        lines(
            "Processor time of trials",
            "Share of a core that scoring by the other version takes, beside the stream and within its budget.",
            Query(f"sum by ({PAIRS}) ({rate('comparison_seconds_total', MODEL)})", PAIR),
            unit="percentunit",
        ),
        lines(
            "Processor time of a record",
            "What one record costs the other version.",
            Query(f"sum by ({PAIRS}) ({rate('comparison_seconds_total', MODEL)}) / {done}", PAIR),
            unit="s",
        ),
        lines(
            "Records by version",
            "Records a second that each version served: what a canary gets of the stream.",
            Query(f"sum by (model, version) ({rate('sentiments_produced_total', MODEL)})", VERSION),
            unit="recps",
        ),
        lines(
            "Share on trial",
            "What share of the keys a canary takes, or of the records a shadow, as workers have it in use.",
            Query(
                f"max by (model, version, label) ({series('trial_share_ratio', MODEL)})", f"{VERSION} ({{{{label}}}})"
            ),
            unit="percentunit",
            width=6,
        ).max(1),
        bars(
            "Decisions",
            "What the written rule for canaries decided or recommended.",
            Query(f"sum by (decision) ({increase('canary_decisions_total')})", "{{decision}}"),
            width=6,
        ),
        bars(
            "Failures of canaries",
            "Records that a canary could not score; the stable version did, so that they are not lost.",
            Query(f"sum by (model, version) ({increase('canary_failures_total', MODEL)})", VERSION),
            width=6,
        ),
        bars(
            "Not written to the shadow topic",
            "Messages that did not reach SENTIMENT_SHADOW_TOPIC: does it exist, and may the worker write to it?",
            Query(f"sum({increase('shadow_unwritten_total', MODEL)}) or vector(0)", "messages"),
            width=6,
        ),
    ]


def _drift() -> Panels:
    return [
        lines(
            "Drift",
            "Distance of live reviews from the version's profile, if any (PSI); above 0.25 it is time to look.",
            Query(f"max by (model, version, signal) ({series('drift_psi', MODEL)})", f"{VERSION}: {{{{signal}}}}"),
            steps=above(orange=0.1, red=0.25),
            width=12,
        ),
        lines(
            "Known words by worker",
            "Mean share of the last batch's words that the model knows.",
            Query(f"avg by (instance) ({series('coverage_ratio')})", "{{instance}}"),
            unit="percentunit",
            width=12,
        ).max(1),
    ]
