"""What brokers ask the cluster, around an answer that comes late."""

from collections.abc import Sequence

import pytest

from worker.errors import TopicMissing
from worker.kafka.admin import AdminQueries, CachedAdmin, offsets_or_ends
from worker.kafka.types import EARLIEST, LATEST, CommittedOffset, Partition, Topic


class Slow:
    """A cluster that does not know a new topic at the first questions."""

    def __init__(self, ignorant_targets: float) -> None:
        self.ignorant_targets = ignorant_targets
        self.created: list[str] = []

    def create(self, topics: Sequence[Topic]) -> None:
        self.created += [topic.name for topic in topics]

    def offsets(self, group_id: str, topic: str) -> dict[Partition, CommittedOffset]:
        return {}

    def set_positions(self, group_id: str, offsets: object) -> None:
        pass

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        self.ignorant_targets -= 1
        if self.ignorant_targets >= 0:
            raise TopicMissing(f"topic {topic} does not exist")
        return {Partition(topic, 0): 0}


class Asking(CachedAdmin):
    def __init__(self, cluster: Slow) -> None:
        self._slow = cluster

    @property
    def _cluster(self) -> AdminQueries:
        return self._slow


def test_a_topic_is_created_once_all_know_it() -> None:
    cluster = Slow(ignorant_targets=2)
    Asking(cluster).create_topics([Topic("new", 4, 1, {})])
    assert (cluster.created, cluster.ignorant_targets) == (["new"], -1)


def test_a_topic_that_stays_unknown_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may create it may not see it."""
    monkeypatch.setattr("worker.kafka.admin._KNOWN_SECONDS", 0.1)
    cluster = Slow(ignorant_targets=float("inf"))
    Asking(cluster).create_topics([Topic("new", 4, 1, {})])
    assert cluster.created == ["new"]


def test_where_nothing_is_so_young_reading_begins_at_the_end_that_was_there_before_the_question() -> None:
    ends = iter([{"a": 5, "b": 7}, {"a": 6, "b": 9}])
    by_time = {"a": 2, "b": -1}
    assert offsets_or_ends(lambda start: next(ends) if start == LATEST else by_time, 1_000) == {"a": 2, "b": 7}


@pytest.mark.parametrize("start", [EARLIEST, LATEST])
def test_the_beginning_and_the_end_are_one_question(start: int) -> None:
    asked: list[int] = []
    assert offsets_or_ends(lambda moment: asked.append(moment) or {"a": 3}, start) == {"a": 3}
    assert asked == [start]
