import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.processes import listens, wait_until
from deploy.local.rolling_check import publish_copy
from models.artifact import check_files, read_manifest
from models.registry.registry import PACKAGED_STORE, Registry

GROUP = [sys.executable, "-m", "deploy.local.rolling_check", "--workers", "1", "--model", "imdb"]
STORE = ["--model-store", str(PACKAGED_STORE)]
END_SECONDS = 30


class Led:
    """A group that is led as its users lead it: lines in, JSON lines out."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        environment = os.environ | {"TMPDIR": str(directory)}
        self.process = subprocess.Popen(
            [*GROUP, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def answer(self, line: str = "") -> dict[str, object]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()
        answer: dict[str, object] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture
def led(tmp_path: Path) -> Iterator[Led]:
    led = Led(tmp_path, *STORE, "--versions", "stable", "1", "--setting", "SENTIMENT_MAX_BATCH_RECORDS=7")
    with led.process:
        yield led
        led.process.kill()


def settings(of: dict[str, object]) -> dict[str, str]:
    found = of["settings"]
    assert isinstance(found, dict)
    return found


def test_a_copy_is_a_version_of_its_own_that_holds(tmp_path: Path) -> None:
    for _ in range(2):
        publish_copy(PACKAGED_STORE / "imdb" / "1", tmp_path / "store", "imdb")
    second = Registry(tmp_path / "store").resolve("imdb@2")
    assert read_manifest(second.path).version == 2
    check_files(second.path, read_manifest(second.path))
    assert Registry(tmp_path / "store").labels("imdb") == {"stable": 1}


@pytest.mark.kafka
def test_it_says_where_it_is_restarts_a_worker_and_ends_with_its_input(led: Led, tmp_path: Path) -> None:
    started = led.answer()
    assert started["workers"] == ["worker-1"]
    assert Registry(settings(started)["SENTIMENT_MODEL_STORE"]).versions("imdb") == [1, 2]
    port = int(settings(started)["SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[2])
    assert listens(port)
    assert led.answer("restart worker-1\n") == {"restarted": "worker-1", "status": 0}
    assert "There is nothing like 'dance'" in str(led.answer("dance\n")["error"])
    [log] = tmp_path.glob("*group*/worker-1.log")
    assert log.read_text().count('"max_batch_records": 7') == 2
    led.process.communicate(timeout=END_SECONDS)
    assert led.process.returncode == 0
    wait_until(lambda: not listens(port) and not [*tmp_path.iterdir()], END_SECONDS, lambda: "something is left")


def test_a_version_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    led = Led(tmp_path, *STORE, "--versions", "1", "9")
    out, err = led.process.communicate(timeout=END_SECONDS)
    assert (led.process.returncode, out) == (1, "")
    assert err == "The model 'imdb' has no version or label '9'; it has: 1, stable.\n"
