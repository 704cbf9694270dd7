"""What is said about tracing, where it is on."""

import sys

import pytest

from deploy.local.processes import free_ports
from tests.worker.observability.collector import Collector
from worker.commands.doctor.checks import CHECKS, examine
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.results import Finding, Mark
from worker.commands.doctor.tracing import evaluate_endpoint
from worker.settings.settings import load

_TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_ALL = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (_TRACES, _ALL):
        monkeypatch.delenv(name, raising=False)


def found(tracing: str = "otlp") -> list[Finding]:
    """What the examination says."""
    return list(
        examine(CheckContext(load({"tracing": tracing})), [check for check in CHECKS if check.subject == "tracing"])
    )


def test_off_says_nothing() -> None:
    assert found("off") == []


def test_without_the_extra_it_fails_as_run_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "worker.observability.otlp", None)
    [finding] = found()
    assert (finding.mark, "OpenTelemetry is not installed" in finding.found) == (Mark.FAILS, True)


def test_a_variable_that_run_refuses_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    [finding] = found()
    assert (finding.mark, "OTEL_EXPORTER_OTLP_PROTOCOL" in finding.found) == (Mark.FAILS, True)


@pytest.mark.parametrize("name", [_TRACES, _ALL])
def test_a_collector_that_listens_is_fine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_ALL, "http://127.0.0.1:9")
    with Collector() as collector:
        monkeypatch.setenv(name, collector.endpoint)
        [finding] = found()
    assert (finding.mark, finding.found) == (
        Mark.OK,
        f"something listens at {collector.endpoint.removeprefix('http://')}",
    )


def test_a_collector_that_does_not_listen_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    monkeypatch.setenv(_ALL, f"http://127.0.0.1:{port}")
    [finding] = found()
    assert (finding.mark, f"127.0.0.1:{port} does not answer" in finding.found) == (Mark.WARNING, True)
    assert _ALL in finding.advice


@pytest.mark.parametrize("endpoint", ["collector:4318", "http://", "http://collector:many", "http://[::1"])
def test_an_endpoint_that_is_none_is_a_warning(endpoint: str) -> None:
    finding = evaluate_endpoint(endpoint)
    assert (finding.mark, "is no http:// address" in finding.found) == (Mark.WARNING, True)
