"""What workers tell of themselves over HTTP: metrics and probes, of all of them at once."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from worker.errors import BadUse

DEFAULT_PORT = 8000
_HTTP_PORT = 80
_MOST_AT_ONCE = 64
_MOST_BYTES = 16_000_000
_CHUNK_BYTES = 65_536
# Every worker has this one, whatever it does.
_OF_A_WORKER = "sentiment_records_consumed_total"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask: `name` is what people see, `host` (a name or an IP address) what is connected to."""

    name: str
    host: str
    port: int
    path: str = ""  # what comes before /metrics, without a slash at the end
    asked_for: str = ""  # the Host header


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A worker, or a host name of workers, of which nothing could be read, and why."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scrape:
    """One worker's answer. `samples` are (labels, value) by metric name, counters with `_total`."""

    address: str
    at: float  # seconds, monotonic
    samples: Mapping[str, Sequence[tuple[Mapping[str, str], float]]]
    not_ready: tuple[str, ...]  # what /readyz misses
    not_alive: tuple[str, ...]  # what /livez complains of

    def of(self, name: str) -> Sequence[tuple[Mapping[str, str], float]]:
        """All samples of a metric; none where the worker does not have it."""
        return self.samples.get(name, ())

    def value(self, name: str) -> float | None:
        """The value of a metric without labels."""
        return next((value for labels, value in self.of(name) if not labels), None)


Answer = Scrape | Unreachable


def parse_address(text: str) -> Address:
    """`host`, `host:port` or `http://host[:port][/path]`. Raises BadUse."""
    has_scheme = "://" in text
    try:
        parts = urlsplit(text if has_scheme else f"//{text}")
        host, port = parts.hostname, parts.port or (_HTTP_PORT if has_scheme else DEFAULT_PORT)
    except ValueError as error:
        raise BadUse(f"--workers: {text!r} is no address: {error}") from None
    if not host or parts.scheme not in ("", "http") or parts.username or parts.query or (parts.path and not has_scheme):
        raise BadUse(f"--workers: {text!r} is no host:port and no http:// address")
    name = _join(host, port)
    return Address(name + parts.path.rstrip("/"), host, port, parts.path.rstrip("/"), name)


def scrape_all(addresses: Sequence[Address], limit_seconds: float) -> list[Answer]:
    """Ask all workers at once, each within the limit; a host name with several IP addresses stands for all of them.

    Answers come in the order of the addresses, and a worker that is named twice answers once.
    """
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        found: Iterable[Address | Unreachable] = (each for some in pool.map(_resolve, addresses) for each in some)
        return list(pool.map(partial(_scrape, limit_seconds=limit_seconds), dict.fromkeys(found)))


def _resolve(address: Address) -> list[Address | Unreachable]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return [Unreachable(address.name, f"its name has no address: {reason or error}")]
    # A host of both families has an address of each: it would be taken for two.
    families = {family for family, *_ in found}
    kept = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    hosts = sorted({str(where[0]) for family, _, _, _, where in found if family == kept})
    if len(hosts) == 1:
        return [Address(address.name, hosts[0], address.port, address.path, address.asked_for)]
    names = [_join(host, address.port) + address.path for host in hosts]
    return [
        Address(name, host, address.port, address.path, address.asked_for)
        for name, host in zip(names, hosts, strict=True)
    ]


def _scrape(address: Address | Unreachable, limit_seconds: float) -> Answer:
    if isinstance(address, Unreachable):
        return address
    deadline = time.monotonic() + limit_seconds
    try:
        status, metrics = _get(address, "/metrics", deadline)
        at = time.monotonic()
        samples = _samples(metrics.decode()) if status == http.client.OK else {}
        if _OF_A_WORKER not in samples:
            return Unreachable(address.name, "what answers there is no worker")
        not_ready, not_alive = (_problems(*_get(address, path, deadline)) for path in ("/readyz", "/livez"))
        return Scrape(address.name, at, samples, not_ready, not_alive)
    except TimeoutError:
        return Unreachable(address.name, f"no answer within {limit_seconds:g} s")
    except OSError as error:
        return Unreachable(address.name, (error.strerror or str(error) or type(error).__name__).lower())
    except (ValueError, http.client.HTTPException):
        return Unreachable(address.name, "what answers there is no worker")


def _get(address: Address, path: str, deadline: float) -> tuple[int, bytes]:
    """Status and body; raises OSError, HTTPException, or TimeoutError once the deadline passed."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_left(deadline))
    try:
        connection.request("GET", address.path + path, headers={"Host": address.asked_for})
        response = connection.getresponse()
        return response.status, b"".join(_chunks(response, deadline))
    finally:
        connection.close()


def _chunks(response: http.client.HTTPResponse, deadline: float) -> Iterator[bytes]:
    size = 0
    while chunk := response.read1(_CHUNK_BYTES):
        yield chunk
        size += len(chunk)
        if size > _MOST_BYTES:
            raise ValueError("a longer answer than any worker's")
        _left(deadline)


def _left(deadline: float) -> float:
    if (left := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return left


def _samples(text: str) -> dict[str, list[tuple[Mapping[str, str], float]]]:
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def _problems(status: int, body: bytes) -> tuple[str, ...]:
    """What a probe complains of; raises ValueError when it is no worker's probe."""
    answer = json.loads(body)
    if status not in (http.client.OK, http.client.SERVICE_UNAVAILABLE) or not isinstance(answer, dict):
        raise ValueError("no answer of a worker's probe")
    return tuple(map(str, answer.get("problems", ())))


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
