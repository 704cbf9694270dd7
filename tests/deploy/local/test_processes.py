import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.processes import OwnedProcesses, free_ports, listens, wait_until

SERVICES = {"kafka": ["deploy.local.kafka"], "redis": ["deploy.local.redis"]}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A person's `python -m deploy.local....`, running, with a temporary directory of its own."""
    command = [sys.executable, "-m", *SERVICES[request.param]]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "answers on" in process.stdout.readline()
        yield process
        process.kill()


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_service_however_it_ends(
    service: subprocess.Popen[str], number: signal.Signals, tmp_path: Path
) -> None:
    children = psutil.Process(service.pid).children(recursive=True)
    assert len(children) == 2
    service.send_signal(number)
    assert service.wait(20) == (-number if number == signal.SIGKILL else 0)
    wait_until(lambda: all(map(ended, children)), 10, lambda: f"Still running: {children}")
    wait_until(lambda: not [*tmp_path.iterdir()], 10, lambda: f"Left behind: {[*tmp_path.iterdir()]}")


def test_a_child_that_stands_still_is_ended_too() -> None:
    processes = OwnedProcesses("test")
    child = processes.start("child", [sys.executable, "-c", "import signal; signal.pause()"])
    child.send_signal(signal.SIGSTOP)
    processes.close()
    assert child.returncode == -signal.SIGKILL
    assert not processes.directory.exists()


def test_a_log_holds_what_a_child_wrote() -> None:
    processes = OwnedProcesses("test")
    child = processes.start("child", [sys.executable, "-c", "raise SystemExit('an error')"])
    assert processes.wait(child, 20) == 1
    assert processes.log_tail("child") == "an error"
    processes.close()


def test_free_ports_are_different_and_below_those_that_clients_are_given() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert max(ports) < 32_768
    assert not any(map(listens, ports))
