from collections.abc import Mapping

import pytest

from tests.worker.commands.group.scrapes import scrape
from worker.commands.group.scrape import Scrape, Unreachable
from worker.commands.top.rates import (
    CPU_STAGES,
    KAFKA_STAGES,
    REDIS_STAGES,
    Observations,
    Rates,
    partition_rates,
    rates_between,
)
from worker.observability.metrics import STAGES


def rates(before: Scrape, after: Scrape) -> Rates:
    found = rates_between(before, after)
    assert found is not None
    return found


def batches(**counts: float) -> Mapping[str, list[tuple[Mapping[str, str], float]]]:
    """The cumulative buckets of a histogram of batches, as `le512=3`."""
    buckets = [({"le": name.removeprefix("le")}, count) for name, count in counts.items()]
    return {"sentiment_batch_records_bucket": buckets}


def with_batches(answer: Scrape, records: float, count: float, **buckets: float) -> Scrape:
    sums = {"sentiment_batch_records_sum": [({}, records)], "sentiment_batch_records_count": [({}, count)]}
    return Scrape(answer.address, answer.at, {**answer.samples, **sums, **batches(**buckets)}, (), ())


def test_a_partition_that_just_came_has_a_rate_and_that_of_a_worker_that_does_not_tell_is_not_known() -> None:
    before, after = scrape(0.0, lags={0: 5}), scrape(2.0, records=300, lags={0: 5, 1: 5})
    assert partition_rates(before, after) == {0: 75.0, 1: 75.0}
    silent = {name: each for name, each in after.samples.items() if name != "sentiment_partition_records_total"}
    assert partition_rates(before, Scrape(after.address, after.at, silent, (), ())) is None
    assert partition_rates(before, scrape(2.0, process_start_time_seconds=2_000.0)) is None


def test_every_stage_belongs_to_one_resource() -> None:
    assert sorted([*CPU_STAGES, *KAFKA_STAGES, *REDIS_STAGES, "idle"]) == sorted(STAGES)


def test_rates_and_shares_are_differences() -> None:
    before = scrape(10.0, records=500, stages={"infer": 3.0, "idle": 7.0}, process_cpu_seconds_total=4.0)
    after = scrape(14.0, records=900, stages={"infer": 5.0, "idle": 8.0}, process_cpu_seconds_total=6.0)
    found = rates(before, after)
    assert (found.records_per_second, found.cores, found.shares["infer"], found.idle) == (100.0, 0.5, 0.5, 0.25)
    assert (found.busy, found.other) == (0.75, 0.25)


def test_a_stage_that_began_before_the_first_answer_makes_no_more_than_the_whole() -> None:
    found = rates(scrape(0.0), scrape(2.0, stages={"commit": 3.0, "infer": 1.0}))
    assert (found.shares["commit"], found.shares["infer"], found.other) == (0.75, 0.25, 0.0)


@pytest.mark.parametrize("started", [1_000.0, 2_000.0])
def test_a_worker_that_started_anew_has_no_negative_rates(started: float) -> None:
    before = scrape(0.0, records=500, stages={"infer": 9.0})
    again = scrape(2.0, records=20, stages={"infer": 1.0}, process_start_time_seconds=started)
    assert rates_between(before, again) is None


def test_one_that_did_more_since_its_new_start_than_before_it_is_known_by_the_start() -> None:
    again = scrape(2.0, records=900, process_start_time_seconds=2_000.0)
    assert rates_between(scrape(0.0, records=500), again) is None


@pytest.mark.parametrize("up", [0.0, 1.0])
def test_an_outage_of_kafka_is_known(up: float) -> None:
    assert rates(scrape(0.0), scrape(1.0, sentiment_kafka_up=up)).kafka_answers is bool(up)


def test_where_the_system_does_not_tell_processor_time_is_not_known() -> None:
    assert rates(scrape(0.0), scrape(1.0)).cores is None


def test_batches_done_again_and_a_failing_cache_are_counted() -> None:
    before, after = scrape(0.0), scrape(2.0, sentiment_cache_errors_total=3)
    expired = [({"outcome": "committed"}, 9.0), ({"outcome": "refused"}, 1.0), ({"outcome": "expired"}, 1.0)]
    after = Scrape(after.address, after.at, {**after.samples, "sentiment_transactions_total": expired}, (), ())
    assert (rates(before, after).redone, rates(before, after).cache_errors) == (2, 3)


def test_a_busy_worker_spends_on_commits_what_full_batches_cost() -> None:
    before = with_batches(scrape(0.0), 0, 0, le64=0, le512=0)
    stages = {"infer": 0.2, "commit": 0.4, "idle": 0.4}
    after = with_batches(scrape(1.0, records=100, stages=stages), 128, 2, le64=1, le512=2)
    assert rates(before, after).capacity == pytest.approx(100 / (0.2 + 0.4 * 64 / 512))


def test_a_worker_that_never_waits_does_all_that_it_can() -> None:
    before = with_batches(scrape(0.0), 0, 0, le512=0)
    stages = {"infer": 0.6, "commit": 0.4}
    after = with_batches(scrape(1.0, records=512, stages=stages), 512, 1, le512=1)
    assert rates(before, after).capacity == pytest.approx(512)


def test_an_answer_is_compared_with_the_oldest_that_is_young_enough() -> None:
    observations = Observations(over_seconds=6.0)
    for at in (0.0, 2.0, 4.0, 6.0, 8.0, 10.0):
        observations.add([scrape(at)])
    before = observations.before(scrape(10.0))
    assert before is not None
    assert before.at == 4.0


def test_a_worker_that_started_anew_is_compared_with_its_new_self() -> None:
    observations = Observations(over_seconds=10.0)
    observations.add([scrape(0.0, records=500)])
    for at in (2.0, 4.0, 6.0):
        observations.add([scrape(at, records=at, process_start_time_seconds=2_000.0)])
    before = observations.before(scrape(6.0, records=6.0, process_start_time_seconds=2_000.0))
    assert before is not None
    assert before.at == 2.0


def test_a_lag_is_known_of_the_partition_whoever_reads_it() -> None:
    observations = Observations(over_seconds=10.0)
    observations.add([scrape(0.0, lags={3: 70}, address="worker-1:8000")])
    observations.add([scrape(2.0, lags={3: 40}, address="worker-2:8000"), Unreachable("worker-1:8000", "gone")])
    assert observations.lag_before(3) == (0.0, 70)
    assert observations.lag_before(4) is None
