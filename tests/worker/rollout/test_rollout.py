"""What is counted of a canary, and who decides."""

import math
import time
from typing import Any

import pytest

from models.scorer import Scorer
from tests.worker.rollout.tried import Tried
from tests.worker.serving.test_scoring import CULPRIT, Breaking, has_culprit, scorer_on
from tests.worker.stream import INPUT
from worker.errors import BatchRefused
from worker.kafka.types import Partition
from worker.serving.routing import ActiveVersions, Candidate, Experiment, LoadFailure


@pytest.fixture
def tried(versions: list[Scorer]) -> Tried:
    tried = Tried(versions[0])
    tried.active_versions = ActiveVersions(versions[0], Candidate(versions[1], 0.5))
    return tried


def by_canary(tried: Tried, start: int = 0) -> int:
    """How many of the texts from one on the second version served."""
    return sum(each["version"] == 2 and int(each["id"][1:]) >= start for each in tried.sentiments())


def start_anew(tried: Tried) -> None:
    tried.broker.close()
    tried.restart()


def refuse_once(tried: Tried) -> None:
    """Have the broker refuse the next commit."""
    commit, refusals = tried.broker.commit, iter([True])

    def refusing(positions: Any) -> None:
        if next(refusals, False):
            raise BatchRefused("once")
        commit(positions)

    tried.broker.commit = refusing  # type: ignore[method-assign]


def test_the_counts_of_a_canary_are_committed_with_its_records(tried: Tried) -> None:
    tried.send_texts(200)
    tried.drain()
    assert tried.total().served == by_canary(tried)


def test_a_batch_that_is_done_again_counts_once(tried: Tried) -> None:
    tried.send_texts(100)
    refuse_once(tried)
    tried.drain()
    assert tried.total().served == by_canary(tried)


def test_a_worker_that_starts_anew_goes_on_counting(tried: Tried) -> None:
    for start in (0, 100):
        start_anew(tried)
        tried.send_texts(100, start)
        tried.drain()
    assert tried.total().served == by_canary(tried)
    assert len(tried.sentiments()) == 200


def test_what_is_compared_counts_with_the_next_commit(tried: Tried) -> None:
    tried.send_texts(100)
    tried.drain()
    tried.compare_all()
    tried.send_texts(100, 100)
    tried.drain()
    stats = tried.total()
    assert stats.compared == stats.differed == by_canary(tried) - by_canary(tried, 100)
    assert stats.stable_classes["positive"] == stats.canary_classes["negative"]
    assert stats.stable_coverage == pytest.approx(stats.canary_coverage, abs=0.1)
    assert stats.stable_seconds > 0 < stats.canary_seconds


def test_a_worker_without_the_canary_keeps_its_counts(tried: Tried, versions: list[Scorer]) -> None:
    with_canary = tried.active_versions
    for start in (0, 100):
        tried.send_texts(100, start)
        tried.drain()
        tried.compare_all()
    before = tried.total()
    assert before.compared
    for active_versions in (
        ActiveVersions(versions[0]),
        ActiveVersions(versions[1], Candidate(versions[0], 0.5)),
        ActiveVersions(versions[0]),
    ):
        start_anew(tried)
        tried.active_versions = active_versions
        tried.send_texts(100)
        tried.drain()
        assert tried.total() == before
    assert len(tried.sentiments()) == 500
    tried.active_versions = with_canary
    tried.send_texts(100, 200)
    tried.drain()
    assert tried.total().compared == before.compared
    assert tried.total().served == before.served + by_canary(tried, 200)


def test_what_is_compared_while_a_canary_is_out_counts(tried: Tried, versions: list[Scorer]) -> None:
    tried.send_texts(100)
    tried.drain()
    tried.compare_all()
    tried.active_versions = ActiveVersions(versions[0])
    tried.send_texts(100, 100)
    tried.drain()
    assert tried.total().compared == tried.total().served


def test_of_a_trial_that_is_over_nothing_is_kept(tried: Tried, versions: list[Scorer]) -> None:
    tried.send_texts(100)
    tried.drain()
    tried.active_versions = ActiveVersions(versions[0])
    tried.watch.over[Experiment(1, 2)] = math.inf
    tried.send_texts(100, 100)
    tried.drain()
    assert tried.committed() == [None] * 3


def test_labels_that_are_older_than_what_is_committed_end_no_trial(tried: Tried, versions: list[Scorer]) -> None:
    tried.send_texts(100)
    tried.drain()
    before = tried.total()
    tried.watch.over[Experiment(1, 2)] = time.monotonic()
    start_anew(tried)
    tried.active_versions = ActiveVersions(versions[0])
    tried.send_texts(100, 100)
    tried.drain()
    assert tried.total() == before


def test_a_new_trial_takes_the_place_of_one_that_is_over(tried: Tried, versions: list[Scorer]) -> None:
    tried.send_texts(100)
    tried.drain()
    tried.active_versions = ActiveVersions(versions[0], Candidate(versions[1], 0.5, "noon"))
    tried.watch.over[Experiment(1, 2)] = math.inf
    tried.send_texts(100, 100)
    tried.drain()
    batch_scores = sum(
        each.served for each in tried.committed() if each and each.experiment == Experiment(1, 2, "noon")
    )
    assert batch_scores == by_canary(tried, 100)


def test_a_commit_whose_answer_was_lost_counts_all_the_same(tried: Tried) -> None:
    tried.send_texts(50)
    tried.drain()
    tried.kafka.expire_next_commit(stored=True)
    for start in (50, 100):
        tried.send_texts(50, start)
        tried.drain()
    assert tried.total().served == by_canary(tried)


def test_a_worker_that_cannot_use_the_canary_says_so_to_whoever_decides(tried: Tried, versions: list[Scorer]) -> None:
    tried.active_versions = ActiveVersions(versions[0], load_failure=LoadFailure(2, "", "its golden set does not hold"))
    tried.send_texts(20)
    tried.drain()
    assert (tried.total().served, tried.total().load_failure) == (0, "its golden set does not hold")


def test_what_nobody_can_score_is_no_failure_of_the_canary(tried: Tried) -> None:
    both = [scorer_on(Breaking(has_culprit)) for _ in range(2)]
    both[1].version = 2
    tried.active_versions = ActiveVersions(both[0], Candidate(both[1], 1.0))
    tried.send({"text": "good"}, {"text": CULPRIT})
    tried.drain()
    assert (tried.total().served, tried.total().failed) == (1, 0)
    assert tried.value("canary_failures_total", model=both[1].name, version="2") == 0


def test_records_that_the_canary_cannot_score_are_counted(tried: Tried, versions: list[Scorer]) -> None:
    canary = scorer_on(Breaking(has_culprit))
    canary.version = 2
    tried.active_versions = ActiveVersions(versions[0], Candidate(canary, 1.0))
    tried.send({"text": "good"}, {"text": CULPRIT})
    refuse_once(tried)
    tried.drain()
    assert (tried.total().served, tried.total().failed) == (2, 1)
    assert tried.value("canary_failures_total", model=canary.name, version="2") == 1


def test_a_canary_whose_engine_breaks_is_distrusted(tried: Tried, versions: list[Scorer]) -> None:
    canary = scorer_on(Breaking(lambda _: True))
    canary.version = 2
    tried.active_versions = ActiveVersions(versions[0], Candidate(canary, 1.0))
    tried.send_texts(10)
    tried.drain()
    assert tried.watch.distrusted == [2]


def test_whoever_reads_the_first_partition_decides_from_all(versions: list[Scorer]) -> None:
    tried = Tried(versions[0], model_poll_seconds=1e-6)
    tried.active_versions = ActiveVersions(versions[0], Candidate(versions[1], 0.5))
    tried.send_texts(100)
    tried.drain()
    tried.compare_all()
    assert len(tried.controller.metadata) == 3
    tried.controller.metadata = []
    assert tried.rollout
    tried.rollout.assigned(frozenset({Partition(INPUT, 1)}))
    tried.compare_all()
    assert tried.controller.metadata == []
