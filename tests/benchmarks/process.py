"""A measured process: its processor time and its memory, seen from outside (Linux)."""

import contextlib
import os
import re
import resource
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from deploy.local.processes import OwnedProcesses
from tests.benchmarks.environment import ROOT
from tests.benchmarks.errors import BenchmarkError

STOP_SECONDS = 20.0


class MeasuredProcess:
    """One program under measurement, from its start on; threads and children count as its own.

    It gets this process's environment without any SENTIMENT_ variable: a benchmark says all settings itself.
    """

    def __init__(self, processes: OwnedProcesses, name: str, command: Sequence[str]) -> None:
        self._processes = processes
        self._name = name
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SENTIMENT_")}
        self.started_at = time.monotonic()
        self._child = processes.start(name, command, environment | {"PYTHONPATH": str(ROOT)})
        self._process = psutil.Process(self._child.pid)

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        times = [self._process.cpu_times()]
        for child in self._process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                times.append(child.cpu_times())
        return float(sum(each.user + each.system + each.children_user + each.children_system for each in times))

    def memory_bytes(self) -> int:
        """Resident memory now."""
        return int(self._process.memory_info().rss)

    def peak_memory_bytes(self) -> int:
        """The most resident memory so far, of the process itself."""
        status = Path(f"/proc/{self._child.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        if found is None:
            raise BenchmarkError(f"the system does not tell the peak memory of {self._name}")
        return int(found[1]) * 1024

    def require_alive(self) -> None:
        """Raises BenchmarkError with the last lines of its log when it ended by itself."""
        if self._child.poll() is not None:
            raise BenchmarkError(f"{self._name} ended by itself:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines that it wrote."""
        return self._processes.log_tail(self._name)

    def end(self) -> float:
        """Stop it with SIGTERM; returns the processor time of its whole life."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status = self._processes.end(self._child, signal.SIGTERM, STOP_SECONDS)
        if status not in (0, -signal.SIGTERM):
            raise BenchmarkError(f"{self._name} ended with status {status}:\n{self.log_tail()}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)  # no other child ends meanwhile
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
