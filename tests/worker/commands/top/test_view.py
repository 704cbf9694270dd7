from collections.abc import Sequence

import pytest

from tests.worker.commands.group.scrapes import scrape
from worker.commands.group.scrape import Answer, Scrape, Unreachable
from worker.commands.top.capacity import Drain, Target
from worker.commands.top.rates import Observations
from worker.commands.top.view import GroupView, to_json, view

TARGET = Target(headroom=0.0)
SILENT = Unreachable("worker-9:8000", "connection refused")


def seen(*observations: Sequence[Answer], target: Target = TARGET) -> GroupView:
    """The group after so many looks at it."""
    kept = Observations(over_seconds=10.0)
    for answers in observations:
        kept.add(answers)
    return view(observations[-1], kept, target)


def busy(at: float, lags: dict[int, int], address: str = "worker-1:8000", records: float = 0.0) -> Scrape:
    """A worker that never waits and does 100 records a second since it started at 0."""
    return scrape(at, records or 100 * at, lags, {"infer": 0.9 * at, "commit": 0.1 * at}, address)


def test_a_group_is_the_sum_of_its_workers() -> None:
    before = [busy(0, {0: 500, 1: 500}), busy(0, {2: 0, 3: 900}, "worker-2:8000")]
    after = [busy(10, {0: 600, 1: 400}), busy(10, {2: 0, 3: 1_400}, "worker-2:8000")]
    found = seen(before, after)
    assert (found.lag, found.records_per_second, found.change_per_second) == (2_400, 200.0, 50.0)
    assert (found.arriving_per_second, found.per_worker, found.needed) == (250.0, 100.0, 3)
    assert (found.drain, found.finding.limit) == (Drain("never"), "CPU")


def test_each_partition_has_its_own_rate() -> None:
    found = seen([busy(0, {0: 500, 1: 500})], [busy(10, {0: 600, 1: 400})])
    assert [each.records_per_second for each in found.partitions] == [50.0, 50.0]
    assert [each["records_per_second"] for each in to_json(found, "")["partitions"]] == [50.0, 50.0]
    assert [each.records_per_second for each in seen([busy(10, {0: 600})]).partitions] == [None]


def test_a_lag_that_falls_drains() -> None:
    found = seen([busy(0, {0: 3_000})], [busy(10, {0: 2_400})])
    assert found.drain == found.workers[0].drain == found.partitions[0].drain == Drain("draining", 40.0)
    assert found.arriving_per_second == 40.0


def test_a_lag_that_is_to_be_gone_in_time_takes_more_workers() -> None:
    observations = [busy(0, {0: 3_000})], [busy(10, {0: 2_400})]
    assert seen(*observations).needed == 1
    assert seen(*observations, target=Target(0.0, drain_seconds=10.0)).needed == 3


def test_the_first_look_knows_lags_but_no_rates() -> None:
    found = seen([busy(10, {0: 600})])
    assert (found.lag, found.records_per_second, found.arriving_per_second, found.needed) == (600, None, None, None)
    assert (found.drain, found.finding.limit, found.rates) == (Drain("unknown"), "unclear", None)


def test_partitions_that_are_handed_over_are_still_the_same_lag() -> None:
    before = [busy(0, {0: 500, 1: 700}), busy(0, {}, "worker-2:8000")]
    after = [busy(10, {0: 100}), busy(10, {1: 200}, "worker-2:8000")]
    found = seen(before, after)
    assert (found.change_per_second, [each.worker for each in found.partitions]) == (
        -90.0, ["worker-2:8000", "worker-1:8000"],
    )  # fmt: skip


def test_a_partition_that_two_workers_show_counts_once() -> None:
    assert seen([busy(0, {0: 500}), busy(0, {0: 480}, "worker-2:8000")]).lag == 500


def test_the_worst_comes_first() -> None:
    lags = {"worker-1:8000": {0: 10}, "worker-2:8000": {1: 500, 2: 0}, "worker-3:8000": {}}
    found = seen([busy(0, each, address) for address, each in lags.items()])
    assert [each.state.address[7] for each in found.workers] == ["2", "1", "3"]
    assert [each.number for each in found.partitions] == [1, 0, 2]


def test_a_worker_that_does_not_answer_is_left_out_and_told() -> None:
    found = seen([busy(0, {0: 0}), SILENT], [busy(10, {0: 0}), SILENT])
    assert (found.silent, found.agree, found.records_per_second) == ([SILENT], False, 100.0)


def test_nobody_at_all() -> None:
    found = seen([SILENT], [SILENT])
    assert (found.lag, found.drain, found.needed, found.finding.reason) == (
        0,
        Drain("caught up", 0.0),
        None,
        "no worker answers",
    )


def test_a_worker_without_partitions_is_a_worker_all_the_same() -> None:
    observations = [
        [busy(at, {0: 9_000, 1: 9_000}), scrape(at, 0, {}, {"idle": at}, "worker-2:8000")] for at in (0.0, 10.0)
    ]
    found = seen(*observations)
    assert [each.finding.limit for each in found.workers] == ["CPU", "partitions"]
    assert (found.finding.limit, found.per_worker) == ("partitions", 100.0)


def test_the_lag_of_a_worker_that_stands_still_is_not_known() -> None:
    found = seen([scrape(0.0)], [scrape(10.0)])
    assert (found.drain, found.workers[0].drain, found.per_worker) == (Drain("unknown"), Drain("unknown"), None)


def test_a_restart_leaves_rates_unknown_for_one_look() -> None:
    anew = [scrape(at, at, {0: 0}, process_start_time_seconds=2_000.0) for at in (10.0, 12.0)]
    assert seen([busy(8, {0: 0})], anew[:1]).records_per_second is None
    assert seen([busy(8, {0: 0})], anew[:1], anew[1:]).records_per_second == 1.0


@pytest.mark.parametrize("observations", [1, 2])
def test_json_has_all_figures_or_null(observations: int) -> None:
    reported = to_json(seen(*([busy(10.0 * number, {0: 600}), SILENT] for number in range(observations))), "now")
    assert (reported["lag"], reported["records_per_second"]) == (600, None if observations == 1 else 100.0)
    silent, worker = reported["workers"]
    assert (silent["reachable"], worker["reachable"], worker["lags"]) == (False, True, {0: 600})
    assert (worker["shares"] is None) == (observations == 1)
    assert reported["partitions"][0]["drain"]["course"] == ("unknown" if observations == 1 else "never")
