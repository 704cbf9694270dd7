"""The container's health check, without a container."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from deploy.image import livez
from deploy.local.processes import free_ports


@pytest.fixture
def port() -> Iterator[int]:
    """Something that answers as a worker does which does not live."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if self.path == "/livez" else 404)
            self.end_headers()
            self.wfile.write(b"the loop has not turned for 70 s")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1"])
def test_it_says_what_the_worker_says(port: int, host: str) -> None:
    assert livez.reason(host, str(port)) == "the loop has not turned for 70 s"


@pytest.mark.parametrize("host", ["127.0.0.1", "::", "::1"])
def test_nothing_that_answers_is_a_sentence(host: str) -> None:
    [port] = free_ports(1)
    assert livez.reason(host, str(port)).startswith("No answer from the worker at ")


def test_a_port_that_is_none_is_a_sentence() -> None:
    assert livez.reason("", "eight thousand").startswith("No answer from the worker at 127.0.0.1")


def test_it_asks_where_the_worker_is_told_to_listen(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENTIMENT_HTTP_HOST", "127.0.0.1")
    monkeypatch.setenv("SENTIMENT_HTTP_PORT", str(port))
    assert livez.main() == 1
    assert "has not turned" in capsys.readouterr().out
