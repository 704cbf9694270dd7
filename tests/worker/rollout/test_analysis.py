from random import Random

import pytest

from worker.rollout.analysis import PROMOTE, ROLL_BACK, WAIT, Limits, judge, mix_surely_changed, surely_above
from worker.rollout.stats import CanaryStats
from worker.serving.routing import Experiment

LIMITS = Limits()
LATER = 601_000  # in milliseconds: longer than a canary has to serve


def stats(compared: int = 2_000, **changes: object) -> CanaryStats:
    """Those of a canary that is like the stable version, but for the changes."""
    kept: dict[str, object] = {
        "served": compared,
        "compared": compared,
        "stable_classes": {"negative": compared // 2, "positive": compared - compared // 2},
        "canary_classes": {"negative": compared // 2, "positive": compared - compared // 2},
        "stable_coverage": 0.9 * compared,
        "canary_coverage": 0.9 * compared,
        "stable_seconds": 1.0,
        "canary_seconds": 1.0,
    }
    return CanaryStats(Experiment(1, 2), 0, **(kept | changes))  # type: ignore[arg-type]


def test_a_canary_that_keeps_all_limits_is_promoted() -> None:
    verdict = judge(stats(differed=100), LIMITS, LATER)
    assert (verdict.decision, verdict.stable, verdict.canary) == (PROMOTE, 1, 2)
    assert verdict.figures["differences"] == 0.05


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"differed": 1_000}, "50.0% of its sentiments differ"),
        ({"failed": 100}, "could not score 100 of 2,000"),
        ({"differed": 340, "canary_classes": {"negative": 1_340, "positive": 660}}, "class mix differs by 17.0%"),
        ({"canary_coverage": 0.7 * 2_000}, "knows 20.0% less"),
        ({"canary_seconds": 3.0}, "3.00 times as long"),
    ],
)
def test_a_canary_that_surely_passes_a_limit_is_rolled_back(change: dict[str, object], reason: str) -> None:
    verdict = judge(stats(**change), LIMITS, 10_000)  # type: ignore[arg-type]
    assert verdict.decision == ROLL_BACK
    assert [reason in each for each in verdict.reasons] == [True]


@pytest.mark.parametrize(("compared", "now_ms"), [(999, LATER), (2_000, 599_000)])
def test_too_few_records_or_too_little_time_mean_to_wait(compared: int, now_ms: int) -> None:
    assert judge(stats(compared), LIMITS, now_ms).decision == WAIT


def test_a_limit_that_may_be_passed_by_chance_means_to_wait() -> None:
    limits = Limits(records=100)
    assert judge(stats(100, differed=24), limits, LATER).decision == WAIT
    assert judge(stats(2_000, differed=480), limits, LATER).decision == ROLL_BACK


def moved(compared: int, differed: int, by: int, classes: int = 2) -> CanaryStats:
    """Those of a canary that puts so many records more into the first class and fewer into the second."""
    stable = {f"class-{number}": compared // classes for number in range(classes)}
    stable["class-1"] += compared - sum(stable.values())
    canary = stable | {"class-0": stable["class-0"] + by, "class-1": stable["class-1"] - by}
    return stats(compared, differed=differed, stable_classes=stable, canary_classes=canary)


def test_a_mix_that_may_have_changed_by_chance_means_to_wait() -> None:
    limits = Limits(records=100)
    assert judge(moved(100, differed=19, by=13), limits, LATER).decision == WAIT
    assert judge(moved(4_000, differed=760, by=520), limits, LATER).decision == ROLL_BACK


def test_a_mix_has_changed_when_chance_does_not_explain_it() -> None:
    assert mix_surely_changed(moved(100, differed=15, by=15), 0.0)
    assert mix_surely_changed(moved(100, differed=30, by=26), 0.1)
    assert not mix_surely_changed(moved(100, differed=30, by=22), 0.1)
    assert not mix_surely_changed(moved(100, differed=100, by=26), 0.1), "differences in both ways are chance"
    assert not mix_surely_changed(moved(100, differed=30, by=26, classes=20), 0.1), "of many classes some always grow"
    assert mix_surely_changed(moved(9_000, differed=6_000, by=5_000, classes=3_000), 0.1)


def test_differences_in_both_ways_alike_never_look_like_a_change_of_mix() -> None:
    limits, draw = Limits(differences=1.0), Random(1)
    for _ in range(300):
        ways = [draw.choice((-1, 1)) if draw.random() < 0.18 else 0 for _ in range(600)]
        for compared in range(100, 601, 50):
            differed, by = sum(map(abs, ways[:compared])), sum(ways[:compared])
            assert judge(moved(compared, differed, by), limits, LATER).decision != ROLL_BACK


def test_classes_that_were_too_many_to_be_kept_mean_to_wait() -> None:
    verdict = judge(stats(stable_classes={}, canary_classes={}), LIMITS, LATER)
    assert (verdict.decision, "2,000 compared records are too many" in verdict.reasons[0]) == (WAIT, True)
    assert judge(stats(stable_classes={}, canary_classes={}), Limits(mix_change=1.0), LATER).decision == PROMOTE


def test_nothing_is_sure_after_a_few_records() -> None:
    assert judge(stats(20, differed=20, canary_seconds=9.0, canary_coverage=0.0), LIMITS, LATER).decision == WAIT


def test_a_share_is_surely_above_a_limit_when_chance_does_not_explain_it() -> None:
    assert surely_above(35, 100, 0.2)
    assert not surely_above(25, 100, 0.2)
    assert not surely_above(0, 0, 0.0)
    assert surely_above(250_000, 1_000_000, 0.2)


def test_a_rare_failure_is_chance_and_many_are_not() -> None:
    assert not surely_above(1, 100, 0.001)
    assert not surely_above(2, 400, 0.001)
    assert surely_above(6, 400, 0.001)


def test_a_canary_that_a_worker_cannot_use_is_rolled_back() -> None:
    verdict = judge(stats(load_failure="its golden set does not hold"), LIMITS, 1_000)
    assert verdict.decision == ROLL_BACK
    assert "golden set" in verdict.reasons[0]


def test_a_verdict_tells_figures_and_limits_in_json() -> None:
    reported = judge(stats(), LIMITS, LATER).to_json()
    assert reported["limits"]["differences"] == LIMITS.differences
    assert reported["figures"]["compared"] == 2_000
