import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.commands.group.workers import Group, TestWorker, started_workers
from worker.__main__ import main
from worker.kafka.types import Partition

PROJECT = Path(__file__).parents[4]
NOBODY = "127.0.0.1:9"
LIMIT_SECONDS = 30.0


@pytest.fixture
def start() -> Iterator[Group]:
    with started_workers() as start:
        yield start


def top(*workers: TestWorker | str, arguments: tuple[str, ...] = ()) -> int:
    addresses = ",".join(each if isinstance(each, str) else each.address for each in workers)
    return main(["top", "--workers", addresses, "--once", "--over", "50ms", *arguments])


def command(worker: TestWorker, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "worker", "top", "--workers", worker.address, "--every", "50ms", *arguments]


def read_until(number: int, enough: Callable[[str], bool]) -> None:
    """Read what a terminal shows until that is enough: whoever writes to it waits for its reader."""
    shown, until = "", time.monotonic() + LIMIT_SECONDS
    while not enough(shown):
        assert time.monotonic() < until, shown
        if select.select([number], [], [], 0.1)[0]:
            shown += os.read(number, 65_536).decode(errors="replace")


def test_once_shows_the_group_and_ends(start: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert top(start(), start(), NOBODY) == 0
    reported = capsys.readouterr().out
    assert "2 workers, all on reviews 4; 1 more cannot be reached" in reported
    assert "no answer: connection refused" in reported


def test_nobody_answering_once_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert top(NOBODY) == 1
    assert "no worker answers" in capsys.readouterr().out


def test_json_is_one_object_for_a_program(start: Group, capsys: pytest.CaptureFixture[str]) -> None:
    worker = start(partitions=3)
    worker.metrics.lags({Partition("reviews", 1): 1_234}, {Partition("reviews", 1): 60.0})
    assert top(worker, arguments=("--json", "--drain-within", "10m")) == 0
    [line] = capsys.readouterr().out.splitlines()
    reported: dict[str, Any] = json.loads(line)
    assert (reported["lag"], reported["lag_seconds"], reported["drain_within_seconds"]) == (1_234, 60.0, 600.0)
    assert [each["partition"] for each in reported["partitions"]] == [1, 0, 2]
    assert reported["workers"][0]["cores"] >= 0


def test_more_rows_can_be_asked_for(start: Group, capsys: pytest.CaptureFixture[str]) -> None:
    worker = start(partitions=25)
    worker.metrics.lags({Partition("reviews", number): 10 for number in range(25)}, {})
    top(worker)
    assert "5 more partitions less behind." in capsys.readouterr().out
    top(worker, arguments=("--rows", "25"))
    assert "less behind" not in capsys.readouterr().out


def test_it_goes_on_until_ctrl_c(start: Group) -> None:
    with subprocess.Popen(command(start(), "--json"), cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        observations = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_SECONDS) == 0
    assert [observation["records_per_second"] for observation in observations] == [None, 0.0, 0.0]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda terminal, _: os.write(terminal, b"q"), 0),
        (lambda _, process: process.send_signal(signal.SIGINT), 0),
        (lambda _, process: process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
    ],
)
def test_a_terminal_shows_it_until_told_to_end_and_is_left_as_it_was(start: Group, end: Any, status: int) -> None:
    controlling, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    environment = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(command(start()), cwd=PROJECT, env=environment, stdin=terminal, stdout=terminal) as process:
        try:
            read_until(controlling, lambda shown: "it takes" in shown)
            end(controlling, process)
            read_until(controlling, lambda _: process.poll() is not None)
        finally:
            process.kill()
    assert process.returncode == status
    assert termios.tcgetattr(terminal) == before
    os.close(controlling)
    os.close(terminal)


@pytest.mark.parametrize(
    "arguments",
    [["--workers", ","], ["--every", "soon"], ["--over", "2h"], ["--headroom", "1"], ["--headroom", "x"],
     ["--drain-within", "0s"], ["--rows", "0"]],
)  # fmt: skip
def test_bad_use_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["top", *arguments])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    assert "Traceback" not in capsys.readouterr().err
