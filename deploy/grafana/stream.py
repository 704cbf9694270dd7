"""Whether the stream flows: the first page to look at when something seems wrong."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import capacity
from deploy.grafana.dashboard import Row, capacity_choices, dashboard
from deploy.grafana.panels import Panels, Query, above, at_least, bars, lines, number, spread
from deploy.grafana.promql import increase, quantile, rate, series

GIVEN_UP = 'outcome!="committed"'
END_TO_END = "end_to_end_duration_seconds"
# As the alerts have it: later than 10 s is slow, further behind than a minute is worth a look.
LATE = above(orange=2.5, red=10)
BEHIND = above(orange=60, red=300)


def build() -> Dashboard:
    """Lag, rates, latency, trouble and capacity."""
    rows = [
        Row("Now", _now()),
        Row("Behind", _behind()),
        Row("Rates and latency", _rates()),
        Row("Trouble", _trouble()),
        Row("Capacity", capacity.over_time()),
    ]
    about = "Whether reviews are scored in time, what stands in the way, and how many workers it would take."
    return dashboard("stream", "stream health", about, rows, *capacity_choices())


def _now() -> Panels:
    return [
        capacity.workers_up(),
        number("Records left", "Records that wait to be read, on all partitions.", Query(capacity.LAG_RECORDS)),
        number(
            "Behind",
            "Age of the last committed record on the partition that is furthest behind; 0 when all is read.",
            Query(f"max({series('consumer_lag_seconds')})"),
            unit="s",
            steps=BEHIND,
        ),
        number(
            "Latency, p99",
            "99 of 100 records are committed within this time of their timestamp.",
            Query(quantile(0.99, END_TO_END)),
            unit="s",
            steps=LATE,
        ),
        capacity.drain_eta(),
        capacity.workers_needed(),
    ]


def _behind() -> Panels:
    last_commit = f"max by (namespace, partition) ({series('last_commit_timestamp_seconds')})"
    return [
        lines(
            "Lag in records",
            "Records left to read on each partition; one that grows alone has a stuck worker or a heavy key.",
            Query(f"max by (namespace, partition) ({series('consumer_lag_records')})", "partition {{partition}}"),
            width=6,
        ),
        lines(
            "Lag in seconds",
            "Age of the last committed record of each partition that has records left to read.",
            Query(f"max by (namespace, partition) ({series('consumer_lag_seconds')})", "partition {{partition}}"),
            unit="s",
            steps=BEHIND,
            width=6,
        ),
        lines(
            "Records by partition",
            "Records a second that are committed on each partition; one far above the others has a heavy key.",
            Query(f"sum by (namespace, partition) ({rate('partition_records_total')})", "partition {{partition}}"),
            unit="recps",
            width=6,
        ),
        lines(
            "Since the last commit",
            "How long ago each partition's position was committed; it grows on a partition without new records too.",
            Query(f"time() - {last_commit}", "partition {{partition}}"),
            unit="s",
            width=6,
        ),
    ]


def _rates() -> Panels:
    buckets = f"sum by (le) ({increase(END_TO_END + '_bucket')})"
    return [
        lines(
            "Records by worker",
            "Records a second that each worker commits; workers with as many partitions should do about as many.",
            Query(f"sum by (instance) ({rate('records_consumed_total')})", "{{instance}}"),
            unit="recps",
        ),
        lines(
            "From timestamp to commit",
            "Within which time half, 95 and 99 of 100 records are committed.",
            *(Query(quantile(share, END_TO_END), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)),
            unit="s",
            steps=LATE,
        ),
        spread(
            "Latencies",
            "How many records took how long from timestamp to commit; two bands: some partitions or workers are slow.",
            Query(buckets, "{{le}}"),
            unit="s",
        ),
    ]


def _trouble() -> Panels:
    return [
        bars(
            "Transactions given up",
            "Batches done again: expired ones were not answered in time by Kafka, refused ones lost their partitions.",
            Query(f"sum by (outcome) ({increase('transactions_total', GIVEN_UP)})", "{{outcome}}"),
            width=6,
        ),
        lines(
            "Transactions",
            "Batches a second by outcome; committed is what should be.",
            Query(f"sum by (outcome) ({rate('transactions_total')})", "{{outcome}}"),
            unit="ops",
            width=6,
        ),
        bars(
            "Rebalances",
            "Times that partitions were assigned to a worker; many without a rollout are workers that come and go.",
            Query(f"sum by (instance) ({increase('rebalances_total')})", "{{instance}}"),
            width=6,
        ),
        lines(
            "Kafka answers",
            "1 while a worker reaches Kafka, 0 while no server answers it: workers wait then and need no restart.",
            Query(f"min by (instance) ({series('kafka_up')})", "{{instance}}"),
            steps=at_least(1),
            width=6,
        ).max(1),
        *_losses(),
    ]


def _losses() -> Panels:
    return [
        bars(
            "Outages of Kafka",
            "Times that a worker got no answer from any Kafka server any more.",
            Query(f"sum by (instance) ({increase('kafka_outages_total')})", "{{instance}}"),
        ),
        bars(
            "Cache errors",
            "Batches that did not reach Redis; once it answers again, `python -m worker cache-fill` brings them in.",
            Query(f"sum by (instance) ({increase('cache_errors_total')})", "{{instance}}"),
        ),
        bars(
            "Dead letters",
            "Records dead-lettered, by reason; `python -m worker dead-letters list` shows them.",
            Query(f"sum by (reason) ({increase('dead_letters_total')})", "{{reason}}"),
        ),
    ]
