"""Which version scores which record, and that trying one costs nobody a result."""

from pathlib import Path

import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from tests.reviews import sample
from tests.versions import NAME, OPPOSITE, add_version
from tests.worker.serving.test_scoring import CULPRIT, Breaking, has_culprit, scorer_on
from tests.worker.stream import Stream
from worker.serving.routing import ActiveVersions, Candidate

KEYS = [f"customer-{number}".encode() for number in range(200)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 as packaged, version 2 with the opposite answers."""
    store = tmp_path_factory.mktemp("store")
    add_version(store)
    add_version(store, OPPOSITE)
    return store


@pytest.fixture(scope="module")
def versions(store: Path) -> list[Scorer]:
    return [Scorer.load(Registry(store).resolve(f"{NAME}@{version}").path) for version in (1, 2)]


@pytest.fixture
def stream(versions: list[Scorer]) -> Stream:
    stream = Stream(versions[0])
    stream.active_versions = ActiveVersions(versions[0], Candidate(versions[1], 0.3))
    return stream


def by_key(stream: Stream) -> dict[bytes, set[int]]:
    """The versions that scored each key."""
    found: dict[bytes, set[int]] = {}
    for record, sentiment in zip(stream.kafka.read("sentiments"), stream.sentiments(), strict=True):
        found.setdefault(record.key or b"", set()).add(sentiment["version"])
    return found


def send_all(stream: Stream, times: int = 1) -> None:
    for number in range(times):
        for key, text in zip(KEYS, sample().texts, strict=False):
            stream.send({"id": f"{key.decode()}-{number}", "text": text}, key=key)
    stream.drain()


def test_a_key_meets_one_version_always(stream: Stream) -> None:
    send_all(stream, times=3)
    found = by_key(stream)
    assert all(len(versions) == 1 for versions in found.values())
    assert 0.2 < sum(versions == {2} for versions in found.values()) / len(KEYS) < 0.4


def test_keys_of_the_canary_stay_with_it_as_its_share_grows(stream: Stream, versions: list[Scorer]) -> None:
    send_all(stream)
    first = {key for key, seen in by_key(stream).items() if seen == {2}}
    wider = Stream(versions[0])
    wider.active_versions = ActiveVersions(versions[0], Candidate(versions[1], 0.6))
    send_all(wider)
    assert first < {key for key, seen in by_key(wider).items() if seen == {2}}


def test_records_without_a_key_are_shared_out_too(stream: Stream) -> None:
    for text in sample().texts[:200]:
        stream.send({"text": text}, key=None)
    stream.drain()
    assert 30 < sum(sentiment["version"] == 2 for sentiment in stream.sentiments()) < 90


def test_the_order_of_the_records_stays(stream: Stream) -> None:
    send_all(stream)
    written: dict[int, list[str]] = {}
    for record, sentiment in zip(stream.kafka.read("sentiments"), stream.sentiments(), strict=True):
        written.setdefault(record.partition, []).append(sentiment["id"])
    for ids in written.values():
        assert ids == sorted(ids, key=lambda name: int(name.split("-")[1]))


def test_each_version_counts_its_own_sentiments(stream: Stream) -> None:
    send_all(stream)
    for version in (1, 2):
        made = [each["sentiment"] for each in stream.sentiments() if each["version"] == version]
        labels = {"sentiment": "positive", "model": NAME, "version": str(version)}
        assert stream.value("sentiments_produced_total", **labels) == made.count("positive")


def test_what_the_canary_cannot_score_the_stable_version_does(versions: list[Scorer]) -> None:
    stream = Stream(versions[0])
    stream.active_versions = ActiveVersions(versions[0], Candidate(scorer_on(Breaking(has_culprit)), 1.0))
    stream.send({"id": "fine", "text": "good"}, {"id": "culprit", "text": CULPRIT}, {"id": "after", "text": "bad"})
    stream.drain()
    assert [each["id"] for each in stream.sentiments()] == ["fine", "culprit", "after"]
    assert not stream.dead_letters()


def test_a_canary_whose_engine_breaks_stops_nothing(versions: list[Scorer]) -> None:
    stream = Stream(versions[0])
    stream.active_versions = ActiveVersions(versions[0], Candidate(scorer_on(Breaking(lambda _: True)), 0.5))
    send_all(stream)
    assert len(stream.sentiments()) == len(KEYS)


def test_one_batch_sees_one_set_of_versions(stream: Stream, versions: list[Scorer]) -> None:
    lineups = iter([ActiveVersions(versions[0]), ActiveVersions(versions[1])])
    stream.pipeline._active_versions = lambda: next(lineups)
    for _ in range(2):
        stream.send(*({"text": text} for text in sample().texts[:50]))
        stream.pipeline.turn()
    assert [each["version"] for each in stream.sentiments()] == [1] * 50 + [2] * 50
