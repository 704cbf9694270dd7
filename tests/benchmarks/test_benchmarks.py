"""Each benchmark once, small: that it measures what it says, never how fast anything is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.registry.registry import PACKAGED_STORE
from models.scorer import Scorer
from tests.benchmarks import costs, latency, machine, memory, results, swaps, throughput, tracing, trials
from tests.benchmarks.contenders import BASELINES, BATCHED, ONE_BY_ONE, QUIX, Worker
from tests.benchmarks.reviews import SAMPLE
from tests.benchmarks.workbench import Workbench

pytestmark = pytest.mark.slow
REVIEWS = 2_000
SMALL = {ONE_BY_ONE.name: 5, BATCHED.name: 128, QUIX.name: REVIEWS}


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with Workbench(PACKAGED_STORE, "imdb", SAMPLE, partitions=3) as bench:
        yield bench


def test_every_contender_does_all_reviews_and_is_compared_with_the_baselines(bench: Workbench) -> None:
    workers = [Worker("kafka-python", "exactly_once"), Worker("librdkafka", "exactly_once")]
    baselines = [replace(baseline, most_reviews=SMALL[baseline.name]) for baseline in BASELINES]
    rows = {row["contender"]: row for row in throughput.measure(bench, workers, baselines, REVIEWS, repeats=1)}
    assert set(rows) == {*(worker.name for worker in workers), *SMALL}
    for baseline in baselines:
        assert rows[baseline.name]["reviews"] >= SMALL[baseline.name]
        assert rows[baseline.name]["ratios"][baseline.name] == 1
    for worker in workers:
        assert rows[worker.name]["reviews"] == REVIEWS
        assert {"infer", "commit"} <= set(rows[worker.name]["stage_microseconds"])


def test_latency_counts_every_review_once_from_its_timestamp(bench: Workbench) -> None:
    [row] = latency.measure(bench, [Worker("kafka-python", "at_least_once")], rate=50, seconds=2)
    assert row["reviews"] == 100
    for figure in ("committed_seconds", "visible_seconds"):
        assert 0 < row[figure]["p50"] <= row[figure]["p95"] <= row[figure]["p99"]


def test_memory_is_looked_at_after_each_number_of_reviews(bench: Workbench) -> None:
    [row] = memory.measure(bench, [Worker("kafka-python", "exactly_once")], (500, REVIEWS))
    assert set(row["memory_bytes_after"]) == {"500", str(REVIEWS)}
    assert 0 < row["memory_bytes_after"]["500"] <= row["peak_memory_bytes"]
    assert row["first_result_seconds"] > 0


def test_latency_is_measured_while_another_version_is_tried(bench: Workbench) -> None:
    rows = trials.measure(bench, [Worker("kafka-python", "exactly_once")], rate=100, seconds=2)
    alone, shadow, canary = (row["compared"] for row in rows)
    assert alone == 0
    assert shadow > 0
    assert canary > 0


def test_pauses_are_measured_with_and_without_new_versions(bench: Workbench) -> None:
    row = swaps.measure_one(bench, Worker("librdkafka", "exactly_once"), rate=100, swaps=2)
    assert row["versions"] == [1, 2]
    for kind in ("with_seconds", "without_seconds"):
        assert 0 < row[kind]["p50"] <= row[kind]["p99"] <= row[kind]["most"]


def test_a_passage_counts_what_brokers_and_redis_took(bench: Workbench) -> None:
    found = costs.passage(bench, Worker("librdkafka", "exactly_once"), REVIEWS, batch=100, compression="lz4")
    assert found.transactions >= REVIEWS / 100
    assert found.transactions <= found.markers <= found.transactions * bench.partitions
    assert found.broker_cpu_seconds > 0
    assert 0 < found.sentiment_bytes < 200 < found.redis_bytes_a_key < 600


def test_compressed_reviews_take_less(bench: Workbench) -> None:
    assert costs.review_bytes(bench, "zstd", REVIEWS) < costs.review_bytes(bench, "none", REVIEWS)


def test_shares_of_a_cost_are_told_apart() -> None:
    runs = [(reviews, transactions, 1.0) for reviews, transactions in ((10, 1), (40, 1), (40, 20))]
    assert costs.solve([(*run, 3 * run[0] + 5 * run[1] + 7) for run in runs]) == pytest.approx([3, 5, 7])


def test_tracing_is_compared_with_a_loop_that_has_no_place_for_it(bench: Workbench) -> None:
    found = tracing.measure(Scorer.load(bench.model_path), batches=2, repeats=1)
    assert set(found["ratios"]) == {"plain", "off", "on", "on, nobody listens"}
    assert found["spans"] >= 2 * len(("process reviews", "decode", "infer", "commit"))


def test_a_pause_is_the_longest_time_without_a_result() -> None:
    moments = np.array([0.5, 1.0, 1.2, 1.9, 2.6])
    assert swaps.longest(moments, 1.0) == pytest.approx(0.7)
    assert swaps.longest(moments, 5.0) == swaps.WINDOW_SECONDS


def test_a_profile_names_the_functions_that_use_the_processor(bench: Workbench, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    memory.measure(bench, [Worker("kafka-python", "exactly_once", profile=profile)], (REVIEWS,))
    seconds = json.loads(profile.read_text())
    assert any("Session.run" in index for index in seconds["own"])
    assert any("Pipeline.turn" in index for index in seconds["total"])


def test_a_page_shows_every_figure_with_its_machine(bench: Workbench, tmp_path: Path) -> None:
    described = machine.describe() | {"scored_per_cpu_second": 1}
    rows = memory.measure(bench, [Worker("librdkafka", "at_least_once")], (REVIEWS,))
    page = results.save({"machine": described, "settings": {"model": "imdb"}, "memory": rows}, tmp_path)
    assert f"commit {described['commit']}" in page.read_text()
    assert rows[0]["contender"] in page.read_text()
    assert json.loads(page.with_suffix(".json").read_text())["memory"] == rows
