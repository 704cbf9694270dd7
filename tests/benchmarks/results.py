"""Results on disk: one JSON file with every figure, and the same as a page to read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).with_name("results")


def save(results: Mapping[str, Any], directory: Path) -> Path:
    """Writes NAME.json and NAME.md, named by date and commit; returns the path of the latter."""
    directory.mkdir(parents=True, exist_ok=True)
    machine = results["machine"]
    name = f"{machine['date'][:10]}-{machine['commit']}"
    (directory / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    page = directory / f"{name}.md"
    page.write_text(to_markdown(results), encoding="utf-8")
    return page


def to_markdown(results: Mapping[str, Any]) -> str:
    """The page."""
    machine = results["machine"]
    lines = [
        f"# Benchmark of {machine['date'][:16].replace('T', ' ')} UTC, commit {machine['commit']}",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB; load when it began "
        f"{machine['load_before']}; " + ", ".join(f"{name} {number}" for name, number in machine["versions"].items()),
        "",
        f"The scorer alone, without Kafka: {machine['scored_per_cpu_second']:,} reviews per CPU-second.",
        "",
        "Settings: " + ", ".join(f"{name} {value}" for name, value in results["settings"].items()),
    ]
    for part, page in _PAGES.items():
        if results.get(part):
            lines += ["", *page(results[part])]
    return "\n".join(lines) + "\n"


def section(results: Mapping[str, Any], part: str) -> str:
    """One part of the page, without its heading."""
    return "\n".join(list(_PAGES[part](results[part]))[2:]) + "\n"


def _throughput(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("## Throughput", "", "Between the first and the last committed result; medians of the runs.", "")
    baselines = list(rows[0]["ratios"])
    short = [name.split(" ")[0] for name in baselines]
    head = ["contender", "reviews", "reviews per CPU-second", "with its start", "reviews/s", "first result"]
    yield from _header([*head, "memory at the end / highest", *(f"times {name}" for name in short)])
    for row in rows:
        yield _line(
            row["contender"],
            f"{row['reviews']:,}",
            f"{row['reviews_per_cpu_second']:,.0f}",
            f"{row['reviews_per_cpu_second_of_life']:,.0f}",
            f"{row['reviews_per_second']:,.0f}",
            f"{row['first_result_seconds']:.2f} s",
            f"{row['end_memory_bytes'] / 1e6:,.0f} / {row['peak_memory_bytes'] / 1e6:,.0f} MB",
            *(f"{row['ratios'][name]:,.2f}" for name in baselines),
        )
    staged = [row for row in rows if row["stage_microseconds"]]
    if staged:
        stages = list(staged[0]["stage_microseconds"])
        yield from ("", "Microseconds a review by stage of the loop, from the worker's own metrics (wall time):", "")
        yield from _header(["contender", *stages])
        for row in staged:
            yield _line(row["contender"], *(f"{row['stage_microseconds'][stage]:.1f}" for stage in stages))


def _latency(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Latency"
    yield ""
    yield "p50 / p95 / p99 from a record's timestamp to its commit (the worker's own metric, interpolated in buckets)"
    yield "and to the moment at which a reader of committed records in another process has the result."
    yield ""
    yield from _lateness(rows, "reviews")


def _trials(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Another version tried beside the stream"
    yield ""
    yield "The same as for latency; *compared* are the reviews that the other version scored as well."
    yield ""
    yield from _lateness(rows, "compared")


def _lateness(rows: Sequence[Mapping[str, Any]], counted: str) -> Iterator[str]:
    yield from _header(["contender", "reviews/s", counted, "committed", "visible", "share of a core"])
    for row in rows:
        spans = [
            " / ".join(f"{value * 1000:.0f}" for value in row[name].values()) + " ms"
            for name in ("committed_seconds", "visible_seconds")
        ]
        yield _line(row["contender"], f"{row['rate']:,.0f}", f"{row[counted]:,}", *spans, f"{row['cpu_ratio']:.0%}")


def _memory(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("## Memory and start", "")
    marks = list(rows[0]["memory_bytes_after"])
    yield from _header(["contender", *(f"after {int(mark):,} reviews" for mark in marks), "highest", "first result"])
    for row in rows:
        sizes = [f"{row['memory_bytes_after'][mark] / 1e6:,.0f} MB" for mark in marks]
        highest = f"{row['peak_memory_bytes'] / 1e6:,.0f} MB"
        yield _line(row["contender"], *sizes, highest, f"{row['first_result_seconds']:.2f} s")


def _swaps(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("## New versions under load", "")
    yield "The longest time without a visible result, p50 / p99 / most over windows of the same length; every other one"
    yield "begins with a change of the label. Of the loop alone: the longest turn."
    yield ""
    yield from _header(["contender", "reviews/s", "swaps", "with a swap", "without"])
    for row in rows:
        spans = [
            " / ".join(f"{value * 1000:.0f}" for value in row[f"{kind}_seconds"].values()) + " ms"
            for kind in ("with", "without")
        ]
        yield _line(row["contender"], f"{row['rate']:,.0f}", str(row["swaps"]), *spans)


def _tracing(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Tracing"
    yield ""
    yield "CPU time of a batch of 512 reviews, each with a trace of its own, on the broker in memory; medians of"
    yield f"{found['repeats']} runs of {found['batches']} batches. While tracing is off, the places for it take"
    yield f"{found['off_seconds_a_batch'] * 1e6:.1f} µs of CPU time a batch."
    yield ""
    yield from _header(["tracing", "CPU time of a batch", "times the plain loop"])
    for name, seconds in found["batch_seconds"].items():
        yield _line(name, f"{seconds * 1000:.1f} ms", f"{found['ratios'][name]:.3f}")


def _costs(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## What the worker costs others"
    yield ""
    yield f"{found['brokers']} brokers with a replica on each, {found['reviews']:,} reviews; CPU time is that of all of"
    yield f"them, without the {found['broker_idle_cpu_ratio']:.0%} of a core that they take while nothing happens."
    yield ""
    yield from _header(["", "figure"])
    for kind in ("review_bytes", "sentiment_bytes"):
        for compression, size in found[kind].items():
            yield _line(f"{kind.replace('_', ' ')} in a topic, compression {compression}", f"{size:,.0f}")
    micros = found["broker_cpu_microseconds"]
    yield _line("brokers' CPU time of a review written", f"{micros['written']:,.0f} µs")
    yield _line("of a review read and its sentiment written and read", f"{micros['passed']:,.0f} µs")
    yield _line("of a transaction", f"{micros['transaction']:,.0f} µs")
    yield _line("transaction markers in the output topic a transaction", f"{found['markers_a_transaction']:.1f}")
    yield _line("bytes of a key in Redis, with all that belongs to it", f"{found['redis_bytes_a_key']:,.0f}")
    yield _line("Redis' CPU time of a key", f"{found['redis_cpu_microseconds_a_key']:.1f} µs")


def _header(cells: Sequence[str]) -> Iterator[str]:
    yield _line(*cells)
    yield _line(*("---" if index == 0 else "---:" for index in range(len(cells))))


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


_PAGES = {
    "throughput": _throughput,
    "latency": _latency,
    "memory": _memory,
    "swaps": _swaps,
    "tracing": _tracing,
    "trials": _trials,
    "costs": _costs,
}
