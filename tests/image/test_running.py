"""The worker in its image, shut in as by a strict engine: process 1, no root, no capability, a read-only root."""

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.processes import free_ports
from tests.image.__main__ import score
from tests.image.conftest import Built
from tests.image.container import Process
from tests.kafka.topics import committed, unique
from tests.kafka.waiting import eventually
from tests.versions import NAME, add_version

# One process builds the image, and its first test waits for that.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image"), pytest.mark.timeout(900)]
READY_SECONDS = 90.0
DONE_SECONDS = 30.0
DRAIN_SECONDS = 15.0
IMPORT_ALL = """
import ast, importlib, pathlib, pkgutil, models, worker
for package in (models, worker):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
names = set()
for path in pathlib.Path("/app").rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
# `rolling-check --picture` says itself that it needs Matplotlib.
for name in names:
    if not name.startswith("matplotlib"):
        importlib.import_module(name)
print(len(names))
"""


class Serving:
    """A worker in a container, on topics of its own."""

    def __init__(self, worker: Built, kafka: LocalKafka, log: Path) -> None:
        [port] = free_ports(1)
        self.output, self.log, self._worker = unique("sentiments"), log, worker
        self.settings = {
            "SENTIMENT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "SENTIMENT_KAFKA_GROUP_ID": unique("group"),
            "SENTIMENT_INPUT_TOPIC": unique("reviews"),
            "SENTIMENT_OUTPUT_TOPIC": self.output,
            "SENTIMENT_DEAD_LETTER_TOPIC": unique("dead-letters"),
            "SENTIMENT_HTTP_PORT": str(port),
        }
        arguments = ["worker", "run", "--create-topics", "--partitions", "1"]
        self.process: Process = worker.root.start(arguments, self.settings, log)

    def command(self, *arguments: str) -> int:
        """The exit status of a command beside it in the image, with the same settings."""
        return self._worker.root.run(arguments, self.settings).returncode

    def is_ready(self) -> bool:
        """Whether it answers /readyz well; one that ended never will."""
        assert not self.process.ended, self.log.read_text()
        with suppress(OSError):
            address = f"http://127.0.0.1:{self.settings['SENTIMENT_HTTP_PORT']}/readyz"
            urllib.request.urlopen(address, timeout=2).close()
            return True
        return False


@pytest.fixture
def serving(worker: Built, kafka: LocalKafka, tmp_path: Path) -> Iterator[Serving]:
    """A worker that is ready, in a container."""
    started = Serving(worker, kafka, tmp_path / "log")
    try:
        eventually(started.is_ready, READY_SECONDS, lambda: f"never ready: {started.log.read_text()}")
        yield started
    finally:
        started.process.stop(DRAIN_SECONDS)


def test_a_review_is_scored_in_it(worker: Built) -> None:
    assert score(worker.root) == "positive"


def test_its_processes_have_no_rights_and_nowhere_to_write_but_the_volume(worker: Built) -> None:
    code = (
        "import os; print(os.getpid(), os.getuid(), os.getgid(), os.access('/', os.W_OK), os.access('/tmp', os.W_OK))"
    )
    assert worker.python(code) == "1 10001 10001 False False\n"
    assert worker.python("import pathlib; pathlib.Path('/var/cache/sentiment/x').touch()") == ""
    assert "CapBnd:\t0000000000000000" in worker.python("print(open('/proc/self/status').read())")


def test_all_that_its_commands_import_is_in_it(worker: Built) -> None:
    assert int(worker.python(IMPORT_ALL)) > 50


def test_models_come_from_a_bucket_too(worker: Built, own_bucket: Any) -> None:
    add_version(own_bucket.store)
    keys = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    listed = worker.root.run(["python3", "-m", "models", "list", "--store", own_bucket.store, "--json"], keys)
    assert listed.returncode == 0, listed.stderr
    assert NAME in listed.stdout


def test_sigterm_drains_process_1(serving: Serving, kafka: LocalKafka) -> None:
    assert serving.command("python3", "-m", "worker", "send", "A wonderful film, and far too short.") == 0
    eventually(lambda: bool(committed(kafka, serving.output)), DONE_SECONDS, "the review's sentiment never came")
    [record] = committed(kafka, serving.output)
    assert json.loads(record.value)["sentiment"] == "positive"
    assert serving.process.stop(DRAIN_SECONDS) == 0
    assert "stopped cleanly" in serving.log.read_text()


def test_its_health_check_is_the_workers_health(serving: Serving, worker: Built) -> None:
    check = worker.image.config["Healthcheck"]["Test"][1:]
    assert serving.command(*check) == 0
    serving.process.stop(DRAIN_SECONDS)
    assert serving.command(*check) == 1
