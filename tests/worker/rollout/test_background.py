"""Comparing keeps to its budget and never holds up the stream."""

from models.scorer import Scorer
from tests.reviews import sample
from worker.kafka.types import Partition
from worker.observability.metrics import Metrics
from worker.rollout.background import CHUNK, Comparer
from worker.rollout.comparison import Comparison, Sample
from worker.serving.results import Score


def samples(count: int) -> list[Sample]:
    home, score = Partition("reviews", 0), Score(0, [0.5, 0.5], 1.0)
    texts = [sample().texts[number % 100] for number in range(count)]
    return [Sample(home, number, None, f"r{number}", text, score) for number, text in enumerate(texts)]


class Told:
    """A comparer on a clock that moves only when it is moved, and what it told."""

    def __init__(self, budget: float, seconds_a_look: float = 0.0) -> None:
        self.now = 0.0
        self._seconds_a_look = seconds_a_look
        self.metrics = Metrics()
        self.comparisons: list[Comparison] = []
        self.comparer = Comparer(budget, self.metrics, lambda comparison, _: self.tell(comparison), lambda: self.now)

    def tell(self, comparison: Comparison) -> None:
        self.comparisons.append(comparison)
        self.now += self._seconds_a_look

    def dropped(self) -> float:
        labels = {"model": "imdb", "version": "1", "other_version": "1", "outcome": "dropped"}
        return self.metrics.registry.get_sample_value("sentiment_comparisons_total", labels) or 0.0


def test_it_rests_as_its_budget_asks(scorer: Scorer) -> None:
    reported = Told(budget=0.2, seconds_a_look=1.0)
    reported.comparer.offer(scorer, scorer, samples(2 * CHUNK))
    assert reported.comparer.step(0)
    reported.now += 3.9
    assert not reported.comparer.step(0), "one second of work asks for four of rest"
    reported.now += 0.2
    assert reported.comparer.step(0)


def test_what_does_not_fit_is_dropped_and_counted(scorer: Scorer) -> None:
    reported = Told(budget=1.0)
    for _ in range(3):
        reported.comparer.offer(scorer, scorer, samples(1_000))
    assert reported.dropped() == 3_000 - 2_048
    while reported.comparer.step(0):
        pass
    assert sum(len(comparison.samples) for comparison in reported.comparisons) == 2_048


def test_long_texts_leave_room_for_fewer(scorer: Scorer) -> None:
    reported = Told(budget=1.0)
    long = [each._replace(text="word " * 40_000) for each in samples(100)]
    reported.comparer.offer(scorer, scorer, long)
    assert reported.dropped() == 60


def test_there_is_room_again_once_something_is_done(scorer: Scorer) -> None:
    reported = Told(budget=1.0)
    reported.comparer.offer(scorer, scorer, samples(2_048))
    reported.comparer.step(0)
    reported.comparer.offer(scorer, scorer, samples(CHUNK))
    assert reported.dropped() == 0
