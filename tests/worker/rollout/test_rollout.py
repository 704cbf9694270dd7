"""A stream in memory with versions that are tried in it; the rollout's thread is turned by hand."""

import json
from functools import partial
from typing import Any

import pytest

from models.registry import Registry
from models.scorer import Scorer
from tests.reviews import sample
from tests.versions import NAME, OPPOSITE, add_version
from tests.worker.stream import INPUT, Stream
from tests.worker.test_scoring import CULPRIT, Breaking, has_culprit, scorer_on
from worker.broker import Partition
from worker.errors import BatchRefused
from worker.lineup import Lineup, Trial
from worker.memory_broker import MemoryBroker
from worker.rollout.rollout import Rollout
from worker.rollout.signals import Signals, from_metadata, total


class Watch:
    """What the rollout asks of the model watch."""

    def __init__(self) -> None:
        self.distrusted: list[int] = []

    def refused(self, label: str) -> str:
        return ""

    def distrust(self, version: int, complaint: str) -> None:
        self.distrusted.append(version)


class Undecided:
    """A decider that keeps what it is given."""

    def __init__(self) -> None:
        self.metadata: list[str] = []

    def look(self, metadata: Any, refusal: str = "") -> None:
        self.metadata = list(metadata())


class Tried(Stream):
    """A stream with a rollout; `total` are the canary's signals as the group has committed them."""

    def __init__(self, stable: Scorer, **settings: Any) -> None:
        self.watch, self.decider = Watch(), Undecided()
        super().__init__(stable, **settings)
        self.kafka.create("shadow", partitions=1)

    def open_rollout(self) -> Rollout:
        connect = partial(MemoryBroker, self.kafka, None, None)
        return Rollout(self.watch, self.decider, connect, self.settings, self.metrics)  # type: ignore[arg-type]

    def send_texts(self, count: int, start: int = 0) -> None:
        for number in range(start, start + count):
            self.send({"id": f"r{number}", "text": sample().texts[number]}, key=f"customer-{number % 50}".encode())

    def compare_all(self) -> None:
        assert self.rollout
        while self.rollout.turn(0):
            self.rollout._comparer._resumes = 0.0

    def total(self) -> Signals:
        positions = self.broker.group_positions(self.settings.kafka_group_id, INPUT).values()
        found = total((from_metadata(position.metadata) for position in positions), (1, 2))
        assert found
        return found


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Scorer]:
    """Version 1 as packaged, version 2 with the opposite answers, version 3 as version 1."""
    store = tmp_path_factory.mktemp("store")
    for classes in ((), OPPOSITE, ()):
        add_version(store, classes)
    return [Scorer.load(Registry(store).resolve(f"{NAME}@{version}").path) for version in (1, 2, 3)]


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
    tried.rollout.assigned(frozenset({Partition(INPUT, 1)}), 9)
    tried.compare_all()
    assert tried.decider.metadata == []


def shadowed(versions: list[Scorer], share: float = 1.0, **settings: Any) -> Tried:
    tried = Tried(versions[0], **settings)
    tried.lineup = Lineup(versions[0], None, Trial(versions[1], share))
    return tried


def pair(outcome: str) -> dict[str, str]:
    return {"model": NAME, "version": "1", "other_version": "2", "outcome": outcome}


def test_a_shadow_changes_no_result(versions: list[Scorer]) -> None:
    tried = shadowed(versions)
    tried.send_texts(100)
    tried.drain()
    tried.compare_all()
    assert {each["version"] for each in tried.sentiments()} == {1}
    assert tried.value("comparisons_total", **pair("differed")) == 100


def test_a_shadow_scores_its_share(versions: list[Scorer]) -> None:
    tried = shadowed(versions, share=0.2)
    tried.send_texts(300)
    tried.drain()
    tried.compare_all()
    assert 30 < tried.value("comparisons_total", **pair("differed")) < 90


def test_score_differences_and_time_of_a_shadow_are_measured(versions: list[Scorer]) -> None:
    tried = Tried(versions[0])
    tried.lineup = Lineup(versions[0], None, Trial(versions[2], 1.0))
    tried.send_texts(50)
    tried.drain()
    tried.compare_all()
    versions_told = {"model": NAME, "version": "1", "other_version": "3"}
    assert tried.value("comparison_score_difference_count", **versions_told) == 50
    assert tried.value("comparison_score_difference_sum", **versions_told) < 1e-3
    assert tried.value("comparison_seconds_total", **versions_told) > 0


@pytest.mark.parametrize(("holds", "expected"), [("all", 20), ("differences", 20)])
def test_what_a_shadow_says_can_go_to_a_topic(versions: list[Scorer], holds: str, expected: int) -> None:
    tried = shadowed(versions, shadow_topic="shadow", shadow_topic_holds=holds)
    tried.send_texts(20)
    tried.drain()
    tried.compare_all()
    records = tried.kafka.read("shadow")
    value = json.loads(records[0].value or b"")
    assert len(records) == expected
    assert (value["served"]["version"], value["other"]["version"]) == (1, 2)
    assert value["served"]["sentiment"] != value["other"]["sentiment"]
    assert value["text"] in sample().texts


def test_agreements_stay_out_of_a_topic_of_differences(versions: list[Scorer]) -> None:
    tried = Tried(versions[0], shadow_topic="shadow")
    tried.lineup = Lineup(versions[0], None, Trial(versions[2], 1.0))
    tried.send_texts(20)
    tried.drain()
    tried.compare_all()
    assert not tried.kafka.read("shadow")


def test_a_shadow_topic_that_cannot_be_written_stops_nothing(versions: list[Scorer]) -> None:
    tried = shadowed(versions, shadow_topic="no-such-topic")
    tried.send_texts(20)
    tried.drain()
    tried.compare_all()
    assert len(tried.sentiments()) == 20
    assert tried.value("shadow_unwritten_total", model=NAME, version="2") == 20


def test_a_shadow_that_fails_stops_nothing(versions: list[Scorer]) -> None:
    tried = Tried(versions[0])
    broken = scorer_on(Breaking(lambda _: True))
    broken.version = 2
    tried.lineup = Lineup(versions[0], None, Trial(broken, 1.0))
    tried.send_texts(20)
    tried.drain()
    tried.compare_all()
    assert len(tried.sentiments()) == 20
    assert tried.value("comparisons_total", **pair("failed")) == 20
