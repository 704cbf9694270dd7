"""This machine: memory, file descriptors, ports, clock, and the settings as a whole."""

from __future__ import annotations

import errno
import importlib.util
import socket
from collections.abc import Callable, Mapping

from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.results import Finding, fails, ok, skipped, warning
from worker.commands.group.scrape import Unreachable, parse_address, scrape_all

# What kafka-python unpacks a codec with, and the distribution that brings it; gzip is Python's own.
_CODECS = {"snappy": ("snappy", "python-snappy"), "lz4": ("lz4.frame", "lz4"), "zstd": ("zstandard", "zstandard")}
_ASK_SECONDS = 2.0
_OWN_PORT = "a port of its own: --http-port"

_CONNECT_SECONDS = 3.0


def check_port(host: str, port: int) -> tuple[bool, Finding]:
    """Whether a worker runs there, and whether one could listen; what was taken for the trial is given back."""
    subject = f"port {port}"
    if port == 0:
        return False, ok("port", "any free one (0): see the log's first line for which")
    try:
        with socket.create_server((host, port), family=_family(host)):
            return False, ok(subject, f"free on {host}")
    except OSError as error:
        # Where doctor is run to see what ails a worker, in its pod, that worker is there.
        if error.errno == errno.EADDRINUSE and _is_worker(host, port):
            return True, skipped(subject, "a worker runs here already", f"beside it another needs {_OWN_PORT}")
        return False, _taken(subject, host, error)


def evaluate_codecs(client: str, missing: Mapping[str, str]) -> Finding:
    """About the codecs that cannot be unpacked; `missing` has the distribution that each of them needs."""
    subject = "compression"
    if client == "librdkafka":
        return ok(subject, "librdkafka brings gzip, snappy, lz4 and zstd along")
    if missing:
        return fails(subject, f"cannot unpack {', '.join(missing)}", f"pip install {' '.join(missing.values())}")
    return ok(subject, "gzip, snappy, lz4 and zstd can be unpacked")


def evaluate_checksums(client: str, has_crc32c: bool) -> list[Finding]:
    """About the checksums of records, which are slow in plain Python."""
    if client == "librdkafka" or has_crc32c:
        return []
    return [
        warning("checksums", "crc32c is not installed: records are read at a third of the speed", "pip install crc32c")
    ]


def missing_codecs(found: Callable[[str], bool]) -> dict[str, str]:
    """The codecs whose module is not found, with the distribution that brings it."""
    return {codec: package for codec, (module, package) in _CODECS.items() if not found(module)}


def is_installed(module: str) -> bool:
    """Whether a module could be imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


def _taken(subject: str, host: str, error: OSError) -> Finding:
    if error.errno == errno.EADDRINUSE:
        return fails(subject, "another program listens there already", f"give the worker {_OWN_PORT}")
    if error.errno == errno.EACCES:
        return fails(subject, f"this user may not listen there ({error.strerror})", "use a port above 1023")
    return fails(subject, f"cannot listen on {host} ({error.strerror or error})", "check SENTIMENT_HTTP_HOST")


def _is_worker(host: str, port: int) -> bool:
    asked = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    answers = scrape_all([parse_address(f"[{asked}]:{port}" if ":" in asked else f"{asked}:{port}")], _ASK_SECONDS)
    return not all(isinstance(each, Unreachable) for each in answers)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def check_settings(context: CheckContext) -> list[Finding]:
    """Which settings are not their defaults; that they are valid was checked when they were read."""
    given = sorted(context.settings.model_fields_set)
    if not given:
        return [ok("settings", "valid: the defaults, none is set")]
    return [ok("settings", f"valid; set: {', '.join(given)}")]


def check_machine(context: CheckContext) -> list[Finding]:
    """The port, and what unpacks records."""
    client = context.settings.kafka_client
    context.worker_runs_here, port = check_port(context.settings.http_host, context.settings.http_port)
    return [
        port,
        evaluate_codecs(client, missing_codecs(is_installed)),
        *evaluate_checksums(client, is_installed("crc32c")),
    ]


def unreachable_reason(host: str, port: int) -> str:
    """Why nothing answers there; empty where something does."""
    if not host or not 0 < port < 65_536:
        return "it is no host:port"
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except (OSError, UnicodeError) as error:
        return str(getattr(error, "strerror", None) or error).lower()
    return ""
