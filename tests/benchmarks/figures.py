"""`python -m tests.benchmarks.figures` (`make docs`) writes the measured figures of README.md and of the README here.

They stand between `<!-- python -m tests.benchmarks.figures RESULT PART -->` and `<!-- end -->`, taken from that file of
results; a test holds the pages to it. `summary RESULT LATENCY ...` and `scorer RESULT ...` make one table of several.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.results import DIRECTORY, section
from worker.docs.markdown import code, refreshed, table

MODULE = "tests.benchmarks.figures"
PAGES = (Path(__file__).parents[2] / "README.md", Path(__file__).with_name("README.md"))
# What the summary shows of each result, in the order of its rows.
CLIENTS = ("kafka-python", "librdkafka")


def reported(words: str) -> str:
    """What stands between the marks with these words."""
    first, *more = words.split()
    if first == "summary":
        return _summary(more)
    if first == "scorer":
        return _scorer(more)
    return f"{_conditions(first)}\n\n{section(result(first), *more)}"


def result(name: str) -> dict[str, Any]:
    """A file of results."""
    content: dict[str, Any] = json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    return content


def row(name: str, part: str, contender: str) -> dict[str, Any]:
    """What was measured of one contender."""
    return next(each for each in result(name)[part] if each["contender"] == contender)


def pages() -> Iterator[tuple[Path, str]]:
    """Each page, and how it is to be."""
    for path in PAGES:
        yield path, refreshed(path.read_text(encoding="utf-8"), MODULE, reported)


def main() -> int:
    """Write them."""
    for path, text in pages():
        path.write_text(text, encoding="utf-8")
    return 0


def _conditions(name: str) -> str:
    machine, settings = result(name)["machine"], result(name)["settings"]
    return (
        f"Model `{settings['model']}`, {machine['cpu']} with {machine['cores']} cores, load {machine['load_before']} "
        f"before: [{name}](results/{name}.md)."
    )


def _scorer(names: list[str]) -> str:
    """What the scorer does without Kafka, a row a result."""
    rows = [[_conditions(name), f"{result(name)['machine']['scored_per_cpu_second']:,}"] for name in names]
    return table(["measured", "reviews per CPU-second"], rows, "---:")


def _summary(names: list[str]) -> str:
    """A row for each pair of results, of throughput and of latency, and client; exactly once."""
    rows = []
    for throughput, latency in zip(names[::2], names[1::2], strict=True):
        for client in CLIENTS:
            contender = f"worker, {client}, exactly once"
            fast, late = row(throughput, "throughput", contender), row(latency, "latency", contender)
            model, spans = result(throughput)["settings"]["model"], late["committed_seconds"]
            cells = [f"{code(model)}, {client}", f"{fast['reviews_per_cpu_second']:,.0f}"]
            cells.append(f"{spans['p50'] * 1000:.0f} / {spans['p99'] * 1000:.0f} ms")
            rows.append([*cells, f"{fast['peak_memory_bytes'] / 1e6:,.0f} MB"])
    head = ["model and Kafka client", "reviews per CPU-second", "p50 / p99 at 200 reviews/s", "memory"]
    return table(head, rows, "---:")


if __name__ == "__main__":
    raise SystemExit(main())
