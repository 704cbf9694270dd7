"""How many workers a rate takes."""

import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from worker.commands.doctor.capacity import Speed, evaluate, measure, sharing, workers_for
from worker.commands.doctor.results import Mark

SPEED = Speed(reviews=4_000, cpu_seconds=1.0, texts="its golden texts")
ONE_WORKER = SPEED.worker_per_second("librdkafka")


def marks(rate: float | None, partitions: int | None) -> list[Mark]:
    return [each.mark for each in evaluate(SPEED, "librdkafka", rate, partitions)]


def test_a_worker_does_more_than_score() -> None:
    assert SPEED.worker_per_second("kafka-python") < ONE_WORKER < SPEED.scored_per_second


@pytest.mark.parametrize(("rate", "expected"), [(1.0, 1), (0.7, 1), (70.0, 1), (71.0, 2), (140.0, 2), (1_000.0, 15)])
def test_workers_are_not_to_be_busier_than_they_should(rate: float, expected: int) -> None:
    assert workers_for(rate, per_worker=100.0) == expected


@pytest.mark.parametrize(
    ("rate", "partitions", "expected"),
    [
        (300.0, 6, 6),  # five cores' work, but one of five workers would have two of six partitions
        (280.0, 6, 6),
        (210.0, 6, 3),
        (211.0, 6, 6),
        (200.0, 10, 4),  # three of ten partitions are 60 reviews/s
        (70.0, 1, 1),
        (140.0, 2, 2),
        (141.0, 2, None),
    ],
)
def test_the_worker_with_most_partitions_decides(rate: float, partitions: int, expected: int | None) -> None:
    assert sharing(rate, per_worker=100.0, partitions=partitions) == expected


def test_an_uneven_share_is_told_with_a_number_that_divides() -> None:
    workers = evaluate(SPEED, "librdkafka", ONE_WORKER * 2, partitions=10)[1]
    assert workers.found.endswith(
        "take 4 workers (one core each), the one with 3 of 10 partitions busy 60%; 5 would have as many each"
    )
    assert evaluate(SPEED, "librdkafka", ONE_WORKER * 2, partitions=12)[1].found.endswith("(one core each), busy 67%")


def test_enough_partitions_are_fine() -> None:
    assert marks(ONE_WORKER * 2, partitions=3) == [Mark.OK, Mark.OK]


def test_partitions_without_a_reserve_are_a_warning() -> None:
    assert marks(ONE_WORKER * 2, partitions=2) == [Mark.OK, Mark.WARNING]


def test_more_than_the_partitions_can_take_fails() -> None:
    assert marks(ONE_WORKER * 2.1, partitions=2) == [Mark.OK, Mark.FAILS]


def test_without_a_rate_only_the_speed_is_told() -> None:
    assert marks(None, partitions=2) == [Mark.OK, Mark.SKIPPED]
    assert marks(ONE_WORKER, partitions=None) == [Mark.OK, Mark.OK]


def test_a_real_model_is_measured_on_the_given_texts() -> None:
    scorer = Scorer.load(Registry().resolve("imdb").path, verify=False)
    speed = measure(scorer, ["a wonderful film"], "one text", batch=16, least_seconds=0.05)
    assert speed.reviews % 16 == 0
    assert 0.05 <= speed.cpu_seconds < 5
