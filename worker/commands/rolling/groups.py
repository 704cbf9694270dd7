"""The group that a check is made of: one that runs already, or one of its own, and how its workers are restarted."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import worker
from worker.errors import BadUse, StopWorker

_PROJECT = Path(worker.__file__).parents[1]
_LEADER = "deploy.local.group"
# The first start downloads Kafka.
_START_SECONDS = 300.0
_RESTART_SECONDS = 120.0
_COMMAND_SECONDS = 900.0
_END_SECONDS = 30.0


class Group(Protocol):
    """Workers, and the steps in which all of them are restarted."""

    @property
    def steps(self) -> Sequence[str]:
        """What is restarted, one after the other; empty when nothing is."""

    def restart(self, step: str) -> str | None:
        """Restart this, until it is ready again; a sentence when that did not go as it should. Raises StopWorker."""


class RunningGroup:
    """A group that somebody else looks after: all its workers are restarted by one command of theirs, or none is."""

    def __init__(self, command: str | None) -> None:
        self.steps = ("all workers",) if command else ()
        self._command = command or ""

    def restart(self, step: str) -> str | None:
        """See `Group.restart`: runs the command in a shell."""
        process = subprocess.Popen(
            self._command, shell=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, process_group=0
        )
        try:
            status = process.wait(_COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            return f"The restart command did not end within {_COMMAND_SECONDS:.0f} s and was ended."
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return f"The restart command ended with status {status}." if status else None


class OwnGroup:
    """A context manager: Kafka and workers on this machine, led by a process of `deploy.local.group`.

    `settings` are those of whoever joins in. Nothing of it is left on exit, nor when this process is killed.
    """

    def __init__(
        self, workers: int, model: str, store: str, versions: tuple[str, str], more: Mapping[str, Any]
    ) -> None:
        if not _PROJECT.joinpath(*_LEADER.split(".")).with_suffix(".py").exists():
            raise BadUse("--local needs a checkout of the project: its deploy/local starts Kafka and the workers")
        self._command = [sys.executable, "-m", _LEADER, f"--workers={workers}", f"--model={model}"]
        self._command += [f"--model-store={store}", "--versions", *versions]
        self._command += [f"--setting={name}={value}" for name, value in more.items()]
        self.settings: dict[str, str] = {}
        self.steps: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._complaints = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            self._command,
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            # Ctrl-C reaches this process only, which then ends the other.
            process_group=0,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, name="group", daemon=True)
        self._listener.start()
        try:
            started = self._answer(_START_SECONDS)
        except BaseException:
            self._end()
            raise
        self.settings, self.steps = started["settings"], tuple(started["workers"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def restart(self, step: str) -> str | None:
        """See `Group.restart`: SIGTERM, then a new process that has joined the group."""
        stdin = self._process.stdin
        with suppress(BrokenPipeError):
            if stdin is not None:
                stdin.write(f"restart {step}\n")
                stdin.flush()
        status = self._answer(_RESTART_SECONDS)["status"]
        return f"{step} ended with status {status} when it was told to stop." if status else None

    def _listen(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put("")

    def _answer(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise StopWorker(f"the local group did not answer within {seconds:.0f} s") from None
        if not line:
            self._complaints.seek(0)
            raise StopWorker(f"the local group ended: {self._complaints.read().strip() or 'it did not say why'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise StopWorker(f"the local group failed: {answer['error']}")
        return answer

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_END_SECONDS)
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            with suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()
