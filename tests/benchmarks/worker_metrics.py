"""What the worker itself says at /metrics."""

import time
from collections.abc import Mapping
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.benchmarks.errors import BenchmarkError

TIMEOUT_SECONDS = 5.0
LIMIT_SECONDS = 30.0
Samples = Mapping[tuple[str, str], float]


def scrape(port: int) -> Samples:
    """Values by (sample name, the value of its only label or an empty string); others are left out."""
    return {(each.name, "".join(each.labels.values())): each.value for each in _samples(port) if len(each.labels) <= 1}


def compared(port: int) -> int:
    """How many records another version scored as well."""
    found = [each for each in _samples(port) if each.name == "sentiment_comparisons_total"]
    return int(sum(each.value for each in found if each.labels["outcome"] in {"agreed", "differed"}))


def scrape_after(port: int, records: int) -> Samples:
    """The metrics once they count `records` since the start: a result is seen from outside a little before."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (samples := scrape(port))["sentiment_end_to_end_duration_seconds_count", ""] < records:
        if time.monotonic() > deadline:
            raise BenchmarkError("the worker's metrics miss records that it has committed")
        time.sleep(0.01)
    return samples


def stage_seconds(samples: Samples) -> dict[str, float]:
    """Time in each stage of the loop since the start."""
    return {
        stage: seconds for (name, stage), seconds in samples.items() if name == "sentiment_stage_duration_seconds_sum"
    }


def end_to_end_quantiles(before: Samples, after: Samples, quantiles: tuple[float, ...]) -> list[float]:
    """Seconds from record timestamp to commit between two scrapes, interpolated in the histogram's buckets."""
    name = "sentiment_end_to_end_duration_seconds_bucket"
    bounds = sorted((float(bound), count) for (sample, bound), count in after.items() if sample == name)
    buckets = [(bound, count - before[name, _text(before, name, bound)]) for bound, count in bounds]
    return [quantile(buckets, share) for share in quantiles]


def quantile(buckets: list[tuple[float, float]], share: float) -> float:
    """As Prometheus' histogram_quantile: `buckets` are (upper bound, cumulative count), the last bound infinite."""
    wanted = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted and count > below:
            return lower if bound == float("inf") else lower + (bound - lower) * (wanted - below) / (count - below)
        lower, below = bound, count
    return lower


def _samples(port: int) -> list[Sample]:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_SECONDS) as answer:
        text = answer.read().decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def _text(samples: Samples, name: str, bound: float) -> str:
    return next(label for sample, label in samples if sample == name and float(label) == bound)
