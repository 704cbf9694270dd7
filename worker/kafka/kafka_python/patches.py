"""Mistakes of kafka-python 3.0.12 that would stop, mislead or betray us, mended here; why its version is fixed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partialmethod
from typing import Any, SupportsIndex, TypeAlias, overload

from kafka import errors as kafka_errors
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslAuthenticateResponse, SaslBytesRequest
from kafka.record.default_records import DefaultRecordBatch

from worker.kafka.oauth import AccessTokens

# What was received, and why nothing follows.
_Received: TypeAlias = tuple[bytes, Exception | None]

# Between two knocks at a coordinator that is gone, until Kafka names another.
_COORDINATOR_PAUSE_SECONDS = 0.05

_read_strictly = DefaultRecordBatch._read_msg
_TRANSPORTS = (KafkaTCPTransport, KafkaSSLTransport)
# It takes only what it calls its own.
AbstractTokenProvider.register(AccessTokens)
_LOGINS = (SaslAuthenticateRequest, SaslAuthenticateResponse, SaslBytesRequest)
_receive_all = {transport: transport._sock_recv for transport in _TRANSPORTS}


def await_coordinators(producer: Any) -> None:
    """Let a producer ask again when it cannot connect to a coordinator.

    kafka-python's sender retries when its client answers that the coordinator is not ready. The client raises instead,
    whereupon the sender drops the request and waits for its answer for ever (Sender._maybe_send_pending_request).
    """
    client = producer._sender._client
    await_ready = client.await_ready

    def await_or_refuse(*arguments: Any, **options: Any) -> bool:
        try:
            return bool(await_ready(*arguments, **options))
        except kafka_errors.KafkaConnectionError:
            time.sleep(_COORDINATOR_PAUSE_SECONDS)
            return False

    client.await_ready = await_or_refuse


def keep_auth_error() -> None:
    """Let connections read what Kafka sent right before it closed them, such as why it refuses a login.

    Where the answer and the end of the connection arrive together, kafka-python drops the answer: on a busy machine a
    wrong password then looks like a Kafka that does not answer (KafkaTCPTransport._read_from_sock).
    """
    for transport, receive in _receive_all.items():
        transport._sock_recv = partialmethod(_receive, receive)


def mask_credentials() -> None:
    """Let no password or access token reach a log: kafka-python writes every request out there at level debug."""
    for message in _LOGINS:
        message.__repr__ = message.__str__ = _name_only


def _name_only(message: Any) -> str:
    return f"{type(message).__name__}(...)"


def _receive(transport: Any, receive: Callable[[Any], _Received]) -> _Received:
    received, error = receive(transport)
    # The next read meets the same end again.
    return (received, None) if received else (received, error)


def read_any_header_name() -> None:
    """Let consumers read on after a header whose name is no UTF-8; in its place stands the replacement character.

    Without this a worker once got no further than such a record.
    """
    DefaultRecordBatch._read_msg = _read_leniently


def _read_leniently(batch: Any) -> Any:
    try:
        return _read_strictly(batch)
    except UnicodeDecodeError:
        # Nothing was consumed of the record that failed; this and the rest of its batch go the slower way.
        batch._buffer = _LenientBytes(batch._buffer)
        return _read_strictly(batch)


class _LenientBytes(bytes):
    """Bytes that never refuse to become text, nor do their parts."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> bytes: ...
    def __getitem__(self, index: SupportsIndex | slice) -> int | bytes:
        part = super().__getitem__(index)
        return part if isinstance(part, int) else _LenientBytes(part)

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace")
