import pytest

from deploy.local.demo.replay import Review
from deploy.local.demo.results import Result, Verdict, f1_of_positive, judge, percentile

GOOD, BAD = Review("1_9", "", 9), Review("2_2", "", 2)
SEEN = [Result("1_9", "positive", 0.9, 0.5, seen_at=100.5), Result("2_2", "negative", 0.9, 1.0, seen_at=102.0)]


def verdict(sentiments: list[tuple[str, str]], dead_letters: tuple[str, ...] = ()) -> Verdict:
    return judge([GOOD, BAD], sentiments, dead_letters, SEEN)


def test_each_once_is_good() -> None:
    result = verdict([("1_9", "positive"), ("2_2", "negative")])
    assert (result.sent, result.sentiments, result.lost, result.duplicated, result.f1) == (2, 2, 0, 0, 1.0)
    assert result.good


def test_what_did_not_come_out_is_lost() -> None:
    result = verdict([("1_9", "positive")])
    assert (result.lost, result.duplicated, result.good) == (1, 0, False)


def test_what_came_out_three_times_is_duplicated_twice() -> None:
    result = verdict([("1_9", "positive"), ("1_9", "positive"), ("1_9", "positive"), ("2_2", "negative")])
    assert (result.lost, result.duplicated, result.good) == (0, 2, False)


def test_a_dead_letter_is_not_lost_but_a_duplicate_beside_a_sentiment() -> None:
    assert verdict([("1_9", "positive")], ("2_2",)).good
    assert verdict([("1_9", "positive"), ("2_2", "negative")], ("2_2",)).duplicated == 1


def test_throughput_counts_from_the_first_timestamp_to_the_last_result() -> None:
    result = verdict([("1_9", "positive"), ("2_2", "negative")])
    assert (result.reviews_per_second, result.p50_seconds, result.p99_seconds) == (1.0, 0.5, 1.0)


def test_the_last_line_names_what_readers_of_it_rely_on() -> None:
    assert verdict([]).as_json() == (
        '{"sent": 2, "sentiments": 0, "lost": 2, "duplicated": 0, "reviews_per_second": 1.0, '
        '"p50_seconds": 0.5, "p99_seconds": 1.0, "f1": 0.0}'
    )


@pytest.mark.parametrize(
    ("said", "f1"),
    [
        ({"1_9": "positive", "2_2": "negative"}, 1.0),
        ({"1_9": "positive", "2_2": "positive"}, 2 / 3),
        ({"1_9": "negative", "2_2": "positive"}, 0.0),
        ({}, 0.0),
    ],
)
def test_f1_of_the_positive_class(said: dict[str, str], f1: float) -> None:
    assert f1_of_positive([GOOD, BAD], said) == pytest.approx(f1)


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (50, 99, 100)] == [50.0, 99.0, 100.0]
    assert percentile([], 99) == 0.0
