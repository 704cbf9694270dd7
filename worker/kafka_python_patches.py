"""Two mistakes of kafka-python 3.0.12 that would stop the stream, mended here; the reason why its version is fixed."""

from __future__ import annotations

import time
from typing import Any, SupportsIndex, overload

from kafka import errors as kafka_errors
from kafka.record.default_records import DefaultRecordBatch

# Between two knocks at a coordinator that is gone, until Kafka names another.
_COORDINATOR_PAUSE_SECONDS = 0.05

_read_strictly = DefaultRecordBatch._read_msg


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


def read_any_header_name() -> None:
    """Let consumers read on after a header whose name is no UTF-8; in its place stands the replacement character.

    kafka-python raises in the middle of a batch of records, and `poll` then tries the same batch for ever.
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
