"""What can go wrong in the worker, named by what the caller must do next.

    WorkerError
    ├── StopWorker          end the process, non-zero; the message tells a person what to do
    │   ├── BadUse          the command line, a setting or a file given by a person is wrong (exit status 2)
    │   ├── AccessDenied    Kafka refuses the credentials or a permission
    │   ├── TopicMissing    a topic does not exist
    │   ├── EngineBroken    the model no longer reproduces its own golden text
    │   └── TooManyDeadLetters
    ├── RetryBatch          nothing of the batch counts: `rewind` the broker and do the batch again
    │   ├── BatchRefused    Kafka refused it (a rebalance took the partitions away, another producer took over)
    │   ├── BatchExpired    no answer before our deadline
    │   └── MessageTooLarge a topic takes no message of that size: do it again with smaller ones
    ├── KafkaAway           no broker answers: wait and call again
    └── BadReview           dead-letter this one record and go on

Errors of the Kafka clients are translated in the two broker files, those of Redis in `cache.py` and
`cache_probe.py`, and nowhere else.
"""

from __future__ import annotations

REASONS = ("not_json", "invalid", "too_large", "scoring_failed")


class WorkerError(Exception):
    """The root of this package's errors."""


class StopWorker(WorkerError):
    """The process must end; the message is one sentence that says what to do."""

    exit_status = 1


class BadUse(StopWorker):
    """A flag, a setting or a given file is wrong."""

    exit_status = 2


class AccessDenied(StopWorker):
    """Kafka refused the credentials, or a permission is missing.

    `resource` is the kind of thing that we may not use (`topic`, `group`, `cluster`, `transactional id`); empty where
    Kafka does not know us at all.
    """

    def __init__(self, message: str, resource: str = "") -> None:
        super().__init__(message)
        self.resource = resource


class TopicMissing(StopWorker):
    """A topic that the worker needs does not exist."""


class EngineBroken(StopWorker):
    """Scoring fails on the model's own golden text too."""


class TooManyDeadLetters(StopWorker):
    """The share of dead letters passed the set limit."""


class RetryBatch(WorkerError):
    """Nothing of this batch counts: rewind and do it again."""


class BatchRefused(RetryBatch):
    """Kafka answered, and refused: the batch belongs to somebody else now, or must start afresh."""


class BatchExpired(RetryBatch):
    """Kafka did not answer before the deadline; whether the batch was committed is not known until the rewind."""


class MessageTooLarge(RetryBatch):
    """A topic refuses one of the batch's messages for its size, though the client would have written it."""


class KafkaAway(WorkerError):
    """No broker answers at the moment."""


class BadReview(WorkerError):
    """The record holds no valid review."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
