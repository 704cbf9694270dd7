"""Child processes that never outlive this one, the temporary directory they work in, and waiting for them."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from models.installation import PROJECT, is_checkout

WATCHDOG = Path(__file__).with_name("watchdog.py")
# Below the ports that systems hand out to clients (32768 up on Linux, 49152 up on macOS): a client that keeps
# knocking at a stopped server's port could otherwise be given that very port and end up connected to itself.
PORTS = range(20_000, 32_000)
POLL_SECONDS = 0.02
LOG_TAIL_LINES = 25


class LocalServiceError(Exception):
    """A local service did not start or answer; the message says which, and what it wrote last."""


def module_command(name: str) -> list[str]:
    """What runs a module of this project, never one of the same name in the directory where somebody stands."""
    return [sys.executable, "-P", "-m", name]


def module_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with which `module_command` finds the modules of a checkout; installed ones are found anyway."""
    if not is_checkout():
        return dict(environment)
    path = filter(None, (str(PROJECT), environment.get("PYTHONPATH")))
    return {**environment, "PYTHONPATH": os.pathsep.join(path)}


class OwnedProcesses:
    """Child processes in one group with one temporary directory; both are gone when this process is.

    `close` ends them; a watchdog does where this process has no chance to (SIGKILL, a crash). The children are in
    a process group of their own, so Ctrl-C in a terminal reaches only this process, which then decides.
    """

    def __init__(self, name: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"kafka-sentiment-{name}-"))
        self._children: list[subprocess.Popen[bytes]] = []
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WATCHDOG), str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    def log_path(self, name: str) -> Path:
        """Where the child of that name writes its standard output and error."""
        return self.directory / f"{name}.log"

    def log_tail(self, name: str) -> str:
        """The last lines of that child's log, for error messages."""
        with contextlib.suppress(OSError):
            lines = self.log_path(name).read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(lines[-LOG_TAIL_LINES:])
        return ""

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a child whose output is appended to its log; it inherits environment and directory if not given."""
        with self.log_path(name).open("ab") as log:
            child = subprocess.Popen(
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=self._watchdog.pid,
            )
        self._children.append(child)
        return child

    def end(self, child: subprocess.Popen[bytes], signal_number: int, deadline_seconds: float) -> int:
        """Send a signal and wait for the child to end, with SIGKILL past the deadline; returns its exit status."""
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal_number)
        return self.wait(child, deadline_seconds)

    def wait(self, child: subprocess.Popen[bytes], deadline_seconds: float) -> int:
        """Wait for a child to end by itself, with SIGKILL past the deadline; returns its exit status."""
        try:
            return child.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()
        finally:
            if child in self._children:
                self._children.remove(child)

    def close(self) -> None:
        """Kill what still runs and remove the directory; calling it again does nothing."""
        for child in list(self._children):
            self.end(child, signal.SIGKILL, deadline_seconds=10)
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._watchdog.poll() is None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait()


def free_ports(count: int) -> list[int]:
    """`count` different ports of 127.0.0.1 on which nothing listens."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            break
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    if len(found) < count:
        raise LocalServiceError(f"There are no {count} free ports on 127.0.0.1.")
    return found


def listens(port: int) -> bool:
    """Whether something accepts connections on that port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool], deadline_seconds: float, otherwise: Callable[[], str]) -> None:
    """Poll a condition until it holds.

    Raises LocalServiceError with the sentence of `otherwise` when it does not hold within `deadline_seconds`.
    """
    deadline = time.monotonic() + deadline_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LocalServiceError(otherwise())
        time.sleep(POLL_SECONDS)
