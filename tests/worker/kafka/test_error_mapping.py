import logging
import time
from collections.abc import Iterator

import pytest

from worker.kafka.error_mapping import RefusalsInLog, refuses_credentials

TRANSPORT = logging.getLogger("kafka.net.transport")


class RefusedLogin(Exception):
    message = "SASL_AUTHENTICATION_FAILED"


@pytest.fixture
def refusals() -> Iterator[RefusalsInLog]:
    """Its own one, beside those that brokers of this process may have put there, with the client told to be quiet."""
    client, others = logging.getLogger("kafka"), TRANSPORT.filters[:]
    level, TRANSPORT.filters[:] = client.level, []
    client.setLevel(logging.CRITICAL)
    refusals = RefusalsInLog()
    refusals.watch()
    yield refusals
    client.setLevel(level)
    TRANSPORT.filters[:] = others


def test_a_refused_login_is_read_in_the_log_though_the_client_is_told_to_be_quiet(refusals: RefusalsInLog) -> None:
    began = time.monotonic()
    TRANSPORT.error("%s: Abort (%s)", "connection", RefusedLogin("no"))
    assert isinstance(refusals.since(began), RefusedLogin)
    assert refusals.since(time.monotonic() + 1) is None


def test_a_second_broker_in_the_process_reads_along_too(refusals: RefusalsInLog) -> None:
    refusals.watch()
    assert TRANSPORT.filters == [refusals]


def test_other_errors_in_the_log_are_no_refusals(refusals: RefusalsInLog) -> None:
    TRANSPORT.error("%s: Abort (%s)", "connection", ConnectionError("reset"))
    assert refusals.since(0.0) is None


class FromLibrdkafka:
    """An error as confluent-kafka has them."""

    def __init__(self, text: str) -> None:
        self._text = text

    def name(self) -> str:
        return "_AUTHENTICATION"

    def str(self) -> str:
        return self._text

    def retriable(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("SASL authentication error: Authentication failed: Invalid username or password", True),
        ("Failed to acquire SASL OAUTHBEARER token: OAuth callback raised exception", False),
        ("SASL handshake failed: Broker: Request timed out", False),
    ],
)
def test_only_what_kafka_refused_counts_as_a_refusal(text: str, refused: bool) -> None:
    assert refuses_credentials(FromLibrdkafka(text)) == refused
