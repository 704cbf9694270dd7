"""`python -m worker cache-fill`: writes to Redis what the output topic holds."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import msgspec

from worker.cache import Cache, CacheEntry, open_cache
from worker.commands.common import connect
from worker.commands.common.arguments import duration_seconds, start_of
from worker.commands.common.consume import read_to_end
from worker.commands.common.progress import progress_bar
from worker.errors import BadUse
from worker.kafka.types import Record, Subscription
from worker.messages import decode

_EXAMPLES = """examples:
  python -m worker cache-fill                all that has not expired, after Redis lost everything
  python -m worker cache-fill --since 30m    what it missed while it was away for less than that"""
# Nobody waits for this write, unlike a worker's: a Redis that is busy may take its time.
_TIMEOUT_SECONDS = 10.0


@dataclass(slots=True)
class Counts:
    """What became of the records."""

    read: int = 0
    written: int = 0
    newer_kept: int = 0
    expired: int = 0
    no_sentiment: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `cache-fill`."""
    parser.add_argument(
        "--since",
        type=duration_seconds,
        metavar="TIME",
        help="begin so long ago: 30s, 10m, 2h, 1d (default: all that has not expired)",
    )
    connect.add_arguments(parser, "[--since TIME] [--json]", _EXAMPLES)


def main(arguments: argparse.Namespace) -> int:
    """Fill the cache up to the end of the output topic."""
    settings = connect.prepare(arguments)
    cache = open_cache(settings, _TIMEOUT_SECONDS)
    if cache is None:
        raise BadUse("there is no cache to fill: set SENTIMENT_REDIS_URL")
    expiry = settings.redis_expiry_seconds
    since = expiry if arguments.since is None else min(arguments.since, expiry)
    started = time.monotonic()
    try:
        cache.check()
        with (
            connect.connected(settings, Subscription(settings.output_topic, None, start_of(since, False))) as broker,
            progress_bar("filling the cache") as show,
        ):
            polled = read_to_end(broker, settings)
            counts = fill(cache, polled, expiry, lambda read: show(read, read + sum(broker.lags().values())))
    finally:
        cache.close()
    _report(counts, settings.output_topic, time.monotonic() - started, arguments.json)
    return 0


def fill(
    cache: Cache,
    polled: Iterable[Sequence[Record]],
    expiry_seconds: int,
    progress: Callable[[int], None] = lambda read: None,
    clock: Callable[[], float] = time.time,
) -> Counts:
    """Write the sentiments among the records, each for as long as it still has to live. Raises StopWorker."""
    counts = Counts()
    for records in polled:
        entries = []
        for record in records:
            sentiment = decode(record.value)
            left_seconds = min(expiry_seconds, record.timestamp_ms / 1000 + expiry_seconds - clock())
            if sentiment is None or record.value is None:
                counts.no_sentiment += 1
            elif left_seconds <= 0:
                counts.expired += 1
            else:
                entries.append(CacheEntry(sentiment.id, record.value, sentiment.scored_at, left_seconds))
        written = cache.fill(entries)
        counts.read += len(records)
        counts.written += written
        counts.newer_kept += len(entries) - written
        progress(counts.read)
    return counts


def _report(counts: Counts, topic: str, seconds: float, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(asdict(counts) | {"seconds": round(seconds, 3)}).decode() + "\n")
        return
    notes = {
        "newer in Redis already": counts.newer_kept,
        "expired": counts.expired,
        "no sentiment": counts.no_sentiment,
    }
    reported = ", ".join(f"{count:,} {what}" for what, count in notes.items() if count)
    sys.stdout.write(
        f"Wrote {counts.written:,} of {counts.read:,} records of topic {topic} to Redis in {seconds:.1f} s"
        f"{reported and f' ({reported})'}.\n"
    )
