"""A real Prometheus for tests, asked over HTTP as Grafana and people ask it."""

import json
import shutil
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from deploy.local.processes import OwnedProcesses, free_ports, wait_until

START_SECONDS = 30.0
STOP_SECONDS = 5.0
# Tests are in a hurry.
EVERY_SECOND = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}


def require_prometheus() -> None:
    """Skips the test where Prometheus is not installed."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: apt install prometheus)")


class LocalPrometheus:
    """A context manager; nothing of it is left on exit.

    `configure` writes the configuration, and what that names, into a directory, and returns the configuration's file.
    """

    def __init__(self, configure: Callable[[Path], Path]) -> None:
        self._configure = configure

    def __enter__(self) -> Self:
        self._processes = OwnedProcesses("prometheus")
        try:
            self._start()
        except BaseException:
            self._processes.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.end(self._server, signal.SIGTERM, STOP_SECONDS)
        self._processes.close()

    def series(self, expression: str) -> list[dict[str, str]]:
        """The labels of what an expression gives now."""
        return [each["metric"] for each in self._ask("query", query=expression)["result"]]

    def rules(self) -> list[dict[str, Any]]:
        """All rules that it has loaded, with their health."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def over_time(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression from the start until now, a value a second.

        Raises AssertionError with what Prometheus says when it refuses the expression.
        """
        span = {"start": self._started, "end": time.time(), "step": 1}
        return list(self._ask("query_range", query=expression, **span)["result"])

    def label_values(self, label: str, selector: str) -> list[str]:
        """The values that a label of these series has."""
        return list(self._ask(f"label/{label}/values", **{"match[]": selector}))

    def _start(self) -> None:
        [port] = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        directory = self._processes.directory
        command = ["prometheus", f"--config.file={self._configure(directory)}", "--log.level=warn"]
        command += [f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
        self._started = time.time()
        self._server = self._processes.start("prometheus", command)
        wait_until(
            lambda: self._ready() or self._server.poll() is not None,
            START_SECONDS,
            lambda: f"Prometheus did not start:\n{self._processes.log_tail('prometheus')}",
        )
        assert self._server.poll() is None, self._processes.log_tail("prometheus")

    def _ready(self) -> bool:
        """It listens some time before it answers."""
        try:
            urllib.request.urlopen(f"{self._url}/-/ready", timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False
        return True

    def _ask(self, what: str, **values: object) -> Any:
        question = f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(values)}"
        try:
            with urllib.request.urlopen(question, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{values}: {error.read().decode()}") from None
