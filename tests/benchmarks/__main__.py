"""`python -m tests.benchmarks [PART ...]`: measure, write the results down, print the page. See README.md here."""

import argparse
import sys
from pathlib import Path
from typing import Any

from deploy.local.processes import LocalServiceError
from models.errors import ModelError
from models.registry.registry import default_store
from models.scorer import Scorer
from tests.benchmarks import costs, latency, machine, memory, results, swaps, throughput, tracing, trials
from tests.benchmarks.contenders import BASELINES, Worker
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.reviews import SAMPLE
from tests.benchmarks.workbench import Workbench
from trainer.errors import TrainerError
from worker.observability.logging import configure

PARTS = ("throughput", "latency", "memory", "swaps", "trials", "tracing", "costs")
CLIENTS = ("kafka-python", "librdkafka")
DELIVERIES = ("exactly_once", "at_least_once")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 done, 1 failed, 2 bad use."""
    options = parser().parse_args(argv)
    try:
        measured = measure(options)
    except (BenchmarkError, LocalServiceError, ModelError, TrainerError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    page = results.save(measured, options.results)
    sys.stdout.write(page.read_text(encoding="utf-8"))
    sys.stderr.write(f"written to {page} and {page.with_suffix('.json')}\n")
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All parts asked for, one after the other on one Kafka and one Redis."""
    parts = options.parts or PARTS
    settings = dict(options.setting)
    workers = [
        Worker(client, delivery, settings, options.profile)
        for client in options.client
        for delivery in options.delivery
    ]
    measured: dict[str, Any] = {"machine": machine.describe(), "settings": described(options)}
    with Workbench(options.model_store, options.model, options.data, options.partitions, options.brokers) as bench:
        measured["machine"]["scored_per_cpu_second"] = round(bench.reviews.scored_per_cpu_second)
        if "throughput" in parts:
            baselines = () if options.no_baselines else BASELINES
            rows = throughput.measure(bench, workers, baselines, options.reviews, options.repeats)
            measured["throughput"] = rows
        if "latency" in parts:
            measured["latency"] = latency.measure(bench, workers, options.rate, options.seconds)
        if "memory" in parts:
            measured["memory"] = memory.measure(bench, workers, options.memory_reviews)
        if "swaps" in parts:
            measured["swaps"] = swaps.measure(bench, workers, options.swap_rate, options.swaps)
        if "trials" in parts:
            measured["trials"] = trials.measure(bench, workers, options.rate, options.seconds)
        if "costs" in parts:
            measured["costs"] = costs.measure(bench, workers[0], options.reviews, options.repeats)
        if "tracing" in parts:
            measured["tracing"] = tracing.measure(Scorer.load(bench.model_path), options.tracing_batches)
    return measured


def described(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the figures depend on."""
    settings = {
        name: getattr(options, name)
        for name in ("model", "partitions", "brokers", "reviews", "repeats", "rate", "seconds")
    }
    return settings | {"data": options.data.name, "profiled": options.profile is not None, **dict(options.setting)}


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Speed, lateness and memory.")
    flags.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)", type=part)
    flags.add_argument(
        "--client", nargs="+", choices=CLIENTS, default=list(CLIENTS), help="Kafka clients of the worker"
    )
    flags.add_argument("--delivery", nargs="+", choices=DELIVERIES, default=list(DELIVERIES), help="its guarantees")
    flags.add_argument(
        "--setting",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="a further one of the worker's",
    )
    flags.add_argument("--data", type=Path, default=SAMPLE, help="labelled TSV of reviews (default: the sample)")
    flags.add_argument("--model-store", type=Path, default=default_store(), help="directory of models")
    flags.add_argument("--model", default="imdb", help="NAME, NAME@VERSION or NAME@LABEL (default: imdb)")
    flags.add_argument("--partitions", type=int, default=12, help="of each topic (default: 12)")
    flags.add_argument("--brokers", type=int, choices=(1, 2, 3), default=1, help="with a replica on each (default: 1)")
    flags.add_argument("--reviews", type=int, default=20_000, help="in the topic, for throughput (default: 20,000)")
    flags.add_argument("--repeats", type=int, default=3, help="runs of each for throughput (default: 3)")
    flags.add_argument("--no-baselines", action="store_true", help="measure the worker only")
    flags.add_argument("--rate", type=float, default=200.0, help="reviews a second, for latency (default: 200)")
    flags.add_argument("--seconds", type=float, default=60.0, help="length of the latency measurement (default: 60)")
    flags.add_argument(
        "--memory-reviews", type=int, nargs="+", default=[20_000, 100_000, 200_000], help="when to look at the memory"
    )
    flags.add_argument("--swaps", type=int, default=50, help="changes of the model's version (default: 50)")
    flags.add_argument("--swap-rate", type=float, default=5_000.0, help="reviews a second meanwhile (default: 5,000)")
    flags.add_argument("--tracing-batches", type=int, default=20, help="of 512 reviews in memory (default: 20)")
    flags.add_argument(
        "--profile", type=Path, metavar="FILE", help="write where the processor time of the last run went"
    )
    flags.add_argument("--results", type=Path, default=results.DIRECTORY, help="directory of the results")
    return flags


def part(text: str) -> str:
    """One of PARTS."""
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(PARTS)}")
    return text


def setting(text: str) -> tuple[str, str]:
    """The name and the value in NAME=VALUE."""
    name, found, value = text.partition("=")
    if not (name and found):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    configure("text", "error")
    raise SystemExit(main())
