import pytest

from worker.commands.rescore.comparison import Change, Comparison, Names, NewResults
from worker.messages import Sentiment


def said(review_id: str, positive: float, version: int = 1, model: str = "imdb") -> Sentiment:
    scores = {"negative": 1 - positive, "positive": positive}
    return Sentiment(review_id, max(scores, key=lambda each: scores[each]), scores, 1.0, model, version, {}, "")


def new_results(**scores: float) -> NewResults:
    """New results by id and score of positive."""
    new = NewResults("positive")
    for review_id, positive in scores.items():
        new.add(said(review_id, positive, 2))
    return new


def compared(new: NewResults, **old: float) -> Comparison:
    """Against old ones of version 1."""
    comparison = new.compare()
    for number, (review_id, positive) in enumerate(old.items()):
        comparison.add_old(number, said(review_id, positive))
    return comparison


def test_an_example_by_hand() -> None:
    statistics = compared(new_results(a=0.9, b=0.8, c=0.3, d=0.6), a=0.7, b=0.2, c=0.4, x=0.5).statistics()
    assert (statistics.results, statistics.compared) == (4, 3)
    assert statistics.confusion == {"positive": {"positive": 1}, "negative": {"positive": 1, "negative": 1}}
    assert statistics.new_classes == {"positive": 3, "negative": 1}
    assert statistics.old_versions == {"imdb@1": 3}
    assert statistics.mean_absolute_difference == pytest.approx((0.2 + 0.6 + 0.1) / 3, abs=1e-6)
    assert [change.id for change in statistics.largest] == ["b", "a", "c"]
    assert statistics.largest[0] == Change("b", "negative", "positive", 0.2, 0.8)


def test_the_latest_old_result_of_an_id_counts() -> None:
    comparison = new_results(a=0.9).compare()
    for time, positive, version in [(5, 0.1, 2), (9, 0.8, 3), (9, 0.7, 4), (1, 0.2, 1)]:
        comparison.add_old(time, said("a", positive, version))
    statistics = comparison.statistics()
    assert (statistics.compared, statistics.old_versions) == (1, {"imdb@4": 1})
    assert statistics.mean_absolute_difference == pytest.approx(0.2, abs=1e-6)


def test_the_last_new_result_of_an_id_counts_once() -> None:
    new = new_results(a=0.9, b=0.9)
    new.add(said("a", 0.3))
    statistics = compared(new, a=0.3, b=0.9).statistics()
    assert (statistics.results, statistics.compared, statistics.mean_absolute_difference) == (
        2,
        2,
        pytest.approx(0, abs=1e-6),
    )
    assert statistics.new_classes == {"positive": 1, "negative": 1}
    assert statistics.largest == []


def test_old_classes_that_the_new_version_does_not_know_are_told() -> None:
    comparison = new_results(a=0.9).compare()
    comparison.add_old(0, Sentiment("a", "neutral", {"neutral": 1.0}, 1.0, "other", 7, {}, ""))
    statistics = comparison.statistics()
    assert statistics.confusion == {"neutral": {"positive": 1}}
    assert (statistics.old_versions, statistics.mean_absolute_difference, statistics.largest) == (
        {"other@7": 1},
        None,
        [],
    )


def test_with_nothing_to_compare_there_are_no_figures_to_make_up() -> None:
    for statistics in (compared(new_results(), a=0.5).statistics(), compared(new_results(b=0.1), a=0.5).statistics()):
        assert (statistics.compared, statistics.confusion, statistics.mean_absolute_difference) == (0, {}, None)


def test_only_the_largest_changes_are_told() -> None:
    ids = {f"r{number}": number / 1_000 for number in range(1_000)}
    statistics = compared(new_results(**ids), **dict.fromkeys(ids, 0.0)).statistics(largest=3)
    assert [change.id for change in statistics.largest] == ["r999", "r998", "r997"]
    assert statistics.mean_absolute_difference == pytest.approx(0.4995, abs=1e-6)


def test_ids_of_any_letters_come_back() -> None:
    ids = ["", "ünïcödé", "\N{PILE OF POO}", "\ud800", "a" * 256]
    new = NewResults("positive")
    for review_id in ids:
        new.add(said(review_id, 0.9))
    comparison = new.compare()
    for review_id in ids:
        comparison.add_old(0, said(review_id, 0.1))
    assert sorted(change.id for change in comparison.statistics().largest) == sorted(ids)


def test_a_flood_of_names_shares_one_number() -> None:
    names = Names()
    numbers = {names.number(f"name {number}") for number in range(2 * Names.LIMIT)}
    assert len(numbers) == Names.LIMIT + 1
    assert names.names()[-1] == "(other)"
