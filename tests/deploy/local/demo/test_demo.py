import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.processes import wait_until
from tests.kafka.topics import topic_names

DEMO = [sys.executable, "-m", "deploy.local.demo"]


def run_demo(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(directory)}
    command = [*DEMO, "--reviews", "300", "--rate", "100", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)


@pytest.mark.kafka
def test_every_review_comes_out_once_though_a_worker_is_killed(tmp_path: Path) -> None:
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert {key: verdict[key] for key in ("sent", "sentiments", "lost", "duplicated")} == {
        "sent": 300,
        "sentiments": 300,
        "lost": 0,
        "duplicated": 0,
    }
    assert verdict["f1"] > 0.75
    assert verdict["p99_seconds"] >= verdict["p50_seconds"] > 0
    assert "killed with SIGKILL" in done.stderr
    assert not [*tmp_path.iterdir()]


def test_a_kafka_that_it_borrows_is_left_as_it_was(kafka: LocalKafka, tmp_path: Path) -> None:
    before = topic_names(kafka)
    done = run_demo(tmp_path, "--kafka", kafka.bootstrap_servers)
    assert done.returncode == 0, done.stderr
    assert topic_names(kafka) - before <= {"__consumer_offsets", "__transaction_state"}


def test_a_kafka_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "--kafka", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with log.open("w") as output, subprocess.Popen(DEMO, env=environment, stderr=output) as demo:
        wait_until(lambda: "Starting 2 workers" in log.read_text(), 60, log.read_text)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.slow
def test_what_it_says_to_try_while_it_stays_up_works(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [*DEMO, "--reviews", "200", "--rate", "100", "--keep"]
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as demo:
        try:
            wait_until(lambda: "to try updates with" in log.read_text(), 120, log.read_text)
            reported = log.read_text()
            own = dict(re.findall(r"export (SENTIMENT_\w+)=(\S+)", reported))
            for suggested in (
                'worker send ".*',
                "models label .*canary .*",
                r"worker status .*:\d+",
                "models history .*",
            ):
                [line] = re.findall(rf"python -m ({suggested})", reported)
                words, settings = [sys.executable, "-m", *shlex.split(line)], environment | own
                subprocess.run(words, env=settings, capture_output=True, check=True, timeout=60)
            assert (Path(own["SENTIMENT_MODEL_STORE"]).parent / "worker-1.log").is_file()
        finally:
            demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
