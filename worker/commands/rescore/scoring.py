"""A batch of reviews scored again: what is to be written, and what is passed over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.scorer import Scorer
from models.timing import utc_timestamp
from worker.dead_letters import size_bytes, writable_headers
from worker.errors import BadReview
from worker.kafka.types import MAX_MESSAGE_BYTES, Message, Record
from worker.messages import Review, ReviewDecoder, Sentiment, encode_sentiment
from worker.observability.metrics import Metrics
from worker.serving.scoring import score_batch


class Rescored(NamedTuple):
    """What is to be written, in the order of the records, and by index why a record is skipped."""

    messages: list[Message]
    skipped: dict[int, str]


class Rescorer:
    """Makes of records what the worker makes of them, with one version and for another topic; no dead letters."""

    def __init__(
        self, scorer: Scorer, decoder: ReviewDecoder, topic: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._scorer = scorer
        self._decoder = decoder
        self._topic = topic
        self._clock = clock
        # Scoring counts into them; nobody reads them here.
        self._metrics = Metrics()

    def rescore(self, records: Sequence[Record]) -> Rescored:
        """Score the reviews among the records. Raises EngineBroken."""
        reviews: dict[int, Review] = {}
        skipped: dict[int, str] = {}
        for index, record in enumerate(records):
            try:
                reviews[index] = self._decoder.decode(record)
            except BadReview as bad:
                skipped[index] = bad.reason
        indices = list(reviews)
        scored = score_batch(self._scorer, [review.text for review in reviews.values()], self._metrics)
        skipped |= {indices[number]: "scoring_failed" for number in scored.failed}
        messages = []
        for number, (best, probabilities, coverage) in sorted(scored.scores.items()):
            index = indices[number]
            message = self._message(records[index], reviews[index], best, probabilities, coverage)
            if size_bytes(message.key, message.value, message.headers) > MAX_MESSAGE_BYTES:
                skipped[index] = "too_large"
            else:
                messages.append(message)
        return Rescored(messages, skipped)

    def _message(
        self, record: Record, review: Review, best: int, probabilities: list[float], coverage: float
    ) -> Message:
        scorer = self._scorer
        by_class = dict(zip(scorer.classes, probabilities, strict=True))
        scored_at = utc_timestamp(self._clock())
        sentiment = Sentiment(
            review.id,
            scorer.classes[best],
            by_class,
            coverage,
            scorer.name,
            scorer.version,
            review.attributes,
            scored_at,
        )
        return Message(self._topic, record.key, encode_sentiment(sentiment), writable_headers(record.headers))
