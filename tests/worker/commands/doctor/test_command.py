"""The command as people type it."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.processes import free_ports
from deploy.local.redis import LocalRedis
from tests.versions import BREAKS, add_version
from tests.worker.commands.command_line import LIMIT_SECONDS, PROJECT, Commands
from worker.__main__ import main


def doctor(*flags: str) -> tuple[int, Any]:
    """Exit status and answer for programs."""
    command = [sys.executable, "-m", "worker", "doctor", "--json", *flags]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=LIMIT_SECONDS, check=False)
    assert ended.stderr == b""
    return ended.returncode, json.loads(ended.stdout)


def test_it_is_ready_beside_all_that_it_needs(kafka: LocalKafka, redis: LocalRedis) -> None:
    commands = Commands(kafka, "kafka-python", redis.url)
    [port] = free_ports(1)
    out = commands("doctor", "--http-port", str(port), "--rate", "10", "--model-name", "imdb")
    assert out.splitlines()[-1].startswith("Ready: ")
    assert "fails" not in out


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    BREAKS["truncated"](tmp_path / "imdb" / str(add_version(tmp_path)))
    (tmp_path / "url").write_text("redis://:secret@127.0.0.1:9/0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        flags = {"http-host": "127.0.0.1", "http-port": port, "kafka-bootstrap-servers": "127.0.0.1:9"}
        flags |= {"model-store": str(tmp_path), "model-name": "imdb", "redis-url-file": str(tmp_path / "url")}
        status, answer = doctor(*(f"--{flag}={value}" for flag, value in flags.items()))
    failed = [each["subject"] for each in answer["findings"] if each["mark"] == "fails"]
    assert (status, answer["passed"]) == (1, False)
    assert failed == [f"port {port}", "Kafka address", "model", "Redis"]
    assert "secret" not in str(answer)


@pytest.mark.parametrize("arguments", [["--delivery", "twice"], ["--kafka-session-timeout-seconds", "0"]])
def test_settings_that_cannot_be_are_bad_use(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["doctor", *arguments]) == 2
    assert capsys.readouterr().err.startswith(
        f"error: SENTIMENT_{arguments[0].removeprefix('--').replace('-', '_').upper()}="
    )


@pytest.mark.parametrize("rate", ["0", "-1", "many", "inf"])
def test_a_rate_that_cannot_be_is_bad_use(capsys: pytest.CaptureFixture[str], rate: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", f"--rate={rate}"])
    assert ended.value.code == 2
    assert "is no number of reviews a second" in capsys.readouterr().err
