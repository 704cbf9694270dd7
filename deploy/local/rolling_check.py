"""Kafka and workers of one's own for `rolling-check --local`, led from another process through standard input."""

from __future__ import annotations

import argparse
import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from deploy.local import command_line
from deploy.local.kafka import LocalKafka
from deploy.local.processes import LocalServiceError, OwnedProcesses, module_command, module_environment
from deploy.local.topics import create_topics
from deploy.local.workers import DemoWorker
from models.artifact import read_manifest, write_manifest
from models.errors import ModelError
from models.registry.registry import Registry
from worker.commands.common import connect
from worker.commands.common.progress import reported_regularly
from worker.commands.rolling_check.groups import Group
from worker.errors import StopWorker
from worker.settings.settings import PREFIX, Settings, given_flags, load

PARTITIONS = 6
TOPICS = {
    "SENTIMENT_INPUT_TOPIC": "reviews",
    "SENTIMENT_OUTPUT_TOPIC": "sentiments",
    "SENTIMENT_DEAD_LETTER_TOPIC": "reviews.dead-letter",
}

log = structlog.get_logger(__name__)

_LEADER = "deploy.local.rolling_check"
# The first start downloads Kafka.
_START_SECONDS = 300.0
_RESTART_SECONDS = 120.0
_END_SECONDS = 30.0


def main() -> int:
    """Start the group, obey until the end of standard input; returns the exit status."""
    arguments = parse()
    # kafka-python logs what it retries; what it cannot do reaches us as an exception.
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    logging.getLogger("kafka").propagate = False
    signal.signal(signal.SIGTERM, command_line.interrupt)
    try:
        with ExitStack() as services:
            workers, settings = start(arguments, services)
            answer({"settings": settings, "workers": [*workers]})
            for line in sys.stdin:
                answer(obeyed(line.split(), workers))
    except (LocalServiceError, ModelError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    return 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = command_line.parser(
        "python -m deploy.local.rolling_check", "Kafka and workers, led through standard input."
    )
    parser.add_argument("--workers", type=command_line.positive, default=2, metavar="N", help="default: 2")
    parser.add_argument("--model-store", required=True, metavar="DIR", help="store to copy the two versions from")
    parser.add_argument("--model", required=True, metavar="NAME", help="the model to score with")
    parser.add_argument("--versions", nargs=2, required=True, metavar="V", help="versions or labels to copy")
    parser.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE", help="a SENTIMENT_ setting of all workers"
    )
    return parser.parse_args()


def start(arguments: argparse.Namespace, services: ExitStack) -> tuple[dict[str, DemoWorker], dict[str, str]]:
    """Kafka, the store and the workers, all ready; they end with `services`. The workers and what they share."""
    processes = OwnedProcesses("group")
    services.callback(processes.close)
    store = processes.directory / "store"
    source = Registry(arguments.model_store)
    for version in arguments.versions:
        publish_copy(source.resolve(f"{arguments.model}@{version}").path, store, arguments.model)
    kafka = services.enter_context(LocalKafka())
    create_topics(kafka.bootstrap_servers, TOPICS.values(), PARTITIONS)
    settings = dict(setting.split("=", 1) for setting in arguments.setting) | {
        "SENTIMENT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SENTIMENT_KAFKA_GROUP_ID": "sentiment",
        **TOPICS,
        "SENTIMENT_MODEL_STORE": str(store),
        "SENTIMENT_MODEL_NAME": arguments.model,
    }
    names = [f"worker-{number}" for number in range(1, arguments.workers + 1)]
    workers = {name: DemoWorker(processes, name, settings | {"SENTIMENT_INSTANCE_ID": name}) for name in names}
    for worker in workers.values():
        worker.wait_until_ready()
    return workers, settings


def publish_copy(version: Path, store: Path, name: str) -> None:
    """Publish the files of a version as the next version of a model in another store."""

    def write(directory: Path, number: int) -> None:
        shutil.copytree(version, directory, dirs_exist_ok=True)
        write_manifest(directory, replace(read_manifest(version), version=number))

    store.mkdir(exist_ok=True)
    Registry(store).publish(name, write)


def obeyed(words: list[str], workers: Mapping[str, DemoWorker]) -> dict[str, Any]:
    """Do what a line says; the answer."""
    match words:
        case ["restart", name] if name in workers:
            status = workers[name].stop()
            try:
                workers[name].start()
                workers[name].wait_until_ready()
            except LocalServiceError as error:
                return {"error": str(error)}
            return {"restarted": name, "status": status}
        case _:
            return {"error": f"There is nothing like {' '.join(words)!r}; say: restart {'|'.join(workers)}"}


def answer(words: Mapping[str, Any]) -> None:
    """One line for whoever leads."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class OwnGroup:
    """A context manager: Kafka and workers on this machine, led by a process of `deploy.local.rolling_check`.

    `settings` are those of whoever joins in. Nothing of it is left on exit, nor when this process is killed.
    """

    def __init__(
        self, workers: int, model: str, store: str, versions: tuple[str, str], more: Mapping[str, Any]
    ) -> None:
        self._command = [*module_command(_LEADER), f"--workers={workers}", f"--model={model}"]
        self._command += [f"--model-store={store}", "--versions", *versions]
        self._command += [f"--setting={name}={value}" for name, value in more.items()]
        self.settings: dict[str, str] = {}
        self.steps: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._reasons = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            self._command,
            env=module_environment(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._reasons,
            text=True,
            # Ctrl-C reaches this process only, which then ends the other.
            process_group=0,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, name="group", daemon=True)
        self._listener.start()
        try:
            started = self._answer(_START_SECONDS)
        except BaseException:
            self._end()
            raise
        self.settings, self.steps = started["settings"], tuple(started["workers"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def restart(self, step: str) -> str | None:
        """See `Group.restart`: SIGTERM, then a new process that has joined the group."""
        stdin = self._process.stdin
        with suppress(BrokenPipeError):
            if stdin is not None:
                stdin.write(f"restart {step}\n")
                stdin.flush()
        status = self._answer(_RESTART_SECONDS)["status"]
        return f"{step} ended with status {status} when it was told to stop." if status else None

    def _listen(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put("")

    def _answer(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise StopWorker(f"the local group did not answer within {seconds:.0f} s") from None
        if not line:
            self._reasons.seek(0)
            raise StopWorker(f"the local group ended: {self._reasons.read().strip() or 'it did not say why'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise StopWorker(f"the local group failed: {answer['error']}")
        return answer

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_END_SECONDS)
        for stream in (self._process.stdin, self._process.stdout, self._reasons):
            with suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()


def own_group(arguments: argparse.Namespace, stack: ExitStack) -> tuple[Settings, Group]:
    """What `rolling-check --local` asks for: the settings of whoever joins in, and the group; it ends with `stack`."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    settings, given = connect.prepare(arguments), given_flags(arguments)
    versions = (arguments.old or settings.model_label, arguments.to or settings.model_label)
    more = {PREFIX + name.upper(): value for name, value in given.items()}
    if sys.stderr.isatty():
        sys.stderr.write(f"Starting Kafka and {arguments.workers} workers ...\n")
    group = OwnGroup(arguments.workers, settings.model_name, settings.model_store, versions, more)
    with reported_regularly(lambda: log.info("starting Kafka and workers", workers=arguments.workers)):
        stack.enter_context(group)
    own = {name.removeprefix(PREFIX).lower(): value for name, value in group.settings.items()}
    if arguments.no_restarts:
        group.steps = ()
    return load(given | own), group


if __name__ == "__main__":
    raise SystemExit(main())
