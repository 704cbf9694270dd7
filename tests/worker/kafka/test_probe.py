"""Whether a Kafka server talks to us: what only accepts connections does not. Real ones: tests/kafka/test_logins.py."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from worker.kafka.probe import kafka_answers
from worker.kafka.types import Connection

# ApiVersions, version 0: nothing is wrong, and no request is known.
ANSWER = (10).to_bytes(4) + bytes(10)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Accepts connections, as the system does for it, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address(listener: socket.socket) -> str:
    return "{}:{}".format(*listener.getsockname())


def score_reviews(listener: socket.socket, answer: bytes) -> None:
    """Answer everything in the same way; with nothing, hang up."""

    def run() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    while answer and connection.recv(100):
                        connection.sendall(answer)

    threading.Thread(target=run, daemon=True).start()


def test_a_server_that_accepts_and_is_silent_does_not_answer(listener: socket.socket) -> None:
    assert not kafka_answers(Connection(address(listener)), 0.1)


def test_a_server_that_accepts_and_hangs_up_does_not_answer(listener: socket.socket) -> None:
    score_reviews(listener, b"")
    assert not kafka_answers(Connection(address(listener)), 0.1)


def test_a_server_that_talks_answers(listener: socket.socket) -> None:
    score_reviews(listener, ANSWER)
    assert kafka_answers(Connection(address(listener)), 0.1)


def test_one_that_answers_is_found_behind_those_that_do_not(listener: socket.socket) -> None:
    score_reviews(listener, ANSWER)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert kafka_answers(Connection(f"127.0.0.1:1,{address(silent)},{address(listener)}"), 6.0)
