import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.worker.commands.group.workers import Group, TestWorker, started_workers
from worker.__main__ import main
from worker.commands.common.formatting import ranges
from worker.commands.group.scrape import Unreachable, parse_address, scrape_all
from worker.commands.group.state import State, state_of
from worker.commands.status.tables import picture
from worker.kafka.types import Partition

PROJECT = Path(__file__).parents[4]
NOBODY = "127.0.0.1:9"


@pytest.fixture
def start() -> Iterator[Group]:
    with started_workers() as start:
        yield start


def status(*workers: TestWorker | str, arguments: Sequence[str] = ()) -> int:
    addresses = ",".join(each if isinstance(each, str) else each.address for each in workers)
    return main(["status", "--workers", addresses, "--interval", "50ms", *arguments])


def reported_as_json(capsys: pytest.CaptureFixture[str], *workers: TestWorker | str) -> tuple[int, dict[str, Any]]:
    code = status(*workers, arguments=["--json"])
    return code, json.loads(capsys.readouterr().out)


def shown(*states: State, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(picture(states, now=1_180.0))
    return out.getvalue().splitlines()


def state(worker: TestWorker) -> State:
    return state_of(scrape_all([parse_address(worker.address)], limit_seconds=5)[0])


def test_a_group_on_one_version_is_well(start: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(start(), start()) == 0
    assert "2 workers, all on reviews 4." in capsys.readouterr().out


def test_mixed_versions_are_not(start: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(start(4), start(3)) == 1
    assert "mixed versions: reviews 4 on 1 worker, reviews 3 on 1 worker." in capsys.readouterr().out


@pytest.mark.parametrize(("version", "expected"), [("4", 0), ("3", 1), ("5", 1)])
def test_a_change_is_awaited_by_its_version(
    start: Group, capsys: pytest.CaptureFixture[str], version: str, expected: int
) -> None:
    assert status(start(4), start(4), arguments=["--version", version, "--json"]) == expected
    assert json.loads(capsys.readouterr().out)["agree"] == (expected == 0)
    assert status(start(4), arguments=["--version", version]) == expected


def test_a_group_that_refuses_its_new_version_is_not_well(start: Group) -> None:
    worker = start(4)
    worker.metrics.model_refused.labels("reviews", 5, "stable").set(1)
    assert status(worker) == status(worker, arguments=["--version", "5"]) == 1


def test_a_worker_that_cannot_be_reached_has_a_row(start: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(start(), NOBODY) == 1
    assert f"{NOBODY} unreachable: connection refused" in " ".join(capsys.readouterr().out.split())


def test_json_has_all_that_the_tables_have(start: Group, capsys: pytest.CaptureFixture[str]) -> None:
    worker = start(partitions=2)
    worker.produce(4, positive=3, negative=1)
    code, reported = reported_as_json(capsys, worker, NOBODY)
    first, second = reported["workers"]
    assert (code, reported["agree"], second["reachable"]) == (1, False, False)
    assert first["lags"] == {"0": 0, "1": 0}
    assert first["records_per_second"] == 0
    version = {"model": "reviews", "version": 4, "label": "stable", "engine": "numpy"}
    counts = {"since": "1970-01-01T00:16:40+00:00", "sentiments": {"positive": 3, "negative": 1}, "share": None}
    assert first["versions"] == [version | counts]


def test_the_tables_say_who_runs_what_since_when(start: Group) -> None:
    worker = start(partitions=4)
    worker.metrics.lags({Partition("reviews", 2): 1_234}, {})
    worker.produce(4, positive=1_000, negative=7)
    text = "\n".join(shown(state(worker)))
    for expected in ("ready", "0-3", "1,234", "reviews 4", "stable", "3 min ago", "1,000", "positive"):
        assert expected in text


@pytest.mark.parametrize(
    ("gauge", "reported"),
    [
        ("kafka_up", "Kafka does not answer"),
        ("model_store_up", "the labels in the model store cannot be followed"),
    ],
)
def test_a_ready_worker_that_lacks_something_says_so(
    start: Group, capsys: pytest.CaptureFixture[str], gauge: str, reported: str
) -> None:
    worker = start()
    getattr(worker.metrics, gauge).set(0)
    assert f"ready, but {reported} " in " ".join(" ".join(shown(state(worker), width=160)).split())
    assert status(worker) == 1
    assert f"on reviews 4; {reported} (1 worker)." in " ".join(capsys.readouterr().out.split())


def test_what_is_wrong_with_a_worker_is_told(start: Group) -> None:
    worker = start(version=None, partitions=0)
    worker.metrics.model_refused.labels("reviews", 5, "stable").set(1)
    text = " ".join(" ".join(shown(state(worker), width=160)).split())
    assert "not ready: the model is not loaded, the consumer group is not joined" in text
    assert "reviews 5 stable refused" in text


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_a_terminal(start: Group, width: int) -> None:
    worker = start(partitions=12)
    worker.serve(5, label="canary")
    for version in (3, 4, 5):
        worker.produce(version, positive=1_000_000, negative=1_000_000)
    lines = shown(state(worker), Unreachable("kafka-sentiment-0.internal:8000", "no answer within 2 s"), width=width)
    assert all(len(line) <= width for line in lines)
    assert not any("\N{HORIZONTAL ELLIPSIS}" in line for line in lines)


def test_markup_and_control_characters_in_metrics_are_shown_as_they_are(start: Group) -> None:
    worker = start(version=None)
    worker.serve(4, model="[red]\x1b[2J")
    text = "\n".join(shown(state(worker), width=120))
    assert "[red]" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([3], "3"), ([0, 1, 2], "0-2"), ([7, 0, 1, 4, 3], "0-1, 3-4, 7")]
)
def test_partitions_are_told_as_ranges(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text


@pytest.mark.parametrize(
    "arguments",
    [["--workers", "a:b"], ["--workers", ","], ["--interval", "soon"], ["--time-limit", "2h"], ["--version", "x"]],
)
def test_bad_use_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["status", *arguments])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_watching_goes_on_until_ctrl_c(start: Group) -> None:
    command = [sys.executable, "-m", "worker", "status", "--watch", "--json", "--interval", "50ms"]
    with subprocess.Popen(
        [*command, "--workers", start().address], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert all(look["agree"] for look in looks)
