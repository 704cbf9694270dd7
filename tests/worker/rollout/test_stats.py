from worker.dead_letters import OutcomeWindow
from worker.offset_metadata import OffsetMetadata, newest_outcomes
from worker.rollout.stats import CanaryStats, read_stats, total
from worker.serving.routing import Experiment

SOME = CanaryStats(
    Experiment(3, 4), 1_000, served=10, failed=1, compared=8, differed=2, stable_classes={"a": 8}, canary_seconds=0.5
)


def test_signals_travel_in_metadata_beside_the_outcomes() -> None:
    outcomes = OutcomeWindow().after([True, False])
    metadata = OffsetMetadata.of(outcomes, 5).text(SOME.encodings())
    assert read_stats(metadata) == SOME
    assert newest_outcomes([metadata]) == outcomes


def test_without_a_canary_there_are_no_counts() -> None:
    assert read_stats(OffsetMetadata.of(OutcomeWindow(), 5).text()) is None


def test_what_others_wrote_there_is_no_signal() -> None:
    for text in ("", "{", "[]", '{"canary": 1}', '{"canary": {"contest": "x"}}'):
        assert read_stats(text) is None


def test_metadata_fits_what_kafka_takes() -> None:
    classes = {f"class-{number}": 10**9 for number in range(20)}
    most = CanaryStats(
        Experiment(10**6, 10**6, "2026-01-31T12:00:00.000Z"),
        10**13,
        *[10**12] * 4,
        classes,
        classes,
        *[1e9 / 3] * 4,
        "no" * 9_000,
    )
    full = OutcomeWindow().after([True] * OutcomeWindow.SIZE)
    assert len(OffsetMetadata.of(full, 10**13).text(most.encodings())) < 4096


def test_class_counts_of_very_many_classes_stay_out() -> None:
    classes = {f"class-{number}": 10**9 for number in range(500)}
    stats = CanaryStats(Experiment(1, 2), 0, served=7, stable_classes=classes)
    metadata = OffsetMetadata.of(OutcomeWindow(), 5).text(stats.encodings())
    assert len(metadata) < 4096
    assert read_stats(metadata) == CanaryStats(Experiment(1, 2), 0, served=7)


def test_sums_are_of_one_pair_of_versions() -> None:
    other = CanaryStats(Experiment(3, 4), 900, served=5, stable_classes={"a": 1, "b": 2})
    summed = total([SOME, None, CanaryStats(Experiment(2, 4), 0, served=99), other], Experiment(3, 4))
    assert summed is not None
    assert (summed.served, summed.failed, summed.first) == (15, 1, 900)
    assert summed.stable_classes == {"a": 9, "b": 2}
    assert total([SOME], Experiment(3, 5)) is None
    assert total([SOME], Experiment(3, 4, "another time")) is None


def test_metadata_keeps_the_names_that_workers_of_other_releases_read_and_write() -> None:
    canary = '{"contest":[1,2,"2026-01-31T12:00:00.000Z"],"first":5,"refusal":"damaged"}'
    written = '{"seen":1,"dead":"","at":7,"canary":' + canary + "}"
    stats = read_stats(written)
    assert stats is not None
    assert (stats.experiment.canary, stats.first, stats.load_failure) == (2, 5, "damaged")
    assert OffsetMetadata(1, "", 7).text(stats.encodings()) == written
