"""What librdkafka's errors mean for the worker. Knows their names only, so that the client itself stays in one file."""

from __future__ import annotations

from typing import Protocol

from worker.broker import MAX_MESSAGE_BYTES
from worker.errors import AccessDenied, BatchExpired, BatchRefused, StopWorker, TopicMissing, WorkerError

_CREDENTIALS = frozenset(
    {"_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE"}
)
_PERMISSIONS = frozenset(
    {
        "TOPIC_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    }
)
_FENCED = frozenset({"_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH"})
_MISSING = frozenset({"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"})
_TOO_LARGE = frozenset({"MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"})
_SILENCE = frozenset(
    {"_TIMED_OUT", "_TIMED_OUT_QUEUE", "_MSG_TIMED_OUT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_WAIT_COORD", "_RESOLVE"}
)
# A connection that breaks during the handshake is reported like a wrong password.
_BROKEN_CONNECTION = ("transport failure", "disconnected", "timed out", "connection reset")


class ClientError(Protocol):
    """The part of `confluent_kafka.KafkaError` that is used here."""

    def name(self) -> str:
        """librdkafka's name of the error; those of its own begin with an underscore, the others come from Kafka."""

    def str(self) -> str:
        """What happened, for people."""

    def retriable(self) -> bool:
        """Whether the same call may succeed later."""


def translated(error: ClientError) -> WorkerError:
    """The worker's error for one of librdkafka's."""
    name, text = error.name(), error.str()
    if name in _PERMISSIONS:
        return AccessDenied(f"Kafka denies a permission that the worker needs ({text}): see Permissions in README.md")
    if refuses_credentials(error):
        return AccessDenied(f"Kafka refuses the credentials ({text}): check the SENTIMENT_KAFKA_SASL_ settings")
    if name == "_SSL" and "verif" in text:
        return AccessDenied(f"Kafka's certificate is not trusted ({text}): check SENTIMENT_KAFKA_SSL_CA_FILE")
    if name in _MISSING:
        return TopicMissing(f"a topic is gone ({text}): create it (worker run --create-topics)")
    if name in _TOO_LARGE:
        return StopWorker(
            f"a topic refuses a message for its size ({text}): set its max.message.bytes to {MAX_MESSAGE_BYTES}"
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
