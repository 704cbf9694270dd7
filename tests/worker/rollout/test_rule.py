import pytest

from worker.rollout.rule import PROMOTE, ROLL_BACK, WAIT, Limits, judge, surely_above
from worker.rollout.signals import Contest, Signals

LIMITS = Limits()
LATER = 601_000  # in milliseconds: longer than a canary has to serve


def signals(compared: int = 2_000, **changes: object) -> Signals:
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
    return Signals(Contest(1, 2), 0, **(kept | changes))  # type: ignore[arg-type]


def test_a_canary_that_keeps_all_limits_is_promoted() -> None:
    verdict = judge(signals(differed=100), LIMITS, LATER)
    assert (verdict.decision, verdict.stable, verdict.canary) == (PROMOTE, 1, 2)
    assert verdict.figures["differences"] == 0.05


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"differed": 1_000}, "50.0% of its sentiments differ"),
        ({"failed": 100}, "could not score 100 of 2,000"),
        ({"canary_classes": {"negative": 1_600, "positive": 400}}, "class mix differs by 30.0%"),
        ({"canary_coverage": 0.7 * 2_000}, "knows 20.0% less"),
        ({"canary_seconds": 3.0}, "3.00 times as long"),
    ],
)
def test_a_canary_that_surely_passes_a_limit_is_rolled_back(change: dict[str, object], reason: str) -> None:
    verdict = judge(signals(**change), LIMITS, 10_000)  # type: ignore[arg-type]
    assert verdict.decision == ROLL_BACK
    assert [reason in each for each in verdict.reasons] == [True]


@pytest.mark.parametrize(("compared", "now_ms"), [(999, LATER), (2_000, 599_000)])
def test_too_few_records_or_too_little_time_mean_to_wait(compared: int, now_ms: int) -> None:
    assert judge(signals(compared), LIMITS, now_ms).decision == WAIT


def test_a_limit_that_may_be_passed_by_chance_means_to_wait() -> None:
    limits = Limits(records=100)
    assert judge(signals(100, differed=24), limits, LATER).decision == WAIT
    assert judge(signals(2_000, differed=480), limits, LATER).decision == ROLL_BACK


def test_nothing_is_sure_after_a_few_records() -> None:
    assert judge(signals(20, differed=20, canary_seconds=9.0, canary_coverage=0.0), LIMITS, LATER).decision == WAIT


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
    verdict = judge(signals(refusal="its golden set does not hold"), LIMITS, 1_000)
    assert verdict.decision == ROLL_BACK
    assert "golden set" in verdict.reasons[0]


def test_a_verdict_tells_figures_and_limits_in_json() -> None:
    told = judge(signals(), LIMITS, LATER).to_json()
    assert told["limits"]["differences"] == LIMITS.differences
    assert told["figures"]["compared"] == 2_000
