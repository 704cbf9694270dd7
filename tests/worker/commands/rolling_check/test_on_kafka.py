"""`python -m worker rolling-check` as people type it: with a group of its own, and against one that runs."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.processes import free_ports, wait_until
from deploy.local.rolling_check import publish_copy
from models.registry.registry import PACKAGED_STORE, Registry
from tests.kafka.stream import Stream
from tests.kafka.workers import Worker
from worker.__main__ import main

PROJECT = Path(__file__).parents[4]
CHECK = [sys.executable, "-m", "worker", "rolling-check"]
LIMIT_SECONDS = 150
# What a busy machine of two cores keeps: a pause as long as a session (10 s) or an unanswered transaction is too long.
PATIENT = ("--max-pause", "8", "--max-swap-pause", "3", "--max-p99", "3")


def start(directory: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The command, with what it writes on disk below `directory`."""
    environment = os.environ | {"TMPDIR": str(directory)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*CHECK, *arguments], cwd=PROJECT, env=environment, text=True, **pipes)


def outcome(directory: Path, *arguments: str) -> tuple[int, str, str]:
    with start(directory, *arguments) as process:
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    return process.returncode, out, err


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with two versions of one model, the first stable."""
    for _ in range(2):
        publish_copy(PACKAGED_STORE / "imdb" / "1", tmp_path / "store", "imdb")
    return tmp_path / "store"


@pytest.fixture
def stream(kafka: LocalKafka) -> Iterator[Stream]:
    with Stream(kafka, "kafka-python", model_name="imdb") as stream:
        yield stream


def against(stream: Stream, store: Path) -> list[str]:
    """The flags that name a running stream and a store."""
    topics = [f"--input-topic={stream.input}", f"--output-topic={stream.output}"]
    topics += [
        f"--dead-letter-topic={stream.dead_letters}",
        f"--model-store={store}",
        "--model-name=imdb",
        "--log-level=warning",
    ]
    return [f"--kafka-bootstrap-servers={stream.kafka.bootstrap_servers}", *topics]


@pytest.mark.kafka
def test_an_update_and_restarts_of_a_group_of_its_own(tmp_path: Path) -> None:
    flags = [
        "--local",
        "--model-name=imdb",
        "--rate=100",
        "--seconds=4",
        "--model-poll-seconds=0.5",
        "--json",
        *PATIENT,
    ]
    status, out, err = outcome(tmp_path, *flags)
    assert status == 0, out + err
    reported = [json.loads(line) for line in err.splitlines()]
    assert {line["event"] for line in reported} <= {"starting Kafka and workers", "checking"}
    report = json.loads(out)
    assert [phase["name"] for phase in report["phases"]] == ["warm-up", "before", "update", "restarts", "after"]
    assert all(phase["sent"] == phase["answered"] >= 250 for phase in report["phases"])
    assert [each["version"] for each in report["versions"]] == [1, 2]
    events = [each["event"] for each in report["events"]]
    assert events[:2] == ["label stable: 1 to 2", "version 2 everywhere"]
    assert events[2:] == ["restart worker-1", "restart worker-2", "all restarted"]
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
@pytest.mark.kafka
def test_ctrl_c_ends_all_that_it_started_and_says_what_is_unfinished(tmp_path: Path) -> None:
    with start(tmp_path, "--local", "--model-name=imdb", "--workers=1") as process:
        stored = "*kafka*/broker-1/sentiments-*/00000000000000000000.log"
        wait_until(lambda: any(file.stat().st_size for file in tmp_path.glob(stored)), 60, lambda: "nothing was scored")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 130
    assert re.search(
        r"(?m)^Interrupted in the phase '.+': [0-9,]+ reviews sent, [0-9,]+ of them without a sentiment yet", err
    )
    assert not [*tmp_path.iterdir()]


def test_an_update_that_the_workers_do_not_hear_of_fails(stream: Stream, store: Path, tmp_path: Path) -> None:
    stream.ready_workers(1)  # with a store of its own, where nothing changes
    flags = ["--to=2", "--rate=50", "--seconds=1", "--update-limit=2", "--json", *PATIENT]
    status, out, err = outcome(tmp_path, *against(stream, store), *flags)
    assert (status, err) == (1, "")
    report = json.loads(out)
    [reason] = report["problems"]
    assert reason.startswith("Version 2 did not score every key within 2 s of the label's change: 0 of 12 keys did.")
    assert report["notes"] == ["Label stable of imdb stands at version 1 again."]
    assert [phase["lost"] + phase["duplicated"] + phase["reordered"] for phase in report["phases"]] == [0] * 4
    assert Registry(store).labels("imdb") == {"stable": 1}


def test_a_running_group_is_restarted_by_a_command_and_told_by_a_picture(
    stream: Stream, store: Path, tmp_path: Path
) -> None:
    stream.ready_workers(1)
    flags = ["--no-update", "--rate=50", "--seconds=1", "--restart-command=echo again && exit 3", *PATIENT]
    status, out, err = outcome(tmp_path, *against(stream, store), *flags, f"--picture={tmp_path / 'p.png'}")
    assert (status, err) == (1, "again\n")
    assert out.splitlines()[-2] == "The restart command ended with status 3."
    assert (tmp_path / "p.png").stat().st_size > 10_000


def restart(worker: Worker, port: int) -> str:
    """A shell command: SIGTERM, until the process is gone, and until the one that its supervisor starts is ready."""
    ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/readyz', timeout=2)"
    gone = f"while kill -0 {worker.process_id}; do sleep 0.1; done"
    ready = f"until {shlex.join([sys.executable, '-c', ask])}; do sleep 0.2; done"
    return f"kill -TERM {worker.process_id} && {{ {gone}; {ready}; }} 2>&-"


def test_a_running_group_takes_an_update_and_real_restarts_and_is_left_as_it_was(
    stream: Stream, store: Path, tmp_path: Path
) -> None:
    ports = free_ports(2)
    reported = {"model_store": str(store), "model_poll_seconds": "0.5"}
    workers = [stream.worker(supervised=True, http_port=str(port), **reported) for port in ports]
    for worker in workers:
        worker.wait_until_ready()
    command = " && ".join(map(restart, workers, ports))
    flags = ["--to=2", "--back", "--rate=50", "--seconds=2", f"--restart-command={command}", "--json", *PATIENT]
    status, out, err = outcome(tmp_path, *against(stream, store), *flags)
    assert (status, err) == (0, ""), out + err
    report = json.loads(out)
    assert [phase["name"] for phase in report["phases"]] == ["warm-up", "before", "update", "restarts", "after"]
    assert [each["version"] for each in report["versions"]] == [1, 2]
    assert [worker.starts for worker in workers] == [2, 2]
    assert Registry(store).labels("imdb") == {"stable": 1}


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], "say what to do: --to V updates"),
        (["--to=2", "--no-update"], "say what to do: --to V updates"),
        (["--local", "--no-update", "--to=2"], "give --to V or --no-update, not both"),
        (["--local", "--input-topic=reviews"], "--local starts a group of its own"),
        (["--no-update", "--from=1"], "--from and --no-restarts are for --local"),
        (["--local", "--picture=p.jpg"], "--picture: p.jpg ends neither in .png nor in .svg"),
    ],
)
def test_what_is_not_clear_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], flags: list[str], reason: str
) -> None:
    assert main(["rolling-check", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {reason}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("value", ["0", "-1", "inf", "x"])
def test_numbers_are_above_zero(capsys: pytest.CaptureFixture[str], value: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["rolling-check", "--local", f"--rate={value}"])
    assert f"'{value}' is no number above zero" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "expected", "reason"),
    [
        (["--to=2"], 2, "--to: label stable of reviews stands at version 2 already"),
        (["--to=9"], 1, "The model 'reviews' has no version or label '9'; it has: 2, stable."),
        (
            ["--no-update", "--kafka-bootstrap-servers=127.0.0.1:1", "--kafka-deadline-seconds=0.5"],
            1,
            "no Kafka server",
        ),
        (["--local", "--to=9"], 1, "the local group ended: The model 'reviews' has no version or label '9'"),
    ],
)
def test_what_cannot_be_done_fails_with_one_sentence(
    tmp_path: Path, flags: list[str], expected: int, reason: str
) -> None:
    status, out, err = outcome(tmp_path, *flags)
    assert (status, out) == (expected, "")
    assert err.startswith(f"error: {reason}")
    assert err.count("\n") == 1
