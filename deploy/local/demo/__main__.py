"""`make demo`: real reviews through real Kafka, two workers and Redis, one worker killed halfway.

Shows what happens on standard error; prints the verdict, read back from the topics, as one JSON line on standard
output. Exit status 1 when a review was lost or came twice.
"""

import argparse
import logging
import shutil
import signal
import sys
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.local import command_line
from deploy.local.demo.replay import read_sample, repeated
from deploy.local.demo.report import commands_to_try, print_summary, redis_count
from deploy.local.demo.results import judge, read_outcome
from deploy.local.demo.run import DemoRun
from deploy.local.demo.view import View
from deploy.local.kafka import LocalKafka
from deploy.local.processes import LocalServiceError, OwnedProcesses
from deploy.local.redis import LocalRedis
from deploy.local.rolling_check import publish_copy
from deploy.local.topics import create_topics, delete_group, delete_topics
from deploy.local.workers import DemoWorker
from models.registry.registry import PACKAGED_STORE, Registry

# The model in models/store that the demo scores with.
MODEL = "reviews"
WORKERS = 2
PARTITIONS = 6
REVIEWS = 6_000
# Unless told otherwise a replay takes so long: time to watch, at a rate that a small machine keeps up with.
REPLAY_SECONDS = 12.0
MOST_PER_SECOND = 1_000.0


@dataclass(frozen=True)
class Place:
    """Where the demo runs: names that are its own on a Kafka that others use too, the usual ones on a fresh one."""

    bootstrap_servers: str
    redis_url: str
    prefix: str
    session_seconds: int

    @property
    def topics(self) -> dict[str, str]:
        """Topic by what it is for."""
        names = {"input": "reviews", "output": "sentiments", "dead-letter": "reviews.dead-letter"}
        return {use: self.prefix + name for use, name in names.items()}

    @property
    def group(self) -> str:
        """The workers' consumer group."""
        return f"{self.prefix}sentiment"

    def settings(self, worker: str) -> dict[str, str]:
        """The environment of one worker."""
        return {
            "SENTIMENT_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "SENTIMENT_KAFKA_GROUP_ID": self.group,
            "SENTIMENT_KAFKA_SESSION_TIMEOUT_SECONDS": str(self.session_seconds),
            "SENTIMENT_INPUT_TOPIC": self.topics["input"],
            "SENTIMENT_OUTPUT_TOPIC": self.topics["output"],
            "SENTIMENT_DEAD_LETTER_TOPIC": self.topics["dead-letter"],
            "SENTIMENT_INSTANCE_ID": f"{self.prefix}{worker}",
            "SENTIMENT_REDIS_URL": self.redis_url,
            "SENTIMENT_MODEL_NAME": MODEL,
        }


def main() -> int:
    """Run the demo; returns the exit status."""
    arguments = parse()
    # kafka-python logs what it retries; what it cannot do reaches us as an exception.
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    logging.getLogger("kafka").propagate = False
    signal.signal(signal.SIGTERM, command_line.interrupt)
    view = View()
    try:
        with ExitStack() as services:
            return run(arguments, view, services)
    except LocalServiceError as error:
        view.say(f"[red]The demo failed.[/] {error}")
        return 1
    except KeyboardInterrupt:
        view.say("Stopped; nothing is left running.")
        return 130


def parse() -> argparse.Namespace:
    """The command line."""
    parser = command_line.parser("python -m deploy.local.demo", "Real reviews through Kafka, two workers and Redis.")
    parser.add_argument(
        "--reviews", type=command_line.positive, default=REVIEWS, metavar="N", help=f"default: {REVIEWS:,}"
    )
    parser.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help=f"reviews sent per second, 0: as fast as Kafka takes them (default: all within {REPLAY_SECONDS:.0f} s, "
        f"at most {MOST_PER_SECOND:,.0f})",
    )
    parser.add_argument("--keep", action="store_true", help="stay up afterwards, until Ctrl-C")
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="a Kafka of yours; topics of a new name are made, and removed"
    )
    return parser.parse_args()


def run(arguments: argparse.Namespace, view: View, services: ExitStack) -> int:
    """Start everything, replay, judge, report; the services end with `services`."""
    reviews = list(repeated(read_sample(), arguments.reviews))
    place = start_services(arguments.kafka, view, services)
    processes = OwnedProcesses("demo")
    services.callback(processes.close)
    names = [f"worker-{number}" for number in range(1, WORKERS + 1)]
    # To try updates with, which the store inside this package is not for.
    store = {"SENTIMENT_MODEL_STORE": str(two_versions(processes.directory / "store"))} if arguments.keep else {}
    workers = [DemoWorker(processes, name, place.settings(name) | store) for name in names]
    for worker in workers:
        services.callback(worker.stop)
    view.say(f"Starting {WORKERS} workers ...")
    for worker in workers:
        worker.wait_until_ready()

    rate = min(len(reviews) / REPLAY_SECONDS, MOST_PER_SECOND) if arguments.rate is None else arguments.rate
    demo = DemoRun(place.bootstrap_servers, place.topics, reviews, rate, workers)
    try:
        with view:
            demo.run(view)
    finally:
        demo.close()
    if not arguments.keep:
        # Drained and gone before the topics are read, so that nothing can come after the verdict.
        for worker in workers:
            worker.stop()
    sentiments, dead_letters = read_outcome(place.bootstrap_servers, place.topics)
    verdict = judge(reviews, sentiments, dead_letters, demo.results.seen.values())
    print_summary(view, verdict, demo, len(dead_letters), redis_count(place.redis_url, reviews))
    sys.stdout.write(verdict.as_json() + "\n")
    sys.stdout.flush()
    if arguments.keep:
        versions = Registry(store["SENTIMENT_MODEL_STORE"]).versions(MODEL)
        ports = [worker.port for worker in workers]
        view.say(commands_to_try(place.settings("tail") | store, ports, versions, processes.directory))
        stay(view, workers)
    return 0 if verdict.good else 1


def start_services(address: str | None, view: View, services: ExitStack) -> Place:
    """Kafka, or the one at `address`, and Redis, with the demo's topics made."""
    if address:
        prefix = f"demo-{uuid.uuid4().hex[:8]}-"
        view.say(f"Using Kafka at {address}, topics {prefix}...")
        kafka = address
    else:
        prefix = ""
        view.say("Starting Kafka (its first start downloads 45 MB) ...")
        kafka = services.enter_context(LocalKafka()).bootstrap_servers
    redis = services.enter_context(LocalRedis())
    # Six seconds is the shortest session that a Kafka takes unless told otherwise.
    place = Place(kafka, redis.url, prefix, session_seconds=6 if address else 3)
    create_topics(kafka, place.topics.values(), PARTITIONS)
    if address:
        services.callback(clean_up, place)
    return place


def clean_up(place: Place) -> None:
    """Leave a Kafka that others use as it was."""
    delete_group(place.bootstrap_servers, place.group)
    delete_topics(place.bootstrap_servers, place.topics.values())


def two_versions(store: Path) -> Path:
    """A copy of the packaged store in which the model has one version more, the same as the stable one."""
    shutil.copytree(PACKAGED_STORE, store)
    publish_copy(Registry(store).resolve(MODEL).path, store, MODEL)
    return store


def stay(view: View, workers: list[DemoWorker]) -> None:
    """Keep everything up until Ctrl-C."""
    try:
        while True:
            time.sleep(1)
            for worker in workers:
                worker.check()
    except KeyboardInterrupt:
        view.say("Ending ...")


if __name__ == "__main__":
    raise SystemExit(main())
