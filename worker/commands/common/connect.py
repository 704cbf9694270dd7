"""What the commands beside `run` share: their settings, and a Kafka that answers, or an error in time."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from worker.errors import KafkaAway, RetryBatch
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.types import Subscription
from worker.observability.logging import configure
from worker.settings.settings import Settings, add_flags, given_flags, load

_RETRY_SECONDS = 0.2
# What goes wrong is said in one sentence; the clients' own words about it only confuse.
_TALKATIVE = ("kafka", "worker.librdkafka")


def add_arguments(parser: argparse.ArgumentParser, usage: str, examples: str) -> None:
    """`--json`, a flag for each setting, and examples; the help tells of the settings in one sentence."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = f"%(prog)s {usage} [SETTINGS]"
    parser.epilog = examples
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")
    add_flags(parser, listed=False)


def prepare(arguments: argparse.Namespace) -> Settings:
    """The settings; log lines go to standard error. Raises BadUse."""
    settings = load(given_flags(arguments))
    configure(settings.log_format, settings.log_level)
    if settings.log_level != "debug":
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return settings


@contextmanager
def connected(
    settings: Settings, subscription: Subscription | None, *topics: str, transactional_id: str | None = None
) -> Iterator[Broker]:
    """A broker that is started and, at the end, closed. Raises KafkaAway once the deadline passed, StopWorker."""
    broker = open_broker(settings.kafka_client, settings.connection(), subscription, transactional_id)
    try:
        start(broker, settings.kafka_deadline_seconds, *topics)
        yield broker
    finally:
        broker.close()


def start(broker: Broker, deadline_seconds: float, *topics: str) -> None:
    """Start a broker. Raises KafkaAway when that did not succeed within the deadline, or StopWorker."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        try:
            broker.start(*topics)
        except (KafkaAway, RetryBatch) as problem:
            if time.monotonic() >= deadline:
                raise KafkaAway(f"{problem}: start Kafka, or name another with --kafka-bootstrap-servers") from None
            time.sleep(_RETRY_SECONDS)
        else:
            return
