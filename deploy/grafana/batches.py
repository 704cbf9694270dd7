"""Why am I slow: where the workers' time goes, how well their batches are filled, and what more of them would do."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import capacity
from deploy.grafana.dashboard import Row, capacity_choices, dashboard
from deploy.grafana.panels import Panels, Query, above, gauges, lines, name, number, spread, stacked
from deploy.grafana.promql import increase, mean, quantile, rate, series

STAGE = "stage_duration_seconds"
STAGE_TIME = f"sum by (stage) ({rate(f'{STAGE}_sum')})"
SHARES = f"{STAGE_TIME} / on () group_left () sum({rate(f'{STAGE}_sum')})"
RECORDS = f"sum({rate('records_consumed_total')})"


def build() -> Dashboard:
    """Shares of the stages, batches, and the rate that the group reaches and could reach."""
    rows = [
        Row("Now", _now()),
        Row("Where the time goes", _stages()),
        Row("What a batch costs", _costs()),
        Row("Batches", _batches()),
        Row("Capacity", _workers()),
        Row("All workers together", capacity.over_time()),
    ]
    about = "Why the stream is as slow or as fast as it is: input, network, model, Kafka, Redis, or too few workers."
    return dashboard("batches", "why am I slow", about, rows, *capacity_choices())


def _now() -> Panels:
    return [
        name(
            "Takes the most time",
            "idle: there is little to do. In a backlog infer, tokenize mean the processor, the others Kafka or Redis.",
            Query(f"topk(1, {SHARES})", "{{stage}}"),
        ),
        number(
            "Busy",
            "Share of the time without waits for records and for commits of small batches; near 1 all can do no more.",
            Query(f"avg({capacity.BUSY_BY_WORKER})"),
            unit="percentunit",
            steps=above(orange=0.8, red=0.95),
        ),
        number("Records a second", "Records committed by all workers together.", Query(RECORDS), unit="recps"),
        number(
            "Padding",
            "Mean share of the word ids that were padding in the last five minutes, which costs time and says nothing.",
            Query(f"avg(avg_over_time({series('padding_ratio')}[5m]))"),
            unit="percentunit",
            steps=above(orange=0.3, red=0.5),
        ),
        capacity.drain_eta(),
        capacity.workers_needed(),
    ]


def _stages() -> Panels:
    return [
        stacked(
            "Shares of the time",
            "What the workers spend their time on: what is large is what to look at; idle is time left.",
            Query(STAGE_TIME, "{{stage}}"),
            unit="s",
            percent=True,
            width=12,
        ),
        gauges(
            "Shares in the last minutes",
            "The same at the end of the time shown.",
            Query(f"sort_desc({SHARES})", "{{stage}}"),
            unit="percentunit",
            width=6,
        ),
        lines(
            "Busy by worker",
            "Share of the time not spent waiting; one worker far above the others has heavier partitions.",
            Query(capacity.BUSY_BY_WORKER, "{{instance}}"),
            unit="percentunit",
            steps=above(orange=0.8, red=0.95),
            width=6,
        ),
    ]


def _costs() -> Panels:
    working = 'stage!="idle"'
    times = f"sum by (stage) ({rate(f'{STAGE}_sum', working)})"
    return [
        lines(
            "Time of a batch by stage",
            "Mean time of one batch in each stage.",
            Query(mean(STAGE, "stage"), "{{stage}}"),
            unit="s",
        ),
        lines(
            "Slowest batches by stage",
            "What 99 of 100 batches keep in each stage; spikes in commit or produce are Kafka's, in cache Redis's.",
            Query(quantile(0.99, STAGE, "stage"), "{{stage}}"),
            unit="s",
        ),
        lines(
            "Time of a record by stage",
            "Time that one record takes of a worker in each stage; it falls as batches fill.",
            Query(f"{times} / on () group_left () {RECORDS}", "{{stage}}"),
            unit="s",
        ),
    ]


def _batches() -> Panels:
    buckets = f"sum by (le) ({increase('batch_records_bucket')})"
    return [
        lines(
            "Records in a batch",
            "Small batches while there is lag: raise SENTIMENT_MAX_BATCH_RECORDS or SENTIMENT_MAX_BATCH_WAIT_SECONDS.",
            Query(mean("batch_records"), "mean"),
            Query(quantile(0.5, "batch_records"), "p50"),
            Query(quantile(0.95, "batch_records"), "p95"),
        ),
        spread(
            "Sizes of batches",
            "How many batches had how many records.",
            Query(buckets, "{{le}}"),
        ),
        lines(
            "Batches a second",
            "Each is one transaction: many small ones cost more of Kafka than few large ones.",
            Query(f"sum by (instance) ({rate('batch_records_count')})", "{{instance}}"),
            unit="ops",
        ),
        *_word_ids(),
    ]


def _word_ids() -> Panels:
    tokens = f"sum({rate('batch_tokens_sum')}) / sum({rate('batch_records_sum')})"
    return [
        lines(
            "Word ids in a batch",
            "What the network has to read, without padding.",
            Query(mean("batch_tokens"), "mean"),
            Query(quantile(0.95, "batch_tokens"), "p95"),
        ),
        lines(
            "Word ids in a record",
            "How long reviews are for the model: longer ones cost more time each.",
            Query(tokens, "mean"),
        ),
        lines(
            "Padding by worker",
            "Share of the last batch's word ids that were padding.",
            Query(f"avg by (instance) ({series('padding_ratio')})", "{{instance}}"),
            unit="percentunit",
            steps=above(orange=0.3, red=0.5),
        ),
    ]


def _workers() -> Panels:
    return [
        lines(
            "Records a second by worker",
            "What each worker commits.",
            Query(f"sum by (instance) ({rate('records_consumed_total')})", "{{instance}}"),
            unit="recps",
            width=12,
        ),
        lines(
            "Possible by worker",
            "What each worker could commit if it never waited for records; low values with little to do are too low.",
            Query(capacity.CAPACITY_BY_WORKER, "{{instance}}"),
            unit="recps",
            width=12,
        ),
        lines(
            "Processor time by worker",
            "Cores that each worker's process takes; one that is busy and gets less than one core is starved.",
            Query(f"sum by (instance) ({rate('process_cpu_seconds_total')})", "{{instance}}"),
            width=12,
        ),
        lines(
            "Memory by worker",
            "What each worker holds in memory; every further loaded version takes its share.",
            Query(f"sum by (instance) ({series('process_resident_memory_bytes')})", "{{instance}}"),
            unit="bytes",
            width=12,
        ),
    ]
