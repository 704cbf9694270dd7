"""What the Kafka clients are told: one function per client and role, no client imported."""

from __future__ import annotations

from typing import Any

from worker.kafka.types import LATEST, MAX_MESSAGE_BYTES, Connection, Security, Subscription

# A broker that stands still must not hold a fetch for longer than a worker may stand still.
_REQUEST_TIMEOUT_MS = 10_000
_HEARTBEAT_SECONDS = 0.5
_FETCH_BYTES = 16 * 1024 * 1024
_BATCH_BYTES = 256 * 1024
# The default of 100 ms is slept by kafka-python whenever the transaction before is still being completed.
_RETRY_BACKOFF_MS = 2


def kafka_python_common(connection: Connection) -> dict[str, Any]:
    """For every kafka-python client."""
    names = "sasl_mechanism sasl_plain_username sasl_plain_password ssl_cafile ssl_certfile ssl_keyfile ssl_password"
    tokens = connection.security.access_tokens
    return {
        "bootstrap_servers": [server.strip() for server in connection.bootstrap_servers.split(",")],
        "client_id": connection.client_id,
        "security_protocol": connection.security.protocol,
        # Less than the deadline: what it raises says more than silence.
        "bootstrap_timeout_ms": int(connection.deadline * 800),
        "request_timeout_ms": _REQUEST_TIMEOUT_MS,
        "reconnect_backoff_max_ms": 1_000,
        **_identity(connection.security, names),
        **({"sasl_oauth_token_provider": tokens} if tokens else {}),
    }


def kafka_python_consumer(connection: Connection, subscription: Subscription) -> dict[str, Any]:
    """For a consumer of committed records; it never commits by itself."""
    return kafka_python_common(connection) | {
        "group_id": subscription.group_id,
        "auto_offset_reset": "latest" if subscription.start == LATEST else "earliest",
        "enable_auto_commit": False,
        # Also makes it ask for stable offsets: without, a partition taken over can start before a pending commit.
        "isolation_level": "read_committed",
        "session_timeout_ms": int(connection.session_timeout * 1000),
        "heartbeat_interval_ms": _heartbeat_ms(connection),
        "fetch_max_bytes": _FETCH_BYTES,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def kafka_python_producer(connection: Connection, transactional_id: str | None) -> dict[str, Any]:
    """For an idempotent producer, transactional with an id."""
    transactional: dict[str, Any] = {}
    if transactional_id is not None:
        transactional["transactional_id"] = transactional_id
        transactional["transaction_timeout_ms"] = int(connection.transaction_timeout * 1000)
    return (
        kafka_python_common(connection)
        | transactional
        | {
            "acks": "all",
            "max_request_size": MAX_MESSAGE_BYTES,
            "batch_size": _BATCH_BYTES,
            # A batch ends with a flush, which waits for nothing; until then there is more to come.
            "linger_ms": 50,
            "max_block_ms": int(connection.deadline * 1000),
            "retry_backoff_ms": _RETRY_BACKOFF_MS,
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }
    )


def librdkafka_common(connection: Connection) -> dict[str, Any]:
    """For every confluent-kafka client."""
    names = (
        "sasl.mechanism sasl.username sasl.password "
        "ssl.ca.location ssl.certificate.location ssl.key.location ssl.key.password"
    )
    tokens = connection.security.access_tokens
    return {
        "bootstrap.servers": connection.bootstrap_servers,
        "client.id": connection.client_id,
        "security.protocol": connection.security.protocol,
        "socket.timeout.ms": _REQUEST_TIMEOUT_MS,
        "socket.nagle.disable": True,
        "reconnect.backoff.max.ms": 1_000,
        # A broker that is back after a restart must be found again at once.
        "topic.metadata.refresh.sparse": False,
        **_identity(connection.security, names),
        **({"oauth_cb": tokens.with_end} if tokens else {}),
    }


def librdkafka_consumer(connection: Connection, subscription: Subscription) -> dict[str, Any]:
    """For a consumer of committed records; it never commits by itself."""
    return librdkafka_common(connection) | {
        # Without a group nothing is ever committed under this name; librdkafka wants one all the same.
        "group.id": subscription.group_id or "kafka-sentiment-reader",
        "auto.offset.reset": "latest" if subscription.start == LATEST else "earliest",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        # The same as kafka-python's, so that both clients can share a group.
        "partition.assignment.strategy": "range",
        "session.timeout.ms": int(connection.session_timeout * 1000),
        "heartbeat.interval.ms": _heartbeat_ms(connection),
        "message.max.bytes": _FETCH_BYTES,
        "fetch.max.bytes": _FETCH_BYTES,
        "queued.max.messages.kbytes": _FETCH_BYTES // 1024,
        # How long a full queue keeps it from fetching: the default of a second lets the worker run dry.
        "fetch.queue.backoff.ms": 20,
        # Tells where the end is although transaction markers stand between it and the last record.
        "enable.partition.eof": True,
    }


def librdkafka_producer(connection: Connection, transactional_id: str | None) -> dict[str, Any]:
    """For an idempotent producer, transactional with an id."""
    transactional: dict[str, Any] = {}
    if transactional_id is not None:
        transactional["transactional.id"] = transactional_id
        transactional["transaction.timeout.ms"] = int(connection.transaction_timeout * 1000)
        # It refuses a longer one.
        transactional["socket.timeout.ms"] = min(_REQUEST_TIMEOUT_MS, transactional["transaction.timeout.ms"])
    return (
        librdkafka_common(connection)
        | transactional
        | {
            "enable.idempotence": True,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "batch.size": _BATCH_BYTES,
            # A batch ends with a flush, which waits for nothing; until then there is more to come.
            "linger.ms": 50,
            "queue.buffering.max.kbytes": 4 * _FETCH_BYTES // 1024,
            # The keys of kafka-python and Java go to the same partitions.
            "partitioner": "murmur2_random",
            "delivery.report.only.error": True,
            # The default of 100 ms is slept whenever the transaction before is still being completed.
            "retry.backoff.ms": 5,
            "retry.backoff.max.ms": 20,
        }
    )


def _heartbeat_ms(connection: Connection) -> int:
    """Only with its heartbeat a worker hears that partitions are to be shared anew, so all wait for the slowest."""
    return int(min(_HEARTBEAT_SECONDS, connection.session_timeout / 5) * 1000)


def _identity(security: Security, names: str) -> dict[str, str]:
    """What is given of who we are and whom we trust, under a client's seven names for it, in this order."""
    tls = security.tls
    user = (security.mechanism, security.username, security.password)
    values = (*user, tls.ca_file, tls.certificate_file, tls.key_file, tls.key_password)
    return {name: str(value) for name, value in zip(names.split(), values, strict=True) if value is not None}
