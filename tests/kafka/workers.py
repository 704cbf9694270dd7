"""Real worker processes: `python -m worker run`, started, stopped, killed and paused."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.processes import OwnedProcesses
from tests.kafka.waiting import eventually

PROJECT = Path(__file__).parents[2]
READY_SECONDS = 60.0
# What the worker promises for SIGTERM.
STOP_SECONDS = 10.0
_RESTART_PAUSE_SECONDS = 0.2

_numbers = itertools.count(1)


class Worker:
    """One worker. A supervised one is started anew, as Kubernetes would, whenever it ends before `stop` or `end`.

    Settings are environment variables; `prefix` is what its command line begins with. All its processes, one after the
    other, write into one log.
    """

    def __init__(
        self,
        processes: OwnedProcesses,
        settings: Mapping[str, str],
        supervised: bool = False,
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = f"worker-{next(_numbers)}"
        self.starts = 0
        self._processes = processes
        self._settings = {"SENTIMENT_INSTANCE_ID": self.name, **settings}
        self._prefix = prefix
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._launch()
        if supervised:
            threading.Thread(target=self._supervise, name=f"supervisor of {self.name}", daemon=True).start()

    @property
    def status(self) -> int | None:
        """The exit status of the latest process; None while it runs."""
        return self._process.poll()

    @property
    def process_id(self) -> int:
        """That of the latest process."""
        return self._process.pid

    @property
    def log(self) -> str:
        """All that it wrote, of all its processes."""
        return self._processes.log_path(self.name).read_text(encoding="utf-8", errors="replace")

    def events(self, event: str = "") -> list[dict[str, Any]]:
        """Its structured log lines, those of one event if one is named."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{") and line.endswith("}")]
        return [line for line in lines if not event or line["event"] == event]

    def error(self) -> str:
        """The one sentence with which its last process ended."""
        sentences = [line for line in self.log.splitlines() if line.startswith("error: ")]
        return sentences[-1] if sentences else ""

    def get(self, path: str) -> tuple[int, str]:
        """What its HTTP server answers: status and body; (0, reason) when there is no answer."""
        starts = self.events("starting")
        if len(starts) < self.starts:
            return 0, "not started yet"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{starts[-1]['http_port']}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def lives(self) -> bool:
        """Whether it runs and says so."""
        return self.status is None and self.get("/livez")[0] == 200

    def wait_until_ready(self, deadline_seconds: float = READY_SECONDS) -> None:
        """Wait until the model is loaded and the group joined."""
        eventually(
            lambda: self.get("/readyz")[0] == 200 or self.status is not None,
            deadline_seconds,
            lambda: f"{self.name} was not ready: {self.get('/readyz')}",
        )
        assert self.status is None, f"{self.name} ended with {self.status}: {self.error()}"

    def wait_for_end(self, deadline_seconds: float) -> int:
        """Wait until it ends by itself; its exit status."""
        eventually(lambda: self.status is not None, deadline_seconds, f"{self.name} still runs")
        return self._process.returncode

    def wait_for_event(self, event: str, deadline_seconds: float = 30.0, count: int = 1) -> None:
        """Wait until it logged this event at least `count` times."""
        eventually(lambda: len(self.events(event)) >= count, deadline_seconds, f"{self.name} never logged {event!r}")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name (with its _total, _count or _sum) and these labels; 0 without any."""
        samples = [
            sample
            for family in text_string_to_metric_families(self.get("/metrics")[1])
            for sample in family.samples
            if sample.name == f"sentiment_{name}"
        ]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def partitions(self) -> set[str]:
        """The partitions that it has read from and owns, as its lag metric knows them."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return {
            s.labels["partition"] for f in families if f.name == "sentiment_consumer_lag_records" for s in f.samples
        }

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process of the moment."""
        self._process.send_signal(number)

    def wait_until_it_runs(self, deadline_seconds: float = READY_SECONDS) -> None:
        """Wait until a supervised one that was killed is started again: killing it before that would not count."""
        eventually(lambda: self.status is None, deadline_seconds, f"{self.name} was not started again")

    def kill(self) -> None:
        """End it with SIGKILL, as the kernel would; a supervised one comes back."""
        self.send(signal.SIGKILL)

    def pause(self) -> None:
        """Let it stand still (SIGSTOP)."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.send(signal.SIGCONT)

    def stop(self) -> tuple[int, float]:
        """End it with SIGTERM, for good; its exit status and how many seconds it took."""
        with self._lock:
            self._ended.set()
        started = time.monotonic()
        self.send(signal.SIGTERM)
        status = self._processes.wait(self._process, STOP_SECONDS + 5)
        return status, time.monotonic() - started

    def end(self) -> None:
        """Let go of it, in whatever state it is."""
        with self._lock:
            self._ended.set()
        self._processes.end(self._process, signal.SIGKILL, STOP_SECONDS)

    def _launch(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"} | self._settings
        command = [*self._prefix, sys.executable, "-m", "worker", "run"]
        self._process: subprocess.Popen[bytes] = self._processes.start(self.name, command, environment)
        self.starts += 1

    def _supervise(self) -> None:
        while True:
            self._process.wait()
            if self._ended.wait(_RESTART_PAUSE_SECONDS):
                return
            with self._lock:
                if self._ended.is_set():
                    return
                self._launch()
