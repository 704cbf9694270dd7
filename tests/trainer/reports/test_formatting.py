import pytest

from trainer.reports import formatting


@pytest.mark.parametrize(
    ("seconds", "reported"),
    [
        (0.25, "0.2 s"),
        (59.94, "59.9 s"),
        (60, "1 min 0 s"),
        (634.2, "10 min 34 s"),
        (3_599.6, "1 h 0 min"),
        (7_322, "2 h 2 min"),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float, reported: str) -> None:
    assert formatting.duration(seconds) == reported


@pytest.mark.parametrize(
    "tell",
    [formatting.share, formatting.count, formatting.duration, formatting.size, formatting.interval, formatting.moment],
)
def test_what_is_not_known_is_a_dash(tell: object) -> None:
    assert tell(None) == "\u2013"  # type: ignore[operator]


def test_figures_are_told_as_people_write_them() -> None:
    assert formatting.share(0.86789) == "0.8679"
    assert formatting.count(407_961.0) == "407,961"
    assert formatting.size(1_633_985) == "1.63 MB"
    assert formatting.interval([0.8512, 0.8], digits=2) == "0.85 to 0.80"


def test_times_are_told_in_utc() -> None:
    assert formatting.moment("2026-01-31T13:05:00+01:00") == "2026-01-31 12:05 UTC"
