"""Where tracing is on, whether a worker could start with it, and whether somebody takes its spans."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.machine import unreachable_reason
from worker.commands.doctor.results import Finding, fails, ok, warning
from worker.errors import BadUse
from worker.observability.tracing import open_tracer

# The first that is set holds, as OpenTelemetry has it.
_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_DEFAULT = "http://localhost:4318"
_PORTS = {"http": 80, "https": 443}


def check_tracing(context: CheckContext) -> list[Finding]:
    """What a worker does at its start, and the way to the collector; nothing where tracing is off."""
    if context.settings.tracing == "off":
        return []
    try:
        open_tracer(
            context.settings.tracing, context.settings.input_topic, context.settings.kafka_group_id, "doctor"
        ).close()
    except BadUse as problem:
        return [fails("tracing", str(problem), "without it `run` ends at once; or set SENTIMENT_TRACING=off")]
    return [evaluate_endpoint(next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), _DEFAULT))]


def evaluate_endpoint(endpoint: str) -> Finding:
    """Whether something listens where spans go; workers do without, and drop them."""
    advice = f"set {_VARIABLES[1]}, or start the collector: until then spans are lost, and no reviews"
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = "", 0
    if not (host and port):
        return warning("tracing", f"spans go to {endpoint}, which is no http:// address", advice)
    if why := unreachable_reason(host, port):
        return warning("tracing", f"the collector at {host}:{port} does not answer ({why})", advice)
    return ok("tracing", f"something listens at {host}:{port}")
