"""`python -m worker run`: the worker itself."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import threading
from functools import partial

import structlog

from models.registry import STABLE
from worker import logs, memory, settings
from worker.broker import EARLIEST, LATEST, MAX_MESSAGE_BYTES, Broker, Source, Topic, open_broker
from worker.cache import Cache, open_cache
from worker.health import Health, HealthServer
from worker.metrics import Metrics
from worker.model_store import open_loader, open_registry
from worker.model_watch import ModelWatch
from worker.pipeline import Pipeline
from worker.recovery import Runner
from worker.rollout.decider import OFF, Decider
from worker.rollout.rollout import Rollout
from worker.rollout.rule import Limits
from worker.settings import Settings
from worker.spans import open_tracer
from worker.versions import Versions

# Above what is left of the time to stop after the last transaction's deadline, something hangs that has no deadline.
STOP_LIMIT_SECONDS = 9.5

log = structlog.get_logger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `run`: its own and one for each setting."""
    parser.add_argument("--create-topics", action="store_true", help="create the topics where they are missing")
    parser.add_argument("--partitions", type=int, default=12, help="partitions of topics to create (default: 12)")
    parser.add_argument(
        "--replication", type=int, default=-1, help="replicas of topics to create (default: what the brokers say)"
    )
    settings.add_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean end."""
    memory.keep_steady()
    chosen = settings.load(settings.given_flags(arguments))
    logs.configure(chosen.log_format, chosen.log_level)
    stopping = _stop_on_signals()
    metrics, health = Metrics(), Health()
    server = HealthServer(chosen.http_host, chosen.http_port, health, metrics.registry)
    transactional_id = f"{chosen.kafka_group_id}-{chosen.instance_id or f'{socket.gethostname()}-{server.port}'}"
    log.info("starting", settings=chosen.masked(), http_port=server.port, transactional_id=transactional_id)
    topics = _topics(chosen, arguments) if arguments.create_topics else []
    models = watch_models(chosen, metrics)
    metrics.tracer = open_tracer(chosen, transactional_id)
    try:
        models.open(fall_back=chosen.model_fallback == "newest")
        health.turned()
        health.model_loaded = True
        models.watch(chosen.model_poll_seconds)
        _stream(chosen, models, metrics, health, transactional_id, topics, stopping)
    finally:
        models.close()
        server.close()
        metrics.tracer.close()
    log.info("stopped cleanly")
    return 0


def watch_models(chosen: Settings, metrics: Metrics) -> ModelWatch:
    """What loads the labelled versions, verified and warm, from the store that was chosen. Raises BadUse."""
    registry = open_registry(chosen)
    versions = Versions(chosen.model_name, open_loader(chosen, registry), metrics)
    return ModelWatch(registry, chosen.model_name, chosen.model_label, versions, metrics)


def open_rollout(chosen: Settings, models: ModelWatch, metrics: Metrics) -> Rollout:
    """What tries versions beside the stream; decisions are for workers that follow the label `stable`."""
    limits = Limits(
        records=chosen.canary_min_records,
        seconds=chosen.canary_min_seconds,
        failures=chosen.canary_max_failure_ratio,
        differences=chosen.canary_max_difference_ratio,
        mix_change=chosen.canary_max_mix_change_ratio,
        coverage_loss=chosen.canary_max_coverage_loss_ratio,
        slowdown=chosen.canary_max_slowdown,
    )
    mode = chosen.canary_decision if chosen.model_label == STABLE else OFF
    decider = Decider(open_registry(chosen), chosen.model_name, limits, mode, metrics)
    connect = partial(open_broker, chosen.kafka_client, chosen.connection(), None, None)
    return Rollout(models, decider, connect, chosen, metrics)


def _stream(
    chosen: Settings,
    models: ModelWatch,
    metrics: Metrics,
    health: Health,
    transactional_id: str,
    topics: list[Topic],
    stopping: threading.Event,
) -> None:
    source = Source(chosen.input_topic, chosen.kafka_group_id, LATEST if chosen.start == "latest" else EARLIEST)
    exactly_once = chosen.delivery == "exactly_once"
    connection = chosen.connection()
    broker = open_broker(chosen.kafka_client, connection, source, transactional_id if exactly_once else None)
    rollout = open_rollout(chosen, models, metrics)
    runner = Runner(broker, connection, metrics, health, stopping)
    cache = open_cache(chosen)
    try:
        if topics:
            runner.until_done(lambda: broker.create_topics(topics))
        runner.until_done(lambda: broker.start(chosen.output_topic, chosen.dead_letter_topic))
        rollout.start()
        memory.overlook_what_stays()
        runner.run(Pipeline(broker, models.lineup, cache, chosen, metrics, health, rollout))
    finally:
        rollout.close()
        _close(broker, cache)


def _close(broker: Broker, cache: Cache | None) -> None:
    broker.close()
    if cache is not None:
        cache.close()


def _topics(chosen: Settings, arguments: argparse.Namespace) -> list[Topic]:
    configs = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
    names = (chosen.input_topic, chosen.output_topic, chosen.dead_letter_topic, chosen.shadow_topic)
    return [Topic(name, arguments.partitions, arguments.replication, configs) for name in names if name]


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()

    def stop(number: int, frame: object) -> None:
        stopping.set()
        # Everything waits with a deadline; if something does not all the same, the supervisor must not wait for it.
        guard = threading.Timer(STOP_LIMIT_SECONDS, os._exit, (1,))
        guard.daemon = True
        guard.start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping
