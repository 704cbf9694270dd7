"""A real Prometheus that scrapes one address every second, and is asked as Grafana asks it."""

import json
import shutil
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.local.processes import OwnedProcesses, free_ports, listens, wait_until

START_SECONDS = 30.0
STOP_SECONDS = 5.0


class LocalPrometheus:
    """A context manager; nothing of it is left on exit. `executable` is None where Prometheus is not installed."""

    executable = shutil.which("prometheus")

    def __init__(self, job: str, target: str) -> None:
        self._job, self._target = job, target

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
        self._url = f"http://127.0.0.1:{port}/api/v1"
        directory = self._processes.directory
        settings = _settings(self._job, self._target, directory)
        command = [str(self.executable), f"--config.file={settings}", f"--storage.tsdb.path={directory / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        self._started = time.time()
        self._server = self._processes.start("prometheus", command)
        wait_until(
            lambda: listens(port) or self._server.poll() is not None,
            START_SECONDS,
            lambda: f"Prometheus did not start:\n{self._processes.log_tail('prometheus')}",
        )

    def _ask(self, what: str, **values: object) -> Any:
        try:
            with urllib.request.urlopen(f"{self._url}/{what}?{urllib.parse.urlencode(values)}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{values}: {error.read().decode()}") from None


def _settings(job: str, target: str, directory: Path) -> Path:
    path = directory / "prometheus.yml"
    # JSON is YAML too.
    scrape = {"job_name": job, "static_configs": [{"targets": [target]}]}
    path.write_text(
        json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]})
    )
    return path
