"""What the Kafka clients' errors mean for the worker. Knows their names only, and no client."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from models.timing import DeadlinePassed
from worker.errors import (
    AccessDenied,
    BatchExpired,
    BatchRefused,
    MessageTooLarge,
    StopWorker,
    TopicMissing,
    WorkerError,
)

_CREDENTIALS = frozenset(
    {"_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE"}
)
_PERMISSIONS = {
    "TOPIC_AUTHORIZATION_FAILED": "topic",
    "GROUP_AUTHORIZATION_FAILED": "group",
    "CLUSTER_AUTHORIZATION_FAILED": "cluster",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED": "transactional id",
}
_FENCED = frozenset({"_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH"})
_MISSING = frozenset({"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"})
_TOO_LARGE = frozenset({"MSG_SIZE_TOO_LARGE", "MESSAGE_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"})
_SILENCE = frozenset(
    {"_TIMED_OUT", "_TIMED_OUT_QUEUE", "_MSG_TIMED_OUT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_WAIT_COORD", "_RESOLVE"}
)
# A connection that breaks during the handshake is reported like a wrong password; so is a lack of access tokens.
_BROKEN_CONNECTION = ("transport failure", "disconnected", "timed out", "connection reset", "failed to acquire sasl")


class ClientError(Protocol):
    """An error by its name: that of Kafka's protocol, or the client's own (librdkafka's begin with an underscore)."""

    def name(self) -> str:
        """Its name."""

    def str(self) -> str:
        """What happened, for people."""

    def retriable(self) -> bool:
        """Whether the same call may succeed later."""


class NamedError:
    """An exception of kafka-python, or a deadline of ours that passed, as a `ClientError`."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def name(self) -> str:
        return getattr(self._error, "message", None) or type(self._error).__name__

    def str(self) -> str:
        return str(self._error) or type(self._error).__name__

    def retriable(self) -> bool:
        return isinstance(self._error, DeadlinePassed) or bool(getattr(self._error, "retriable", False))


class RefusalsInLog(logging.Filter):
    """The last refused login that kafka-python told its log: it tells nobody else, and tries on until it times out.

    One for the whole process: of several filters on a logger, one that lets nothing through hides all from the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: Exception | None = None
        self._noted_at = 0.0

    def watch(self) -> None:
        """Read along in the log, however quiet the client is told to be; again does nothing more."""
        logger = logging.getLogger("kafka.net.transport")
        logger.setLevel(logging.ERROR)
        logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, Exception) and isinstance(translated(NamedError(argument)), AccessDenied):
                self._last, self._noted_at = argument, time.monotonic()
        # What is above decides, as it would without a level here.
        return logging.getLogger("kafka").isEnabledFor(record.levelno)

    def since(self, moment: float) -> Exception | None:
        """The last refusal, if it came at or after a moment of the monotonic clock."""
        return self._last if self._noted_at >= moment else None


refusals = RefusalsInLog()


def translated(error: ClientError) -> WorkerError:
    """The worker's error for one of a client's."""
    name, text = error.name(), error.str()
    if name in _PERMISSIONS:
        return AccessDenied(
            f"Kafka denies a permission that the worker needs ({text}): see worker/docs/permissions.md",
            _PERMISSIONS[name],
        )
    if refuses_credentials(error):
        return AccessDenied(f"Kafka refuses the credentials ({text}): check the SENTIMENT_KAFKA_SASL_ settings")
    if "certificate verify failed" in text.lower():
        return AccessDenied(f"Kafka's certificate is not trusted ({text}): check SENTIMENT_KAFKA_SSL_CA_FILE")
    if name in _MISSING:
        return TopicMissing(f"a topic is gone ({text}): create it (worker run --create-topics)")
    if name in _TOO_LARGE:
        return MessageTooLarge(f"a topic refuses a message for its size ({text})")
    if name == "UnsupportedCodecError":
        return StopWorker(
            f"the input topic holds records that cannot be unpacked ({text}): install the codec's library"
        )
    if name in _SILENCE or (error.retriable() and not fences(error)):
        return BatchExpired(f"Kafka did not answer in time ({text})")
    return BatchRefused(f"Kafka refused the batch ({text})")


def refuses_credentials(error: ClientError) -> bool:
    """Whether Kafka itself refused them, and not a connection broke while they were being checked."""
    text = error.str().lower()
    return error.name() in _CREDENTIALS and not any(sign in text for sign in _BROKEN_CONNECTION)


def fences(error: ClientError) -> bool:
    """Whether a newer producer with the same transactional id took over."""
    return error.name() in _FENCED
