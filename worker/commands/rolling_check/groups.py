"""The group that a check is made of: one that runs already, or one of its own, and how its workers are restarted."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import entry_points
from typing import Protocol

from models.errors import how_to_install
from worker.errors import BadUse
from worker.settings.settings import Settings

_COMMAND_SECONDS = 900.0


# The group of entry points (pyproject.toml) that has what starts Kafka and workers of its own.
LOCAL_GROUPS = "kafka_sentiment.local_group"


class Group(Protocol):
    """Workers, and the steps in which all of them are restarted."""

    @property
    def steps(self) -> Sequence[str]:
        """What is restarted, one after the other; empty when nothing is."""

    def restart(self, step: str) -> str | None:
        """Restart this, until it is ready again; a sentence when that did not go as it should. Raises StopWorker."""


def local_group() -> Callable[[argparse.Namespace, ExitStack], tuple[Settings, Group]]:
    """What starts a group of its own for the flags given, found by its entry point. Raises BadUse without one."""
    try:
        [found] = entry_points(group=LOCAL_GROUPS)
        start: Callable[[argparse.Namespace, ExitStack], tuple[Settings, Group]] = found.load()
    except (ImportError, ValueError):
        raise BadUse(f"--local starts a Kafka of its own, which is not installed: {how_to_install('local')}") from None
    return start


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
