import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.worker.commands.group.workers import Group, listening_silently, started_workers
from worker.commands.group.scrape import Address, Answer, Scrape, Unreachable, parse_address, scrape_all
from worker.errors import BadUse

LIMIT_SECONDS = 5.0


@pytest.fixture
def start() -> Iterator[Group]:
    with started_workers() as start:
        yield start


@pytest.fixture
def other_server() -> Iterator[str]:
    """The address of a web server that is no worker: it answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>It works!</h1>\n")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def scrape(*addresses: str, limit_seconds: float = LIMIT_SECONDS) -> list[Answer]:
    return scrape_all([parse_address(address) for address in addresses], limit_seconds)


def reason(address: str, limit_seconds: float = LIMIT_SECONDS) -> str:
    [answer] = scrape(address, limit_seconds=limit_seconds)
    assert isinstance(answer, Unreachable)
    return answer.reason


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("worker-1", "worker-1", 8000, ""),
        ("worker-1:9000", "worker-1", 9000, ""),
        ("[::1]:9000", "::1", 9000, ""),
        ("http://gateway", "gateway", 80, ""),
        ("http://gateway:81/worker-1/", "gateway", 81, "/worker-1"),
    ],
)
def test_addresses_are_names_with_ports_or_urls(text: str, host: str, port: int, path: str) -> None:
    address = parse_address(text)
    assert (address.host, address.port, address.path) == (host, port, path)


@pytest.mark.parametrize("text", [":8000", "a:b", "a:99999", "https://a", "a/b", "http://", "http://me@a", "[::1"])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(BadUse, match="--workers"):
        parse_address(text)


def test_metrics_and_probes_are_read(start: Group) -> None:
    worker = start(partitions=0)
    worker.produce(4, positive=3)
    [answer] = scrape(worker.address)
    assert isinstance(answer, Scrape)
    assert answer.value("sentiment_records_consumed_total") == 3
    assert answer.not_ready == ("the consumer group is not joined",)
    assert answer.not_alive == ()


def test_answers_come_in_the_order_of_the_addresses_and_once(start: Group) -> None:
    first, second = start().address, start().address
    found = scrape(second, first, second)
    assert [answer.address for answer in found] == [second, first]


def test_nobody_at_home_is_told(start: Group) -> None:
    worker = start()
    worker.server.close()
    assert reason(worker.address) == "connection refused"


def test_a_worker_that_stands_still_does_not_hold_up_the_others(start: Group) -> None:
    with listening_silently() as silent, listening_silently() as other:
        started = time.monotonic()
        answers = scrape(silent, start().address, other, limit_seconds=0.5)
        assert time.monotonic() - started < LIMIT_SECONDS
    assert [type(answer) for answer in answers] == [Unreachable, Scrape, Unreachable]


def test_another_web_server_is_no_worker(other_server: str) -> None:
    assert "no worker" in reason(other_server)


def test_a_name_without_an_address_is_told() -> None:
    assert "its name has no address" in reason("no-such-host.invalid")


def test_a_name_of_several_addresses_stands_for_all(monkeypatch: pytest.MonkeyPatch, start: Group) -> None:
    port, known = start().server.port, socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> list[Any]:
        hosts = ("127.0.0.2", "127.0.0.1", "127.0.0.1") if host == "pods.invalid" else (host,)
        return [found for each in hosts for found in known(each, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    found = scrape(f"pods.invalid:{port}")
    assert [answer.address for answer in found] == [f"127.0.0.1:{port}", f"127.0.0.2:{port}"]
    assert isinstance(found[0], Scrape)


def test_a_host_of_two_families_is_one_worker(start: Group) -> None:
    port = start().server.port
    [answer] = scrape(f"localhost:{port}")
    assert isinstance(answer, Scrape)
    assert answer.address == f"localhost:{port}"


def test_an_address_is_shown_as_it_was_given() -> None:
    assert parse_address("http://gateway/worker-1") == Address(
        "gateway:80/worker-1", "gateway", 80, "/worker-1", "gateway:80"
    )
