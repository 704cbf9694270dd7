"""`python -m worker run`: the worker itself."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import threading
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from models.installation import version
from models.registry.registry import STABLE
from worker.cache import Cache, open_cache
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.types import EARLIEST, LATEST, MAX_MESSAGE_BYTES, Subscription, Topic
from worker.observability.health import Health, HealthServer
from worker.observability.logging import configure
from worker.observability.metrics import Metrics
from worker.observability.tracing import open_tracer
from worker.pipeline import Pipeline
from worker.rollout.analysis import Limits
from worker.rollout.controller import OFF, RolloutController
from worker.rollout.rollout import Rollout
from worker.runner import Runner
from worker.serving import memory
from worker.serving.loader import open_loader, open_registry
from worker.serving.versions import Versions
from worker.serving.watcher import ModelWatch
from worker.settings.settings import Settings, add_flags, given_flags, load

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
    add_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean end."""
    memory.tune_malloc()
    settings = load(given_flags(arguments))
    configure(settings.log_format, settings.log_level)
    stopping = _stop_on_signals()
    health, registry = Health(), CollectorRegistry()
    server = HealthServer(settings.http_host, settings.http_port, health, registry)
    transactional_id = f"{settings.kafka_group_id}-{settings.instance_id or f'{socket.gethostname()}-{server.port}'}"
    log.info(
        "starting",
        version=version(),
        settings=settings.masked(),
        http_port=server.port,
        transactional_id=transactional_id,
    )
    topics = _topics(settings, arguments) if arguments.create_topics else []
    tracer = open_tracer(settings.tracing, settings.input_topic, settings.kafka_group_id, transactional_id)
    metrics = Metrics(tracer, registry)
    models = watch_models(settings, metrics)
    try:
        models.open(fall_back=settings.model_fallback == "newest")
        health.turned()
        health.model_loaded = True
        models.watch(settings.model_poll_seconds)
        _stream(settings, models, metrics, health, transactional_id, topics, stopping)
    finally:
        models.close()
        server.close()
        tracer.close()
    log.info("stopped cleanly")
    return 0


def watch_models(settings: Settings, metrics: Metrics) -> ModelWatch:
    """What loads the labelled versions, verified and warm, from the store that was chosen. Raises BadUse."""
    registry = open_registry(settings)
    versions = Versions(settings.model_name, open_loader(settings, registry), metrics)
    return ModelWatch(registry, settings.model_name, settings.model_label, versions, metrics)


def open_rollout(settings: Settings, models: ModelWatch, metrics: Metrics) -> Rollout:
    """What tries versions beside the stream; decisions are for workers that follow the label `stable`."""
    limits = Limits(
        records=settings.canary_min_records,
        seconds=settings.canary_min_seconds,
        failures=settings.canary_max_failure_ratio,
        differences=settings.canary_max_difference_ratio,
        mix_change=settings.canary_max_mix_change_ratio,
        coverage_loss=settings.canary_max_coverage_loss_ratio,
        slowdown=settings.canary_max_slowdown,
    )
    mode = settings.canary_decision if settings.model_label == STABLE else OFF
    controller = RolloutController(open_registry(settings), settings.model_name, limits, mode, metrics)
    connect = partial(open_broker, settings.kafka_client, settings.connection(), None, None)
    return Rollout(models, controller, connect, settings, metrics)


def _stream(
    settings: Settings,
    models: ModelWatch,
    metrics: Metrics,
    health: Health,
    transactional_id: str,
    topics: list[Topic],
    stopping: threading.Event,
) -> None:
    source = Subscription(
        settings.input_topic, settings.kafka_group_id, LATEST if settings.start == "latest" else EARLIEST
    )
    exactly_once = settings.delivery == "exactly_once"
    connection = settings.connection()
    broker = open_broker(settings.kafka_client, connection, source, transactional_id if exactly_once else None)
    rollout = open_rollout(settings, models, metrics)
    runner = Runner(broker, connection, metrics, health, stopping)
    cache = open_cache(settings)
    try:
        if topics:
            runner.until_done(lambda: broker.create_topics(topics))
        runner.until_done(lambda: broker.start(settings.output_topic, settings.dead_letter_topic))
        rollout.start()
        memory.freeze_gc()
        runner.run(Pipeline(broker, models.active_versions, cache, settings, metrics, health, rollout))
    finally:
        rollout.close()
        _close(broker, cache)


def _close(broker: Broker, cache: Cache | None) -> None:
    broker.close()
    if cache is not None:
        cache.close()


def _topics(settings: Settings, arguments: argparse.Namespace) -> list[Topic]:
    configs = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
    names = (settings.input_topic, settings.output_topic, settings.dead_letter_topic, settings.shadow_topic)
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
