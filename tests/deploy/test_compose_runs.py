"""A real broker from the compose file's properties, and a worker with the compose file's command and settings."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from deploy.local.processes import OwnedProcesses
from deploy.local.redis import LocalRedis
from tests.deploy.composed import SERVICES, composed_kafka
from tests.kafka.waiting import eventually

PROJECT = Path(__file__).parents[2]
WORKER = SERVICES["worker"]
TOPICS = {"reviews", "sentiments", "reviews.dead-letter"}


def _start_worker(processes: OwnedProcesses, ports: Mapping[int, int], redis: LocalRedis) -> None:
    host, port = WORKER["environment"]["SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"].split(":")
    assert host == "kafka"
    moved = {
        "SENTIMENT_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports[int(port)]}",
        "SENTIMENT_REDIS_URL": redis.url,
        "SENTIMENT_HTTP_PORT": "0",
    }
    environment = os.environ | {"PYTHONPATH": str(PROJECT)} | WORKER["environment"] | moved
    processes.start("worker", [sys.executable, "-m", *WORKER["command"]], environment)


def _send_and_read(outside: str, review: bytes) -> dict[str, Any]:
    producer = KafkaProducer(bootstrap_servers=outside)
    producer.send("reviews", review).get(timeout=30)
    producer.close(timeout=1)
    consumer = KafkaConsumer(
        "sentiments", bootstrap_servers=outside, auto_offset_reset="earliest", consumer_timeout_ms=60_000
    )
    try:
        return dict(json.loads(next(consumer).value))
    finally:
        consumer.close()


def test_the_worker_makes_its_topics_and_scores_what_is_sent_from_outside(redis: LocalRedis) -> None:
    processes = OwnedProcesses("composed-worker")
    try:
        with composed_kafka() as ports:
            outside = f"localhost:{ports[9092]}"
            _start_worker(processes, ports, redis)
            with KafkaAdminClient(bootstrap_servers=outside) as admin:
                eventually(lambda: set(admin.list_topics()) >= TOPICS, 60, lambda: processes.log_tail("worker"))
                assert {len(topic["partitions"]) for topic in admin.describe_topics(sorted(TOPICS))} == {12}
            sentiment = _send_and_read(outside, b'{"text": "A wonderful film, and far too short."}')
            assert sentiment["sentiment"] == "positive"
    finally:
        processes.close()
