"""What the demo says at the end: the figures in words, and what to try while it stays up."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from redis import Redis
from rich.table import Table

from deploy.local.demo.replay import Review
from deploy.local.demo.results import Verdict, percentile
from deploy.local.demo.run import DemoRun
from deploy.local.demo.view import View, duration

KEYS_AT_ONCE = 1_000


def redis_count(url: str, reviews: Sequence[Review]) -> int:
    """How many of the reviews have their sentiment in Redis."""
    keys = [f"sentiment:{review.id}" for review in reviews]
    with Redis.from_url(url) as client:
        return sum(
            int(client.exists(*keys[start : start + KEYS_AT_ONCE])) for start in range(0, len(keys), KEYS_AT_ONCE)
        )


def print_summary(view: View, verdict: Verdict, demo: DemoRun, dead_letters: int, in_redis: int) -> None:
    """The verdict in words."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", justify="right")
    table.add_column()
    colour = "green" if verdict.good else "bold red"
    table.add_row(
        "delivery",
        f"[{colour}]{verdict.sent:,} sent, {verdict.lost:,} lost, {verdict.duplicated:,} duplicated[/], "
        "read back from the topic",
    )
    table.add_row("result", f"{verdict.sentiments:,} sentiments, {dead_letters:,} dead letters, {in_redis:,} in Redis")
    table.add_row("speed", f"{verdict.reviews_per_second:,.0f} reviews/s from the first sent to the last result")
    table.add_row("latency", latency_sentence(verdict, demo))
    table.add_row("quality", f"F1 {verdict.f1:.3f} of the positive class, against the authors' ratings")
    view.console.print()
    view.console.print(table)


def latency_sentence(verdict: Verdict, demo: DemoRun) -> str:
    """The percentiles over the whole run, and those before the kill where there was one."""
    whole = f"p50 {duration(verdict.p50_seconds)}, p99 {duration(verdict.p99_seconds)} from record timestamp to result"
    calm = [result.seconds for result in demo.results.seen.values() if result.seen_at < (demo.killed_at or 0)]
    if not calm:
        return whole
    return f"{whole}\nbefore the kill: p50 {duration(percentile(calm, 50))}, p99 {duration(percentile(calm, 99))}"


def commands_to_try(settings: Mapping[str, str], ports: Sequence[int], versions: Sequence[int], logs: Path) -> str:
    """Addresses and commands for a second terminal, in the project's directory; `versions` of the model are there."""
    shared = ("KAFKA_BOOTSTRAP_SERVERS", "INPUT_TOPIC", "OUTPUT_TOPIC", "DEAD_LETTER_TOPIC", "REDIS_URL", "MODEL_STORE")
    exports = "\n".join(f"  export SENTIMENT_{name}={settings[f'SENTIMENT_{name}']}" for name in shared)
    workers, model = ",".join(f"127.0.0.1:{port}" for port in ports), settings["SENTIMENT_MODEL_NAME"]
    return f"""
[bold]Everything stays up until Ctrl-C.[/] In a second terminal, in this directory:

{exports}
  .venv/bin/python -m worker tail
  .venv/bin/python -m worker send "What a wonderful film"
  .venv/bin/python -m worker send --file deploy/local/demo/sample_reviews.tsv.gz --rate 200
  .venv/bin/python -m worker top --workers {workers}
  .venv/bin/python -m models score "This is soo sad"
  .venv/bin/python -m models label {model} canary {versions[-1]} --share 0.5
  .venv/bin/python -m worker status --workers {workers} --watch
  .venv/bin/python -m models label {model} stable {versions[-1]}
  .venv/bin/python -m models label {model} stable {versions[0]}
  .venv/bin/python -m models history {model}
{"".join(f"  curl -s 127.0.0.1:{port}/metrics | grep sentiment_{chr(10)}" for port in ports)}
The workers' logs are in {logs}; version {versions[-1]} is a copy of version {versions[0]}, to try updates with."""
