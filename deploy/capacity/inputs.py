"""What the arithmetic starts from: one table, each figure with where it was measured or why it was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MODELS = ("reviews", "imdb")
CLIENTS = ("kafka-python", "librdkafka")
COMPRESSIONS = ("none", "lz4", "zstd")

RESULTS = "tests/benchmarks/results"
_THROUGHPUT = {"reviews": f"{RESULTS}/2026-11-21-2525955.json", "imdb": f"{RESULTS}/2026-11-21-e8d6ed8.json"}
_LATENCY = f"{RESULTS}/2026-11-21-fc9c0c6.json"
_COSTS = f"{RESULTS}/2026-11-22-c719aca.json"

Inputs = Mapping[str, float]


class Input(NamedTuple):
    """A figure: a measured one says in which file of results and where in it, a chosen one says why."""

    value: float
    meaning: str
    source: str
    location: str = ""

    @property
    def measured(self) -> bool:
        """Whether `location` says where in the file `source` it stands."""
        return bool(self.location)


def _throughput(value: float, model: str, client: str) -> Input:
    location = f"throughput/worker, {client}, exactly once/reviews_per_cpu_second"
    return Input(value, "reviews per CPU-second of a worker, exactly once", _THROUGHPUT[model], location)


def _memory(value: float, model: str) -> Input:
    location = "throughput/worker, kafka-python, exactly once/peak_memory_bytes"
    return Input(value, "highest resident memory of a worker", _THROUGHPUT[model], location)


def _latency(value: float, client: str) -> Input:
    location = f"latency/worker, {client}, exactly once/committed_seconds/p50"
    return Input(value, "from a record's timestamp to its commit, at 200 reviews/s", _LATENCY, location)


def _cost(value: float, meaning: str, location: str) -> Input:
    return Input(value, meaning, _COSTS, f"costs/{location}")


_REVIEW = "bytes of a review of 1.3 kB in a topic"
_SENTIMENT = "bytes of a sentiment in a topic"
# How many replicas what brokers take was measured with.
MEASURED_REPLICAS = 3
_BROKERS = "CPU time of three brokers with a replica each, "

INPUTS: Mapping[str, Input] = {
    "reviews_per_core[reviews,kafka-python]": _throughput(3_604, "reviews", "kafka-python"),
    "reviews_per_core[reviews,librdkafka]": _throughput(3_876, "reviews", "librdkafka"),
    "reviews_per_core[imdb,kafka-python]": _throughput(8_899, "imdb", "kafka-python"),
    "reviews_per_core[imdb,librdkafka]": _throughput(12_257, "imdb", "librdkafka"),
    "worker_memory_bytes[reviews]": _memory(263_073_792, "reviews"),
    "worker_memory_bytes[imdb]": _memory(206_127_104, "imdb"),
    "committed_p50_seconds[kafka-python]": _latency(0.0158, "kafka-python"),
    "committed_p50_seconds[librdkafka]": _latency(0.0043, "librdkafka"),
    "review_bytes[none]": _cost(1_302, _REVIEW, "review_bytes/none"),
    "review_bytes[lz4]": _cost(846, _REVIEW, "review_bytes/lz4"),
    "review_bytes[zstd]": _cost(451, _REVIEW, "review_bytes/zstd"),
    "sentiment_bytes[none]": _cost(204, _SENTIMENT, "sentiment_bytes/none"),
    "sentiment_bytes[lz4]": _cost(41, _SENTIMENT, "sentiment_bytes/lz4"),
    "sentiment_bytes[zstd]": _cost(24, _SENTIMENT, "sentiment_bytes/zstd"),
    "broker_cpu_microseconds[written]": _cost(
        39.3, _BROKERS + "of a review being written", "broker_cpu_microseconds/written"
    ),
    "broker_cpu_microseconds[passed]": _cost(
        67.5, _BROKERS + "of it being read, and its sentiment written and read", "broker_cpu_microseconds/passed"
    ),
    "broker_cpu_microseconds[transaction]": _cost(
        66_868, _BROKERS + "of a transaction", "broker_cpu_microseconds/transaction"
    ),
    "redis_bytes_a_key": _cost(
        345, "memory of a sentiment in Redis with its key and expiry, an id of 5 digits", "redis_bytes_a_key"
    ),
    "redis_cpu_microseconds_a_key": _cost(4.23, "CPU time of Redis of one SET", "redis_cpu_microseconds_a_key"),
    "max_batch_records": Input(512, "most records in a transaction", "the default of SENTIMENT_MAX_BATCH_RECORDS"),
    "worker_utilisation_ratio": Input(0.7, "share of its core that a worker uses", "room to catch up after a stop"),
    "broker_utilisation_ratio": Input(0.5, "share of CPU and network that brokers use", "room for one that is down"),
    "disk_utilisation_ratio": Input(0.7, "share of a broker's disk in use", "room to move partitions"),
    "redis_utilisation_ratio": Input(0.5, "share of the one thread that Redis uses", "room for those who read"),
    "broker_cores": Input(16, "cores of a broker", "a common size"),
    "broker_network_bytes_per_second": Input(1_250_000_000, "network of a broker, each way", "10 Gbit/s"),
    "broker_disk_bytes": Input(8_000_000_000_000, "disk of a broker", "a common size"),
    "replicas_per_broker": Input(4_000, "most replicas on a broker", "the usual advice, as in Kafka's KIP-578"),
    "redis_node_bytes": Input(64_000_000_000, "memory that one Redis may fill", "a common size"),
}


def values() -> dict[str, float]:
    """The figures by name."""
    return {name: each.value for name, each in INPUTS.items()}
