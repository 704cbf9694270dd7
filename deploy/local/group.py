"""Kafka and a group of workers of one's own, led from another process: what `python -m worker rolling-check` starts.

    python -m deploy.local.group --workers 2 --model-store models/store --model reviews --versions 1 1

writes one JSON line once all are ready: `settings` (the environment of whoever joins in) and `workers` (their names).
The workers score with a store of their own, which holds the two versions named as versions 1 and 2, 1 being stable.
Each line `restart WORKER` on standard input is answered by a JSON line: `restarted` and the `status` with which the
worker ended on SIGTERM, or an `error`. The end of standard input ends everything.
"""

import argparse
import json
import logging
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.local import command_line
from deploy.local.kafka import LocalKafka
from deploy.local.processes import LocalServiceError, OwnedProcesses
from deploy.local.topics import create_topics
from deploy.local.workers import DemoWorker
from models.artifact import read_manifest, write_manifest
from models.errors import ModelError
from models.registry import Registry

PARTITIONS = 6
TOPICS = {
    "SENTIMENT_INPUT_TOPIC": "reviews",
    "SENTIMENT_OUTPUT_TOPIC": "sentiments",
    "SENTIMENT_DEAD_LETTER_TOPIC": "reviews.dead-letter",
}


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
    parser = command_line.parser("python -m deploy.local.group", "Kafka and workers, led through standard input.")
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


if __name__ == "__main__":
    raise SystemExit(main())
