import socket
from collections.abc import Iterator

import pytest
from kafka.net.transport import KafkaTCPTransport
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslBytesRequest

from worker.kafka.kafka_python import patches
from worker.kafka.kafka_python.patches import keep_auth_error, mask_credentials


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Kafka's end of a connection and ours."""
    theirs, ours = socket.socketpair()
    ours.setblocking(False)
    with theirs, ours:
        yield theirs, ours


def test_what_arrives_together_with_the_end_of_the_connection_is_read(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    keep_auth_error()
    theirs, ours = ends
    theirs.sendall(b"refused")
    theirs.close()
    connection = KafkaTCPTransport(None, ours)
    assert connection._sock_recv() == (b"refused", None)
    received, error = connection._sock_recv()
    assert received == b""
    assert error is not None


def test_no_login_can_be_read_in_a_log() -> None:
    mask_credentials()
    for message in (SaslAuthenticateRequest(auth_bytes=b"\0me\0hush"), SaslBytesRequest(b"\0me\0hush")):
        assert "hush" not in f"{message} {message!r}"
        assert type(message).__name__ in str(message)


class Batch:
    """A batch of the client, of which one record's header has a name that is no text."""

    _buffer = b"na\xffme"


def test_a_record_that_the_client_cannot_read_is_read_once_more_with_a_replacement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patches, "_read_strictly", lambda batch: batch._buffer[:4].decode())
    batch = Batch()
    assert patches._read_leniently(batch) == "na\N{REPLACEMENT CHARACTER}m"
    # The rest of the batch is read so too.
    assert batch._buffer[2:3].decode() == "\N{REPLACEMENT CHARACTER}"
