"""The arithmetic of drain ETA and workers needed, by Prometheus' own engine on series whose answers are known."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.grafana import capacity
from tests.deploy.grafana.dashboards import defaults, fill, load

PROMTOOL = shutil.which("promtool")
WORKERS = ("a", "b")
STEP_SECONDS = 15


def group(rate: float, idle: float, growth: float, commit: float = 0, batch: float = 512) -> dict[str, float]:
    """By how much two workers' series grow a second: records, shares of their time, the lag, records a batch."""
    found = {
        f'sentiment_consumer_lag_records{{job="sentiment-worker",instance="a",partition="{n}"}}': growth / 2
        for n in (0, 1)
    }
    for worker in WORKERS:
        labels = f'job="sentiment-worker",instance="{worker}"'
        found[f"sentiment_records_consumed_total{{{labels}}}"] = rate
        found[f'sentiment_stage_duration_seconds_sum{{{labels},stage="idle"}}'] = idle
        found[f'sentiment_stage_duration_seconds_sum{{{labels},stage="infer"}}'] = 1 - idle - commit
        found[f'sentiment_stage_duration_seconds_sum{{{labels},stage="commit"}}'] = commit
        found[f"sentiment_batch_records_sum{{{labels}}}"] = rate
        found[f"sentiment_batch_records_count{{{labels}}}"] = rate / batch
    return found


def after_ten_minutes(expression: str, growing: dict[str, float], expected: float, directory: Path) -> None:
    """Assert the expression's value after these series grew from 0 so fast for ten minutes, and a worker was up."""
    rows = [{"series": name, "values": f"0+{slope * STEP_SECONDS:.12g}x60"} for name, slope in growing.items()]
    rows += [{"series": f'up{{job="sentiment-worker",instance="{worker}"}}', "values": "1x60"} for worker in WORKERS]
    asked = fill(expression.replace("$__rate_interval", "1m"), defaults(load("stream")))
    question = {"expr": f"round(sum({asked}), 0.001)", "eval_time": "10m"}
    question["exp_samples"] = [{"labels": "{}", "value": expected}]  # type: ignore[assignment]
    test = {"interval": f"{STEP_SECONDS}s", "input_series": rows, "promql_expr_test": [question]}
    path = directory / "capacity.test.yml"
    path.write_text(json.dumps({"tests": [test]}))
    done = subprocess.run([str(PROMTOOL), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: apt install prometheus)")
@pytest.mark.parametrize(
    ("name", "growing", "expected"),
    [
        # 100/s each at half their time: 400/s are possible; 200/s are done and 100/s pile up.
        ("ARRIVAL_RATE", group(100, 0.5, 100), 300),
        ("CAPACITY_BY_WORKER", group(100, 0.5, 100), 400),
        ("DRAIN_SECONDS", group(100, 0.5, 100), 60_000 / (400 - 300)),
        ("WORKERS_NEEDED", group(100, 0.5, 100), 2),
        # 200/s are all they can do, and 100/s more arrive: 300/s and 60,000 in 900 s are 3.67 workers of 100/s.
        ("DRAIN_SECONDS", group(100, 0, 100), capacity.NEVER_SECONDS),
        ("WORKERS_NEEDED", group(100, 0, 100), 4),
        # Batches are a quarter full: three quarters of the time for commits are to spare, and 0.4 of it is busy.
        ("BUSY_BY_WORKER", group(100, 0, 0, commit=0.8, batch=128), 0.4 * 2),
        ("CAPACITY_BY_WORKER", group(100, 0, 0, commit=0.8, batch=128), 250 * 2),
        # In a full batch nothing is.
        ("CAPACITY_BY_WORKER", group(100, 0, 0, commit=0.8, batch=512), 100 * 2),
        # All is read, and a quarter of the time is enough.
        ("DRAIN_SECONDS", group(50, 0.75, 0), 0),
        ("WORKERS_NEEDED", group(50, 0.75, 0), 1),
        # Nothing comes, and nothing is known of what they could do.
        ("DRAIN_SECONDS", group(0, 1, 0), 0),
        ("WORKERS_NEEDED", group(0, 1, 0), 1),
        ("PARTITIONS", group(0, 1, 0), 2),
    ],
)
def test_capacity(name: str, growing: dict[str, float], expected: float, tmp_path: Path) -> None:
    after_ten_minutes(getattr(capacity, name), growing, expected, tmp_path)
