import logging
import time
from collections.abc import Iterator

import pytest

from worker.client_errors import RefusalsInLog

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
