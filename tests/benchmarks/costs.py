"""What the worker costs others: bytes in Kafka and Redis, and processor time of brokers, a review and a transaction.

The brokers' time is told apart by least squares from runs with many and few reviews, in large and small batches; what a
run costs anyway (topics, a group that forms) is the third unknown. What brokers take while nothing happens is measured
first, and taken off.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import psutil
from redis import Redis

from deploy.local.topics import create_topics
from tests.benchmarks import worker_metrics
from tests.benchmarks.contenders import Task, Worker
from tests.benchmarks.outputs import check, read_until
from tests.benchmarks.runs import LIMIT_SECONDS
from tests.benchmarks.workbench import FILL_SECONDS, Workbench, note

COMPRESSIONS = ("none", "lz4", "zstd")
# Of one batch: the shares of records and transactions can only be told apart where they differ.
BATCHES = (512, 64)
IDLE_SECONDS = 10.0


@dataclass(frozen=True)
class Passage:
    """Reviews that went through a worker, and what they cost; CPU seconds are those of all brokers together."""

    reviews: int
    transactions: int
    markers: int
    seconds: float
    broker_cpu_seconds: float
    redis_cpu_seconds: float
    redis_bytes_a_key: float
    sentiment_bytes: float


def measure(bench: Workbench, worker: Worker, reviews: int, repeats: int) -> dict[str, Any]:
    """All costs; `reviews` is the larger of the two numbers that go through.

    A review is `written` by its sender, and `passed` when a worker and then a reader of its sentiment have read theirs.
    """
    found = {"review_bytes": {each: review_bytes(bench, each, reviews) for each in COMPRESSIONS}}
    passage(bench, worker, reviews // 4, BATCHES[0])  # the brokers' first: compilers, internal topics
    idle = idle_cpu_seconds(bench)
    writing = [written(bench, count) for _ in range(repeats) for count in (reviews // 4, reviews)]
    passages, sizes = [], [(reviews // 4, BATCHES[0]), (reviews, BATCHES[0]), (reviews, BATCHES[1])]
    for repeat in range(repeats):
        passages += [passage(bench, worker, count, batch) for count, batch in sizes]
        note(f"costs {repeat + 1}/{repeats}: {passages[-len(sizes) :]}")
    compressed = {each: passage(bench, worker, reviews // 4, BATCHES[0], each) for each in COMPRESSIONS[1:]}
    large = passages[1 :: len(sizes)]
    per_review, per_transaction, _ = solve(
        [(p.reviews, p.transactions, 1.0, p.broker_cpu_seconds - idle * p.seconds) for p in passages]
    )
    per_written, _ = solve([(count, 1.0, seconds) for count, seconds in writing])
    return found | {
        "broker_idle_cpu_ratio": idle,
        "brokers": len(bench.kafka.bootstrap_servers.split(",")),
        "reviews": reviews,
        "sentiment_bytes": {"none": mean(large, "sentiment_bytes")}
        | {name: each.sentiment_bytes for name, each in compressed.items()},
        "broker_cpu_microseconds": {
            "written": per_written * 1e6,
            "passed": per_review * 1e6,
            "transaction": per_transaction * 1e6,
        },
        "markers_a_transaction": mean(large, "markers") / mean(large, "transactions"),
        "redis_bytes_a_key": mean(large, "redis_bytes_a_key"),
        "redis_cpu_microseconds_a_key": mean(large, "redis_cpu_seconds") / reviews * 1e6,
        "passages": [asdict(each) for each in passages],
    }


def solve(rows: Sequence[tuple[float, ...]]) -> list[float]:
    """The factors that best explain the last column by the others (least squares)."""
    table = np.array(rows, dtype=np.float64)
    factors, *_ = np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)
    return [float(factor) for factor in factors]


def mean(passages: Sequence[Passage], figure: str) -> float:
    """Of one figure."""
    return float(np.mean([getattr(each, figure) for each in passages]))


def review_bytes(bench: Workbench, compression: str, reviews: int) -> float:
    """Bytes of a review in a topic, with key and id, as librdkafka writes batches of up to 50 ms."""
    topic = bench.unique(f"bytes-{compression}")
    create_topics(bench.kafka.bootstrap_servers, [topic], bench.partitions)
    write(bench, topic, reviews, {"compression.type": compression})
    return stored_bytes(bench, topic) / reviews


def written(bench: Workbench, reviews: int) -> tuple[int, float]:
    """Write so many reviews; how many, and the brokers' CPU seconds for it."""
    topic = bench.topic("written")
    before = broker_cpu_seconds(bench)
    write(bench, topic, reviews, {})
    return reviews, broker_cpu_seconds(bench) - before


def write(bench: Workbench, topic: str, reviews: int, configs: dict[str, str | int]) -> None:
    """Reviews as a sender would write them."""
    producer = bench.producer({"linger.ms": 50, "queue.buffering.max.messages": 2 * reviews, **configs})
    for key, value in bench.reviews.messages(reviews):
        producer.produce(topic, value, key)
    producer.flush(FILL_SECONDS)


def passage(bench: Workbench, worker: Worker, reviews: int, batch: int, compression: str = "producer") -> Passage:
    """Let a worker score `reviews` reviews that wait for it, in batches of at most `batch`."""
    source = bench.filled(reviews)
    output = bench.unique("sentiments")
    create_topics(bench.kafka.bootstrap_servers, [output], bench.partitions, {"compression.type": compression})
    task = Task(bench, source, output, bench.unique("group"), bench.port())
    command = [*worker.command(task), "--max-batch-records", str(batch)]
    with Redis.from_url(bench.redis.url) as redis, bench.outputs(output) as outputs:
        redis.flushall()
        empty, cpu, began = redis.info(), broker_cpu_seconds(bench), time.monotonic()
        process = bench.start("contender", command)
        found = read_until(outputs, reviews, LIMIT_SECONDS, process.require_alive, lambda _: None)
        samples = worker_metrics.scrape_after(task.http_port, reviews)
        cpu, seconds = broker_cpu_seconds(bench) - cpu, time.monotonic() - began
        full, keys = redis.info(), redis.dbsize()
        process.end()
        markers = sum(outputs.ends().values()) - reviews
    check(found, bench.reviews.expected, reviews, worker.exactly_once)
    return Passage(
        reviews=reviews,
        transactions=int(samples["sentiment_transactions_total", "committed"]),
        markers=markers,
        seconds=seconds,
        broker_cpu_seconds=cpu,
        redis_cpu_seconds=redis_cpu_seconds(full) - redis_cpu_seconds(empty),
        redis_bytes_a_key=(full["used_memory"] - empty["used_memory"]) / keys,
        sentiment_bytes=stored_bytes(bench, output) / reviews,
    )


def broker_cpu_seconds(bench: Workbench) -> float:
    """User and system time of all brokers so far."""
    numbers = range(1, len(bench.kafka.bootstrap_servers.split(",")) + 1)
    times = [psutil.Process(bench.kafka.process_id(number)).cpu_times() for number in numbers]
    return float(sum(each.user + each.system for each in times))


def idle_cpu_seconds(bench: Workbench) -> float:
    """CPU seconds a second of all brokers together while nobody asks for anything."""
    before = broker_cpu_seconds(bench)
    time.sleep(IDLE_SECONDS)
    return (broker_cpu_seconds(bench) - before) / IDLE_SECONDS


def redis_cpu_seconds(info: dict[str, Any]) -> float:
    """User and system time of Redis so far."""
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def stored_bytes(bench: Workbench, topic: str) -> int:
    """What all partitions of a topic take on the first broker, which has a replica of each."""
    segments = (bench.kafka.directory / "broker-1").glob(f"{topic}-*/*.log")
    return sum(segment.stat().st_size for segment in segments)
