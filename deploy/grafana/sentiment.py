"""What the reviews say: for the people who look at the business rather than at the stream."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.dashboard import Row, chosen_values, dashboard
from deploy.grafana.panels import Panels, Query, above, at_least, bars, by_sentiment, gauges, lines, number, stacked
from deploy.grafana.promql import MODEL, WINDOW, increase, rate, series

PRODUCED = "sentiments_produced_total"
SHOWN = "$__range"
VERSION = "{{model}} {{version}}"


def build() -> Dashboard:
    """Mix, trend, volume and versions of the sentiments, and what could not be scored."""
    rows = [
        Row("In the time shown", _summary()),
        Row("Over time", _over_time()),
        Row("Where opinion moves", _trend()),
        Row("By model version", _by_version()),
        Row("Not scored", _not_scored()),
    ]
    models = chosen_values("model", "Model", "sentiment_sentiments_produced_total")
    about = "How positive the reviews are, how that changes, how many there are, and how sure one can be of it."
    return dashboard("sentiment", "what the reviews say", about, rows, models)


def share(window: str, *by: str) -> str:
    """The share of each sentiment, within each value of the labels in `by`."""
    counts, labels = increase(PRODUCED, MODEL, window=window), ", ".join(by)
    return (
        f"sum by ({', '.join(('sentiment', *by))}) ({counts})"
        f" / on ({labels}) group_left () sum by ({labels}) ({counts})"
    )


def _summary() -> Panels:
    letters, records = (increase(name, window=SHOWN) for name in ("dead_letters_total", "records_consumed_total"))
    by_class = f"sum by (sentiment) ({increase(PRODUCED, MODEL, window=SHOWN)})"
    return [
        by_sentiment(
            number(
                "Mix",
                "Share of each sentiment among all reviews scored in the time shown.",
                Query(share(SHOWN), "{{sentiment}}"),
                unit="percentunit",
                width=8,
            )
        ),
        by_sentiment(
            number(
                "Reviews",
                "How many reviews got each sentiment in the time shown.",
                Query(by_class, "{{sentiment}}"),
                width=8,
            )
        ),
        number(
            "Known words",
            "Share of the words that the model knew in the last five minutes; the lower, the more it guesses.",
            Query(f"avg(avg_over_time({series('coverage_ratio')}[5m]))"),
            unit="percentunit",
            steps=at_least(0.5),
        ),
        number(
            "Not scored",
            "Share of the records dead-lettered in the time shown; at a half workers stop by themselves.",
            Query(f"sum({letters}) / sum({records})"),
            unit="percentunit",
            steps=above(orange=0.01, red=0.1),
        ),
    ]


def _over_time() -> Panels:
    by_class = Query(f"sum by (sentiment) ({rate(PRODUCED, MODEL)})", "{{sentiment}}")
    return [
        by_sentiment(
            stacked(
                "Mix over time",
                "Share of each sentiment at each moment.",
                by_class,
                unit="recps",
                percent=True,
                width=12,
            )
        ),
        by_sentiment(
            stacked(
                "Volume",
                "Reviews scored a second, by sentiment.",
                by_class,
                unit="recps",
                width=12,
            )
        ),
    ]


def _trend() -> Panels:
    hour, day = share("1h"), share("1d")
    change = lines(
        "Change of the hour against the day",
        "How much larger (or, below 0, smaller) a sentiment's share of the last hour is than that of the last day.",
        Query(f"({hour}) - ({day})", "{{sentiment}}"),
        unit="percentunit",
        width=12,
    )
    return [
        lines(
            "Trend",
            "Shares of the last hour and of the last day: opinion moves where the two part.",
            Query(hour, "{{sentiment}}, last hour"),
            Query(day, "{{sentiment}}, last day"),
            unit="percentunit",
            width=12,
        ),
        by_sentiment(change.min(-1).max(1).axis_centered_zero(True)),
    ]


def _by_version() -> Panels:
    return [
        lines(
            "Mix by version",
            "Share of each sentiment by the version that found it; a step where a version begins is its doing.",
            Query(share(WINDOW, "model", "version"), f"{{{{sentiment}}}}, {VERSION}"),
            unit="percentunit",
        ),
        stacked(
            "Volume by version",
            "Reviews scored a second by each version in use.",
            Query(f"sum by (model, version) ({rate(PRODUCED, MODEL)})", VERSION),
            unit="recps",
        ),
        gauges(
            "Reviews by version",
            "How many reviews each version scored in the time shown.",
            Query(f"sum by (model, version) ({increase(PRODUCED, MODEL, window=SHOWN)})", VERSION),
        ),
    ]


def _not_scored() -> Panels:
    records = f"sum({rate('records_consumed_total')})"
    return [
        bars(
            "Dead letters",
            "Records dead-lettered, by reason; `python -m worker dead-letters list` shows them.",
            Query(f"sum by (reason) ({increase('dead_letters_total')})", "{{reason}}"),
            width=12,
        ),
        lines(
            "Share of dead letters",
            "Of all records, by reason; not_json and invalid come from the sender, scoring_failed from the model.",
            Query(f"sum by (reason) ({rate('dead_letters_total')}) / on () group_left () {records}", "{{reason}}"),
            unit="percentunit",
            steps=above(orange=0.01, red=0.1),
            width=12,
        ),
    ]
