"""Workers as far as `status` can tell: real health servers with real metrics, and nothing behind them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from worker.kafka.types import Partition
from worker.observability.health import Health, HealthServer
from worker.observability.metrics import Metrics


class TestWorker:
    """A worker's metrics and probes over HTTP."""

    __test__ = False

    def __init__(self, version: int | None = 4, model: str = "reviews", partitions: int = 0) -> None:
        self.metrics, self.health = Metrics(), Health()
        if version is not None:
            self.serve(version, model)
            self.health.model_loaded = True
            self.metrics.model_store_up.set(1)
        parts = {Partition("reviews", number): 0 for number in range(partitions)}
        self.metrics.lags(parts, {})
        self.health.observed(bool(parts), parts)
        self.server = HealthServer("127.0.0.1", 0, self.health, self.metrics.registry)
        self.address = f"127.0.0.1:{self.server.port}"

    def serve(
        self,
        version: int,
        model: str = "reviews",
        label: str = "stable",
        since: float = 1_000.0,
        share: float | None = None,
    ) -> None:
        self.metrics.model_info.labels(model, version, label, "numpy").set(1)
        if share is not None:
            self.metrics.trial_share.labels(model, version, label).set(share)
        if label == "stable":
            self.metrics.model_loaded.set(since)

    def produce(self, version: int, **counts: int) -> None:
        for sentiment, count in counts.items():
            self.metrics.sentiments_produced.labels(sentiment, "reviews", version).inc(count)
            self.metrics.records_consumed.inc(count)


Group = Callable[..., TestWorker]


@contextmanager
def started_workers() -> Iterator[Group]:
    """Makes workers, and closes them at the end."""
    workers = []

    def start(version: int | None = 4, model: str = "reviews", partitions: int = 1) -> TestWorker:
        workers.append(TestWorker(version, model, partitions))
        return workers[-1]

    try:
        yield start
    finally:
        for worker in workers:
            worker.server.close()


@contextmanager
def listening_silently() -> Iterator[str]:
    """The address of something that takes connections and never answers, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"
