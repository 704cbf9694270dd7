"""The wheel in an environment of its own, used from a directory that has packages with the same names."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.local.processes import free_ports
from tests.kafka.waiting import eventually
from tests.test_package import ROOT, VERSION

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
OURS = ("models", "worker", "trainer", "deploy")
LIMIT_SECONDS = 120.0
CHECK_SECONDS = 400.0
# Nobody listens there.
DEAD = "127.0.0.1:9"


@dataclass(frozen=True)
class Installed:
    """The command in its environment, and where a user stands."""

    wheel: Path
    command: Path
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        """The tests' own, without what would lead to the checkout."""
        return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(self, *arguments: str, limit_seconds: float = LIMIT_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Run the command to its end."""
        return subprocess.run(
            [self.command, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=limit_seconds,
            check=False,
        )

    @contextmanager
    def started(self, log: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The command as a process; its output goes to `log`."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.command, *arguments], cwd=self.directory, env=self.environment, stdout=output, stderr=output
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built and installed without downloads: what it depends on is that of the environment of the tests."""
    top = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", top, _copy_of_sources(top / "sources")]
    subprocess.run([*pip, *build], check=True)
    [wheel] = top.glob("*.whl")
    environment = top / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    [packages] = environment.glob("lib/python*/site-packages")
    # Behind its own packages, and without the finder by which a checkout is installed there.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    directory = top / "project of a user"
    for name in OURS:
        (directory / name).mkdir(parents=True)
        (directory / name / "__init__.py").write_text("raise SystemExit('a package of the user')", encoding="utf-8")
    return Installed(wheel, environment / "bin" / "kafka-sentiment", directory)


def _copy_of_sources(directory: Path) -> Path:
    """Those that a wheel is made of; building leaves files beside them."""
    directory.mkdir()
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, directory)
    for name in OURS:
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


def test_the_wheel_has_the_data_and_no_tests(installed: Installed) -> None:
    names = {*ZipFile(installed.wheel).namelist()}
    data = {"models/stop_words_en.txt", "models/store/reviews/labels.json", "trainer/reports/report.html"}
    data |= {"worker/commands/asyncapi/asyncapi.json", "deploy/local/kafka_jars.txt", "deploy/local/log4j2.properties"}
    data |= {"deploy/local/watchdog.py", "deploy/local/demo/sample_reviews.tsv.gz"}
    assert data <= names
    assert not {name for name in names if name.startswith(("tests/", "worker/docs/", "deploy/grafana/"))}


def test_it_tells_its_version(installed: Installed) -> None:
    done = installed.run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"kafka-sentiment {VERSION}\n", "")


def test_its_help_lists_the_commands_of_all_packages(installed: Installed) -> None:
    done = installed.run("--help")
    assert done.stdout.startswith("usage: kafka-sentiment [-h] ")
    assert {"run", "doctor", "send", "models", "train"} <= {line.split()[0] for line in done.stdout.split("\n") if line}


def test_shells_complete_the_commands_of_all_packages(installed: Installed) -> None:
    script = installed.run("completion", "bash").stdout
    reported = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p"], capture_output=True, text=True, check=True
    ).stdout
    assert reported.rstrip().endswith(" kafka-sentiment")
    for name, own in {"models": "score", "train": "fit", "dead_letters": "replay"}.items():
        [line] = [each for each in script.splitlines() if f"_{name}_subparsers=" in each]
        assert own in line


def test_it_lists_and_uses_the_models_that_come_along(installed: Installed) -> None:
    listed = [json.loads(line) for line in installed.run("models", "list", "--json").stdout.splitlines()]
    assert listed
    done = installed.run("models", "score", "--json", "good film")
    assert json.loads(done.stdout)["sentiment"] == "positive"


@pytest.mark.parametrize("arguments", [["nothing-like-it"], ["models", "show", "nothing-like-it"]])
def test_what_cannot_be_done_is_said_in_one_sentence(installed: Installed, arguments: list[str]) -> None:
    done = installed.run(*arguments)
    assert done.returncode == (2 if len(arguments) == 1 else 1)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def _metrics(port: int) -> str:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
        return str(answer.read().decode())
    return ""


def test_a_worker_without_kafka_tells_its_version_and_ends_cleanly(installed: Installed, tmp_path: Path) -> None:
    [port], log = free_ports(1), tmp_path / "log"
    with installed.started(log, "run", f"--kafka-bootstrap-servers={DEAD}", f"--http-port={port}") as worker:
        line = f'sentiment_build_info{{version="{VERSION}"}} 1.0'
        eventually(lambda: line in _metrics(port), LIMIT_SECONDS, log.read_text)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(LIMIT_SECONDS) == 0, log.read_text()
    assert json.loads(log.read_text().splitlines()[0])["version"] == VERSION


def test_a_group_of_its_own_is_checked_from_there(installed: Installed) -> None:
    flags = ["--no-update", "--no-restarts", "--seconds=3", "--rate=50", "--max-p99=30", "--max-pause=30", "--json"]
    done = installed.run("rolling-check", "--local", *flags, limit_seconds=CHECK_SECONDS)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"]
