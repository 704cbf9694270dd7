"""What is counted of a canary, and who decides."""

from typing import Any

import pytest

from models.scorer import Scorer
from tests.worker.rollout.tried import Tried
from tests.worker.stream import INPUT
from tests.worker.test_scoring import CULPRIT, Breaking, has_culprit, scorer_on
from worker.broker import Partition
from worker.errors import BatchRefused
from worker.lineup import Lineup, Refusal, Trial
from worker.rollout.signals import from_metadata


@pytest.fixture
def tried(versions: list[Scorer]) -> Tried:
    tried = Tried(versions[0])
    tried.lineup = Lineup(versions[0], Trial(versions[1], 0.5))
    return tried


def test_the_counts_of_a_canary_are_committed_with_its_records(tried: Tried) -> None:
    tried.send_texts(200)
    tried.drain()
    assert tried.total().served == sum(each["version"] == 2 for each in tried.sentiments())


def test_a_batch_that_is_done_again_counts_once(tried: Tried) -> None:
    tried.send_texts(100)
    commit, refusals = tried.broker.commit, iter([True, False])

    def refuse_once(positions: Any) -> None:
        if next(refusals, False):
            raise BatchRefused("once")
        commit(positions)

    tried.broker.commit = refuse_once  # type: ignore[method-assign]
    tried.drain()
    assert tried.total().served == sum(each["version"] == 2 for each in tried.sentiments())


def test_a_worker_that_starts_anew_goes_on_counting(tried: Tried) -> None:
    for start in (0, 100):
        tried.restart()
        tried.send_texts(100, start)
        tried.drain()
    assert tried.total().served == sum(each["version"] == 2 for each in tried.sentiments())


def test_what_is_compared_counts_with_the_next_commit(tried: Tried) -> None:
    tried.send_texts(100)
    tried.drain()
    tried.compare_all()
    tried.send_texts(100, 100)
    tried.drain()
    signals, first = tried.total(), [each for each in tried.sentiments() if int(each["id"][1:]) < 100]
    assert signals.compared == signals.differed == sum(each["version"] == 2 for each in first)
    assert signals.stable_classes["positive"] == signals.canary_classes["negative"]
    assert signals.stable_coverage == pytest.approx(signals.canary_coverage, abs=0.1)
    assert signals.stable_seconds > 0 < signals.canary_seconds


def test_without_a_canary_nothing_is_kept(tried: Tried, versions: list[Scorer]) -> None:
    tried.send_texts(100)
    tried.drain()
    tried.lineup = Lineup(versions[0])
    tried.send_texts(100, 100)
    tried.drain()
    positions = tried.broker.group_positions(tried.settings.kafka_group_id, INPUT).values()
    assert [from_metadata(position.metadata) for position in positions] == [None] * 3


def test_a_commit_whose_answer_was_lost_counts_all_the_same(tried: Tried) -> None:
    tried.send_texts(50)
    tried.drain()
    tried.kafka.expire_next_commit(stored=True)
    for start in (50, 100):
        tried.send_texts(50, start)
        tried.drain()
    assert tried.total().served == sum(each["version"] == 2 for each in tried.sentiments())


def test_a_worker_that_cannot_use_the_canary_says_so_to_whoever_decides(tried: Tried, versions: list[Scorer]) -> None:
    tried.lineup = Lineup(versions[0], refusal=Refusal(2, "", "its golden set does not hold"))
    tried.send_texts(20)
    tried.drain()
    assert (tried.total().served, tried.total().refusal) == (0, "its golden set does not hold")


def test_what_nobody_can_score_is_no_failure_of_the_canary(tried: Tried) -> None:
    both = [scorer_on(Breaking(has_culprit)) for _ in range(2)]
    both[1].version = 2
    tried.lineup = Lineup(both[0], Trial(both[1], 1.0))
    tried.send({"text": "good"}, {"text": CULPRIT})
    tried.drain()
    assert (tried.total().served, tried.total().failed) == (1, 0)


def test_records_that_the_canary_cannot_score_are_counted(tried: Tried, versions: list[Scorer]) -> None:
    canary = scorer_on(Breaking(has_culprit))
    canary.version = 2
    tried.lineup = Lineup(versions[0], Trial(canary, 1.0))
    tried.send({"text": "good"}, {"text": CULPRIT})
    tried.drain()
    assert (tried.total().served, tried.total().failed) == (2, 1)


def test_a_canary_whose_engine_breaks_is_distrusted(tried: Tried, versions: list[Scorer]) -> None:
    canary = scorer_on(Breaking(lambda _: True))
    canary.version = 2
    tried.lineup = Lineup(versions[0], Trial(canary, 1.0))
    tried.send_texts(10)
    tried.drain()
    assert tried.watch.distrusted == [2]


def test_whoever_reads_the_first_partition_decides_from_all(versions: list[Scorer]) -> None:
    tried = Tried(versions[0], model_poll_seconds=1e-6)
    tried.lineup = Lineup(versions[0], Trial(versions[1], 0.5))
    tried.send_texts(100)
    tried.drain()
    tried.compare_all()
    assert len(tried.decider.metadata) == 3
    tried.decider.metadata = []
    assert tried.rollout
    tried.rollout.assigned(frozenset({Partition(INPUT, 1)}))
    tried.compare_all()
    assert tried.decider.metadata == []
