"""The loop: poll, decode, score, produce, cache, commit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from models.timing import utc_timestamp
from worker.batching import Batch, BatchPolicy, StartOffsetCheck, collect_batch, offsets_after
from worker.cache import Cache
from worker.dead_letters import OutcomeWindow, dead_letter, size_bytes, writable_headers
from worker.errors import BadReview, StopWorker, TooManyDeadLetters
from worker.kafka.broker import Broker
from worker.kafka.types import MAX_MESSAGE_BYTES, Message, Partition, Record
from worker.messages import ReviewDecoder, Sentiment, encode_sentiment
from worker.observability.health import Health
from worker.observability.metrics import Metrics
from worker.observability.tracing import BatchSpan
from worker.offset_metadata import OffsetMetadata, newest_outcomes
from worker.rollout.counters import Staged
from worker.rollout.rollout import Rollout
from worker.serving.drift import DriftMeter
from worker.serving.results import BatchScores, VersionScores
from worker.serving.routing import ActiveVersions
from worker.serving.scoring import score_reviews
from worker.settings.settings import Settings

IDLE_SECONDS = 0.5
_LAG_INTERVAL_SECONDS = 1.0
# What a topic takes unless its owner set max.message.bytes, less what a record's own fields need.
_USUAL_MESSAGE_BYTES = 1_000_000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Results:
    """What is to be written for a batch, in the order of its records."""

    messages: list[Message]
    sentiments: list[tuple[str, bytes]]
    classes: Counter[tuple[str, str, int]]  # sentiment, model, version


class Pipeline:
    """One worker's stream. A record is done when its sentiment or its dead letter is committed, never before."""

    def __init__(
        self,
        broker: Broker,
        active_versions: Callable[[], ActiveVersions],
        cache: Cache | None,
        settings: Settings,
        metrics: Metrics,
        health: Health,
        rollout: Rollout | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._broker = broker
        self._active_versions = active_versions
        self._cache = cache
        self._settings = settings
        self._metrics = metrics
        self._health = health
        self._rollout = rollout
        self._drift = DriftMeter(metrics)
        self._clock = clock
        self._start_offset_check = StartOffsetCheck(broker)
        self._policy = BatchPolicy(settings.max_batch_records, settings.max_batch_wait_seconds)
        self._decoder = ReviewDecoder(settings.id_field, settings.text_field, settings.max_record_bytes)
        self._outcomes: OutcomeWindow | None = None
        self._message_limit = MAX_MESSAGE_BYTES
        self._lags_due = 0.0
        self._assigned: frozenset[Partition] = frozenset()
        self._timestamps: dict[Partition, float] = {}

    def turn(self) -> bool:
        """One batch from poll to commit; whether there was one.

        Raises RetryBatch or KafkaAway, after which the broker must be rewound, or StopWorker.
        """
        records = self._poll()
        if records:
            self._start_offset_check.check(records)
            with self._metrics.tracer.batch(records) as span:
                self._process(records, span)
        self._observe_progress()
        return bool(records)

    def _process(self, records: list[Record], span: BatchSpan) -> None:
        batch = self._decode(records)
        active_versions = self._active_versions()
        batch_scores = score_reviews(active_versions, records, batch.reviews, self._metrics)
        results = self._serialize(batch, batch_scores)
        span.describe(active_versions.stable.name, batch_scores.versions, batch_scores.tokens, len(batch.bad))
        outcomes = self._judge(batch)
        staged = (
            self._rollout.stage(active_versions, records, batch_scores, self._broker) if self._rollout else Staged()
        )
        with self._metrics.stage("produce"):
            self._broker.produce(results.messages)
        self._write_cache(results.sentiments)
        with self._metrics.stage("commit"):
            self._broker.commit(offsets_after(records, self._metadata(outcomes, staged)))
        self._committed(batch, results, outcomes)
        self._drift.observe(active_versions.stable, batch_scores.parts)
        if self._rollout:
            self._rollout.committed(active_versions, records, batch.reviews, batch_scores, staged)

    def start_over(self) -> None:
        """The last batch was given up, whether it is committed or not; it begins from what is."""
        if self._rollout:
            self._rollout.start_over()

    def write_smaller_messages(self) -> None:
        """From now on write only what every topic takes. Raises StopWorker when that is the case already."""
        if self._message_limit == _USUAL_MESSAGE_BYTES:
            raise StopWorker(f"a topic takes no messages of 1 MB: set its max.message.bytes to {MAX_MESSAGE_BYTES}")
        self._message_limit = _USUAL_MESSAGE_BYTES
        log.warning("a topic takes no large messages; larger dead letters go without their value from now on")

    def _poll(self) -> list[Record]:
        started, worked = time.perf_counter(), time.thread_time()
        records = collect_batch(self._broker, self._policy, IDLE_SECONDS)
        # Waiting costs no processor time: that tells it from fetching.
        worked = time.thread_time() - worked
        self._metrics.stage_duration.labels("poll").observe(worked)
        self._metrics.stage_duration.labels("idle").observe(max(0.0, time.perf_counter() - started - worked))
        return records

    def _decode(self, records: list[Record]) -> Batch:
        batch = Batch(records, {}, {})
        decode = self._decoder.decode
        with self._metrics.stage("decode"):
            for index, record in enumerate(records):
                try:
                    batch.reviews[index] = decode(record)
                except BadReview as bad:
                    batch.bad[index] = bad
        return batch

    def _serialize(self, batch: Batch, batch_scores: BatchScores) -> Results:
        for index, reason in batch_scores.failed.items():
            batch.bad[index] = BadReview("scoring_failed", reason)
        with self._metrics.stage("serialize"):
            results = Results([], [], Counter())
            messages: dict[int, Message] = {}
            for part in batch_scores.parts:
                messages |= self._sentiments(batch, part, results)
            # One version's answers come in the order of the records; those of two must be brought into it.
            results.messages = [messages[index] for index in (sorted(messages) if batch_scores.parts[1:] else messages)]
            results.messages.extend(self._dead_letters(batch))
        return results

    def _sentiments(self, batch: Batch, part: VersionScores, results: Results) -> dict[int, Message]:
        topic, classes, limit = self._settings.output_topic, part.scorer.classes, self._message_limit
        name, version, scored_at = part.scorer.name, part.scorer.version, utc_timestamp(self._clock())
        messages: dict[int, Message] = {}
        counts: Counter[str] = Counter()
        for index, (best, probabilities, coverage) in part.scores.items():
            review, record, sentiment = batch.reviews[index], batch.records[index], classes[best]
            by_class = dict(zip(classes, probabilities, strict=True))
            value = encode_sentiment(
                Sentiment(review.id, sentiment, by_class, coverage, name, version, review.attributes, scored_at)
            )
            headers = writable_headers(record.headers) if record.headers else []
            if len(value) > limit // 2 and size_bytes(record.key, value, headers) > limit:
                batch.bad[index] = BadReview("too_large", f"the sentiment, attributes included, has {len(value)} bytes")
                continue
            messages[index] = Message(topic, record.key, value, headers)
            results.sentiments.append((review.id, value))
            counts[sentiment] += 1
        results.classes.update({(sentiment, name, version): count for sentiment, count in counts.items()})
        return messages

    def _dead_letters(self, batch: Batch) -> Iterator[Message]:
        topic, limit = self._settings.dead_letter_topic, self._message_limit
        for index, bad in sorted(batch.bad.items()):
            yield dead_letter(batch.records[index], topic, bad.reason, bad.detail, limit)

    def _judge(self, batch: Batch) -> OutcomeWindow:
        """The outcomes with this batch's. Raises TooManyDeadLetters before anything of the batch is written."""
        if self._outcomes is None:
            committed = self._broker.committed().values()
            self._outcomes = newest_outcomes(committed_offset.metadata for committed_offset in committed)
        outcomes = self._outcomes.after([index in batch.bad for index in range(len(batch.records))])
        if outcomes.exceeds(self._settings.max_dead_letter_ratio):
            raise TooManyDeadLetters(_too_many(batch, self._settings))
        return outcomes

    def _metadata(self, outcomes: OutcomeWindow, staged: Staged) -> Callable[[Partition], str]:
        shared = OffsetMetadata.of(outcomes, int(self._clock() * 1000))
        plain = shared.text()

        def text(partition: Partition) -> str:
            stats = staged.stats.get(partition)
            return shared.text(stats.encodings()) if stats else plain

        return text

    def _write_cache(self, sentiments: Sequence[tuple[str, bytes]]) -> None:
        if self._cache is not None and sentiments:
            with self._metrics.stage("cache"):
                stored = self._cache.write(sentiments)
            if not stored:
                self._metrics.cache_errors.inc()

    def _committed(self, batch: Batch, results: Results, outcomes: OutcomeWindow) -> None:
        now, metrics = self._clock(), self._metrics
        self._outcomes = outcomes
        metrics.transactions.labels("committed").inc()
        metrics.records_consumed.inc(len(batch.records))
        metrics.batch_records.observe(len(batch.records))
        for labels, count in results.classes.items():
            metrics.sentiments_produced.labels(*labels).inc(count)
        for bad in batch.bad.values():
            metrics.dead_letters.labels(bad.reason).inc()
        observe = metrics.end_to_end_duration.observe
        for record in batch.records:
            observe(max(0.0, now - record.timestamp_ms / 1000))
        last = {Partition(r.topic, r.partition): r.timestamp_ms / 1000 for r in batch.records}
        counts = Counter(record.partition for record in batch.records)
        self._timestamps |= last
        for partition in last:
            metrics.partition_records.labels(str(partition.number)).inc(counts[partition.number])
            metrics.last_commit.labels(str(partition.number)).set(now)
            self._health.progressed(partition)

    def _observe_progress(self) -> None:
        self._health.turned()
        if time.monotonic() < self._lags_due:
            return
        self._lags_due = time.monotonic() + _LAG_INTERVAL_SECONDS
        assigned, lags = self._broker.assignment(), self._broker.lags()
        if assigned != self._assigned:
            self._assigned = assigned
            # Or a partition that comes back looks as far behind as it was when it went.
            self._timestamps = {part: at for part, at in self._timestamps.items() if part in assigned}
            log.info("partitions assigned", partitions=sorted(partition.number for partition in assigned))
        rebalances = self._broker.rebalances()
        self._metrics.partitions(assigned, rebalances)
        if self._rollout:
            self._rollout.assigned(assigned)
        self._drift.show()
        now = self._clock()
        self._metrics.lags(lags, {part: now - self._timestamps[part] for part in lags if part in self._timestamps})
        self._health.observed(rebalances > 0, lags)


def _too_many(batch: Batch, settings: Settings) -> str:
    last = next((f" (as now: {bad.reason}, {bad.detail})" for bad in batch.bad.values()), "")
    return (
        f"more than {settings.max_dead_letter_ratio:.0%} of the last {OutcomeWindow.SIZE} records hold no valid review"
        f"{last}: check what is sent to {settings.input_topic}, or raise SENTIMENT_MAX_DEAD_LETTER_RATIO to 1 to let "
        "all of them pass"
    )
