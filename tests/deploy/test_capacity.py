"""The arithmetic of capacity: from measured figures that are where it says, and in the document as it is told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.capacity.__main__ import DOCUMENT, document, main
from deploy.capacity.inputs import CLIENTS, COMPRESSIONS, INPUTS, MODELS, values
from deploy.capacity.plan import BATCHES_IN_P50, plan
from deploy.capacity.quantities import Need, size
from worker.settings.settings import Settings

ROOT = Path(__file__).parents[2]


def found(path: str, location: str) -> float:
    """What stands at a place in a file of results; of a list, the entry of that contender."""
    value: Any = json.loads((ROOT / path).read_text(encoding="utf-8"))
    for key in location.split("/"):
        value = value[key] if isinstance(value, dict) else next(row for row in value if row["contender"] == key)
    return float(value)


@pytest.mark.parametrize("name", [name for name, each in INPUTS.items() if each.measured])
def test_a_measured_figure_is_what_was_measured(name: str) -> None:
    each = INPUTS[name]
    assert each.value == pytest.approx(found(each.source, each.location), rel=0.02)


def test_a_chosen_figure_says_why() -> None:
    assert all(each.source for each in INPUTS.values())
    assert INPUTS["max_batch_records"].value == Settings().max_batch_records


def test_the_document_shows_what_the_command_tells() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count("<!-- python -m deploy.capacity") == text.count("<!-- end -->") >= 4
    assert document() == text, "write it anew: python -m deploy.capacity --document"


def test_workers_and_partitions_follow_from_the_rate() -> None:
    inputs = values() | {"reviews_per_core[reviews,kafka-python]": 1_000.0, "worker_utilisation_ratio": 0.5}
    made = plan(Need(rate=10_000), inputs)
    assert (made["workers"], made["partitions"]) == (20, 48)


def test_workers_make_transactions_in_the_time_that_scoring_leaves_them() -> None:
    inputs = values() | {
        "reviews_per_core[reviews,kafka-python]": 1_000.0,
        "committed_p50_seconds[kafka-python]": 0.015,
    }
    # Two workers, 100 batches a second each: a fifth of their time is for the records.
    assert plan(Need(rate=400), inputs)["transactions a second"] == pytest.approx(2 * 100 * (1 - 0.2))


@pytest.mark.parametrize("rate", [10, 150, 1_000, 100_000])
@pytest.mark.parametrize("client", CLIENTS)
def test_the_transactions_are_what_the_arithmetic_beside_them_says(client: str, rate: float) -> None:
    step = plan(Need(rate=rate, client=client), values()).steps["transactions a second"]
    reported = re.search(r"([\d,]+) workers × ([\d.]+) ÷ ([\d.]+) ms × \(1 - ([\d.]+) scoring\)", step.arithmetic)
    assert reported
    workers, batches, milliseconds, busy = (float(each.replace(",", "")) for each in reported.groups())
    possible = workers * batches / milliseconds * 1_000 * (1 - busy)
    # The p50 is written with one place after the point.
    assert step.value == pytest.approx(min(possible, rate), rel=0.02)
    assert step.arithmetic.startswith("one a review") == (possible > rate)


def test_the_document_explains_the_batches_in_the_median_time() -> None:
    p50, text = INPUTS["committed_p50_seconds[kafka-python]"].value, DOCUMENT.read_text(encoding="utf-8")
    batches = f"{BATCHES_IN_P50:g} ÷ {p50 * 1_000:.1f} ms are {BATCHES_IN_P50 / p50:.0f} batches a second"
    assert batches in " ".join(text.split())


def test_traffic_counts_every_replica_and_every_reader() -> None:
    inputs = values() | {"review_bytes[none]": 1_000.0, "sentiment_bytes[none]": 100.0}
    made = plan(Need(rate=10, replication=3, readers=2, retention_hours=1), inputs)
    assert made["into brokers"] == 10 * 1_100 * 3
    assert made["out of brokers"] == 10 * (1_000 + 2 * 100) + 10 * 1_100 * 2
    assert made["disk"] == 10 * 1_100 * 3 * 3_600


def test_brokers_take_as_long_as_was_measured_with_three_replicas() -> None:
    taken = {"written": 10.0, "passed": 20.0, "transaction": 1_000.0}
    inputs = values() | {f"broker_cpu_microseconds[{what}]": each for what, each in taken.items()}
    made = plan(Need(rate=10_000), inputs)
    assert made["broker CPU"] == pytest.approx((10_000 * 30 + made["transactions a second"] * 1_000) / 1e6)
    assert plan(Need(rate=10_000, replication=6), inputs)["broker CPU"] == pytest.approx(made["broker CPU"] * 2)


@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("broker_network_bytes_per_second", 1e6),
        ("broker_disk_bytes", 1e10),
        ("broker_cores", 0.1),
        ("replicas_per_broker", 2.0),
    ],
)
def test_each_limit_of_a_broker_asks_for_more_of_them(name: str, small: float) -> None:
    need = Need(rate=10_000)
    assert plan(need, values() | {name: small})["brokers"] > plan(need, values())["brokers"]


def test_redis_holds_a_key_a_review_until_it_expires() -> None:
    made = plan(Need(rate=100, redis_expiry_seconds=60), values() | {"redis_bytes_a_key": 400.0})
    assert made["Redis memory"] == 100 * 60 * 400


def test_a_price_is_that_of_the_cores() -> None:
    made = plan(Need(rate=1_000_000, price=2.0), values())
    assert made["price an hour"] == made["cores"] * 2
    assert made["price a million reviews"] == pytest.approx(made["price an hour"] / 3_600)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_combination_has_its_figures(model: str, client: str, compression: str) -> None:
    made = plan(Need(50_000, model, client, compression), values())
    assert all(step.value > 0 for step in made.steps.values())


def test_the_command_tells_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rate", "1000", "10000", "--json"]) == 0
    small, large = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert small["figures"]["disk"]["value"] * 10 == pytest.approx(large["figures"]["disk"]["value"])


@pytest.mark.parametrize("flags", [["--rate", "0"], ["--rate", "nan"], ["--model", "x"], ["--replication", "0"]])
def test_what_makes_no_sense_is_bad_use(flags: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(flags)


@pytest.mark.parametrize(("count", "text"), [(999, "999 B"), (1_500, "1.5 kB"), (263e6, "263 MB"), (2e15, "2.0 PB")])
def test_sizes_are_written_in_powers_of_ten(count: float, text: str) -> None:
    assert size(count) == text
