"""The demo's workers: processes of `python -m worker run`, looked after as a supervisor would."""

import contextlib
import os
import signal
import subprocess
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.processes import (
    LocalServiceError,
    OwnedProcesses,
    free_ports,
    module_command,
    module_environment,
    wait_until,
)

READY_SECONDS = 90.0
DRAIN_SECONDS = 15.0
HTTP_SECONDS = 0.5

State = Literal["starting", "ready", "killed"]


@dataclass(frozen=True)
class WorkerStatus:
    """What one worker's metrics say; `reviews` counts all processes that it has been, as far as they were asked."""

    name: str
    process_id: int
    state: State
    reviews: int
    partitions: int
    lag: int


class DemoWorker:
    """One worker that keeps its name, port and settings when its process is started again."""

    def __init__(self, processes: OwnedProcesses, name: str, settings: Mapping[str, str]) -> None:
        [self.port] = free_ports(1)
        self.name = name
        self._processes = processes
        own = {key: value for key, value in os.environ.items() if not key.startswith("SENTIMENT_")}
        self._environment = module_environment(own) | {
            **settings,
            "SENTIMENT_HTTP_HOST": "127.0.0.1",
            "SENTIMENT_HTTP_PORT": str(self.port),
            # A demo tells nobody that it ran, and leaves no file of ONNX Runtime's telemetry behind.
            "ORT_DISABLE_TELEMETRY": "1",
        }
        self._reviews_before = 0
        self._status = WorkerStatus(name, 0, "starting", 0, 0, 0)
        self.start()

    def start(self) -> None:
        """Start the process, again if it ended."""
        self._reviews_before = self._status.reviews
        command = [*module_command("worker"), "run"]
        self._process: subprocess.Popen[bytes] = self._processes.start(self.name, command, self._environment)
        self._status = WorkerStatus(self.name, self._process.pid, "starting", self._reviews_before, 0, 0)

    def kill(self) -> None:
        """End the process with SIGKILL: no chance to finish, to abort or to say goodbye."""
        self._status = self.status()
        self._processes.end(self._process, signal.SIGKILL, DRAIN_SECONDS)
        self._status = WorkerStatus(self.name, self._process.pid, "killed", self._status.reviews, 0, 0)

    def stop(self) -> int:
        """End the process with SIGTERM, which lets it finish its batch and leave its group; returns its exit status."""
        return self._processes.end(self._process, signal.SIGTERM, DRAIN_SECONDS)

    def wait_until_ready(self) -> None:
        """Wait until the worker has its model and its place in the group."""
        wait_until(
            lambda: self.ended or self._get("/readyz") is not None,
            READY_SECONDS,
            lambda: f"{self.name} was not ready after {READY_SECONDS:.0f} s:\n{self._processes.log_tail(self.name)}",
        )
        self.check()

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def check(self) -> None:
        """Raise LocalServiceError when the process ended though nobody killed it."""
        if self._status.state != "killed" and self.ended:
            raise LocalServiceError(
                f"{self.name} ended with status {self._process.returncode}:\n{self._processes.log_tail(self.name)}"
            )

    def status(self) -> WorkerStatus:
        """What its metrics say now, or said last."""
        metrics = None if self._status.state == "killed" else self._get("/metrics")
        if metrics is not None:
            reviews, lags = 0.0, []
            for family in text_string_to_metric_families(metrics):
                for sample in family.samples:
                    if sample.name == "sentiment_sentiments_produced_total":
                        reviews += sample.value
                    elif sample.name == "sentiment_consumer_lag_records":
                        lags.append(sample.value)
            state: State = "ready" if lags else "starting"
            total = self._reviews_before + int(reviews)
            self._status = WorkerStatus(self.name, self._process.pid, state, total, len(lags), int(sum(lags)))
        return self._status

    def _get(self, path: str) -> str | None:
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=HTTP_SECONDS) as answer:
                return str(answer.read(), "utf-8")
        return None
