"""What is looked at on this machine."""

import socket

import pytest

from deploy.local.processes import free_ports
from tests.worker.commands.group.workers import started_workers
from worker.commands.doctor.machine import check_port, evaluate_checksums, evaluate_codecs, missing_codecs
from worker.commands.doctor.results import Mark


def test_a_free_port_stays_free() -> None:
    [port] = free_ports(1)
    assert [check_port("127.0.0.1", port)[1].mark for _ in range(2)] == [Mark.OK, Mark.OK]
    assert check_port("0.0.0.0", 0)[1].mark is Mark.OK


def test_a_port_that_is_taken_fails_with_the_flag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker_runs, finding = check_port("127.0.0.1", taken.getsockname()[1])
    assert (worker_runs, finding.mark) == (False, Mark.FAILS)
    assert finding.found == "another program listens there already"
    assert "--http-port" in finding.advice


def test_a_port_that_a_worker_has_does_not_fail() -> None:
    with started_workers() as start:
        worker = start()
        worker_runs, finding = check_port("127.0.0.1", int(worker.address.rpartition(":")[2]))
    assert (worker_runs, finding.mark, finding.found) == (True, Mark.SKIPPED, "a worker runs here already")
    assert "--http-port" in finding.advice


def test_an_address_of_another_machine_fails_with_the_setting() -> None:
    [port] = free_ports(1)
    _, finding = check_port("192.0.2.1", port)
    assert (finding.mark, "SENTIMENT_HTTP_HOST" in finding.advice) == (Mark.FAILS, True)


@pytest.mark.parametrize("codec", ["snappy", "lz4", "zstd"])
def test_a_codec_that_cannot_be_unpacked_fails_with_what_to_install(codec: str) -> None:
    modules = {"snappy": "snappy", "lz4": "lz4.frame", "zstd": "zstandard"}
    missing = missing_codecs(lambda module: module != modules[codec])
    finding = evaluate_codecs("kafka-python", missing)
    assert (finding.mark, finding.found) == (Mark.FAILS, f"cannot unpack {codec}")
    assert finding.advice == f"pip install {missing[codec]}"


def test_librdkafka_needs_none_of_them() -> None:
    assert evaluate_codecs("librdkafka", {"lz4": "lz4"}).mark is Mark.OK
    assert evaluate_checksums("librdkafka", has_crc32c=False) == []


def test_slow_checksums_are_a_warning() -> None:
    [finding] = evaluate_checksums("kafka-python", has_crc32c=False)
    assert finding.mark is Mark.WARNING
