"""The catalogue of metrics: every name, type, label, bucket and meaning in one place."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from models.installation import version
from models.registry.labels import CANARY
from models.scorer import Scorer
from worker.errors import REASONS
from worker.kafka.types import Partition
from worker.observability.tracing import UNTRACED, Tracer

STAGES = ("poll", "decode", "tokenize", "infer", "serialize", "produce", "cache", "commit", "idle")
OUTCOMES = ("committed", "refused", "expired")

_RECORDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096)
_TOKENS = (100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000)
_DIFFERENCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1)
_PAIR = ("model", "version", "other_version")
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_END_TO_END_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200)


# One more series for each, which nothing here reads.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Every metric of one worker, with its known label values present from the start.

    `tracer` watches the same batches and stages, as spans.
    """

    def __init__(self, tracer: Tracer = UNTRACED, registry: CollectorRegistry | None = None) -> None:
        self._tracer = tracer
        self.registry = registry = registry or CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sentiment_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"sentiment_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(f"sentiment_{name}", text, labels, buckets=tuple(buckets), registry=registry)

        self.build_info = gauge("build_info", "The version of this program is 1.", "version")
        self.records_consumed = counter("records_consumed_total", "Records of committed batches.")
        self.partition_records = counter(
            "partition_records_total", "Records of committed batches, by partition.", "partition"
        )
        self.sentiments_produced = counter(
            "sentiments_produced_total", "Sentiments of committed batches.", "sentiment", "model", "version"
        )
        self.dead_letters = counter("dead_letters_total", "Dead letters of committed batches, by reason.", "reason")
        self.batch_records = histogram("batch_records", "Records in a batch.", _RECORDS)
        self.batch_tokens = histogram("batch_tokens", "Word ids in a batch, without padding.", _TOKENS)
        self.padding = gauge("padding_ratio", "Share of the last batch's word ids that were padding.")
        self.stage_duration = histogram(
            "stage_duration_seconds", "Time of one batch in each stage; idle is waiting for records.", _SECONDS, "stage"
        )
        self.end_to_end_duration = histogram(
            "end_to_end_duration_seconds", "From a record's timestamp to its commit.", _END_TO_END_SECONDS
        )
        self.lag_records = gauge("consumer_lag_records", "Records left to read.", "partition")
        self.lag_seconds = gauge(
            "consumer_lag_seconds",
            "Age of the last committed record while records are left to read, else 0.",
            "partition",
        )
        self.last_commit = gauge(
            "last_commit_timestamp_seconds", "When the partition's position was last committed here.", "partition"
        )
        self.kafka_outages = counter("kafka_outages_total", "Times that no Kafka server answered any more.")
        self.kafka_up = gauge("kafka_up", "0 while no Kafka server answers, else 1.")
        self.rebalances = counter("rebalances_total", "Times that partitions were assigned to this worker.")
        self.transactions = counter(
            "transactions_total", "Batches by outcome; a refused or expired one is done again.", "outcome"
        )
        self.cache_errors = counter("cache_errors_total", "Batches that did not reach the cache.")
        self.model_info = gauge("model_info", "A version in use is 1.", "model", "version", "label", "engine")
        self.trial_share = gauge(
            "trial_share_ratio",
            "Share of the keys that a canary in use takes, or of the records that a shadow does.",
            "model",
            "version",
            "label",
        )
        self.model_loads = counter("model_loads_total", "Loads of a model version, by outcome.", "outcome")
        self.model_loaded = gauge("model_loaded_timestamp_seconds", "When the main version in use came into use.")
        self.model_refused = gauge(
            "model_refused", "1 while a labelled version cannot be used.", "model", "version", "label"
        )
        self.model_store_up = gauge("model_store_up", "1 while the labels in the store can be followed, else 0.")
        self.comparisons = counter(
            "comparisons_total",
            "Records scored by another version too (a shadow, or stable beside a canary), by what came of it.",
            *_PAIR,
            "outcome",
        )
        self.comparison_score_difference = histogram(
            "comparison_score_difference",
            "By how much the other version scores the served sentiment differently.",
            _DIFFERENCES,
            *_PAIR,
        )
        self.comparison_seconds = counter(
            "comparison_seconds_total", "Processor time of scoring by the other version.", *_PAIR
        )
        self.shadow_unwritten = counter(
            "shadow_unwritten_total", "Messages that did not reach the shadow topic.", "model", "version"
        )
        self.canary_failures = counter(
            "canary_failures_total",
            "Records that a canary could not score and the stable version did.",
            "model",
            "version",
        )
        self.canary_decisions = counter(
            "canary_decisions_total", "Decisions by the written rule, applied or recommended.", "decision"
        )
        self.coverage = gauge("coverage_ratio", "Mean share of known words in the last batch's texts.")
        self.drift = gauge(
            "drift_psi",
            "Population stability index of the last 10,000 reviews against the version's profile (if any), by signal.",
            "model",
            "version",
            "signal",
        )
        # The client library's own: processor time, memory, files and start of this process, where the system tells.
        ProcessCollector(registry=registry)
        self._models: frozenset[tuple[str, int, str, str]] = frozenset()
        self._partitions: frozenset[Partition] = frozenset()
        self._rebalances_seen = 0
        self._show_known_labels()
        self.kafka_up.set(1)
        self.build_info.labels(version()).set(1)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what stands inside as one batch's time in a stage."""
        with self._tracer.stage(name):
            started = time.perf_counter()
            yield
            self.stage_duration.labels(name).observe(time.perf_counter() - started)

    def models_in_use(self, scorers: Mapping[str, Scorer], shares: Mapping[str, float]) -> None:
        """Show the versions that score from now on, by label, and the shares of those on trial."""
        shown = {(each.name, each.version, label, each.engine): each for label, each in scorers.items()}
        for labels, scorer in shown.items():
            self.model_info.labels(*labels).set(1)
            for sentiment in scorer.classes:
                self.sentiments_produced.labels(sentiment, scorer.name, scorer.version)
        if canary := scorers.get(CANARY):
            self.canary_failures.labels(canary.name, canary.version)
        for label, share in shares.items():
            self.trial_share.labels(scorers[label].name, scorers[label].version, label).set(share)
        for labels in self._models - set(shown):
            self.model_info.remove(*labels)
            self.trial_share.remove(*labels[:3])
        self._models = frozenset(shown)

    @property
    def tracer(self) -> Tracer:
        """What watches the same batches and stages as spans."""
        return self._tracer

    def partitions(self, assigned: frozenset[Partition], rebalances: int) -> None:
        """Forget the gauges of partitions that are no longer ours."""
        self.rebalances.inc(rebalances - self._rebalances_seen)
        self._rebalances_seen = rebalances
        for partition in self._partitions - assigned:
            for per_partition in (self.lag_records, self.lag_seconds, self.last_commit):
                per_partition.remove_by_labels({"partition": str(partition.number)})
        self._partitions = assigned

    def lags(self, records: Mapping[Partition, int], oldest_seconds: Mapping[Partition, float]) -> None:
        """Show what is left to read, and how old the last committed record of a partition behind is."""
        for partition, left in records.items():
            number = str(partition.number)
            self.lag_records.labels(number).set(left)
            self.lag_seconds.labels(number).set(oldest_seconds.get(partition, 0.0) if left else 0.0)

    def _show_known_labels(self) -> None:
        for stage in STAGES:
            self.stage_duration.labels(stage)
        for outcome in OUTCOMES:
            self.transactions.labels(outcome)
        for reason in REASONS:
            self.dead_letters.labels(reason)
        for outcome in ("loaded", "failed"):
            self.model_loads.labels(outcome)
        for decision in ("promote", "roll_back"):
            self.canary_decisions.labels(decision)
