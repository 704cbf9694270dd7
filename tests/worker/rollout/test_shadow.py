"""A shadow scores beside the stream; whatever it does, the stream does not notice."""

import json
from typing import Any

import pytest

from models.scorer import Scorer
from tests.reviews import sample
from tests.versions import NAME
from tests.worker.rollout.tried import Tried
from tests.worker.serving.test_scoring import Breaking, scorer_on
from worker.serving.routing import ActiveVersions, Candidate


def shadowed(versions: list[Scorer], fraction: float = 1.0, **settings: Any) -> Tried:
    tried = Tried(versions[0], **settings)
    tried.active_versions = ActiveVersions(versions[0], None, Candidate(versions[1], fraction))
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
    tried = shadowed(versions, fraction=0.2)
    tried.send_texts(300)
    tried.drain()
    tried.compare_all()
    assert 30 < tried.value("comparisons_total", **pair("differed")) < 90


def test_score_differences_and_time_of_a_shadow_are_measured(versions: list[Scorer]) -> None:
    tried = Tried(versions[0])
    tried.active_versions = ActiveVersions(versions[0], None, Candidate(versions[2], 1.0))
    tried.send_texts(50)
    tried.drain()
    tried.compare_all()
    versions_reported = {"model": NAME, "version": "1", "other_version": "3"}
    assert tried.value("comparison_score_difference_count", **versions_reported) == 50
    assert tried.value("comparison_score_difference_sum", **versions_reported) < 1e-3
    assert tried.value("comparison_seconds_total", **versions_reported) > 0


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
    tried.active_versions = ActiveVersions(versions[0], None, Candidate(versions[2], 1.0))
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
    tried.active_versions = ActiveVersions(versions[0], None, Candidate(broken, 1.0))
    tried.send_texts(20)
    tried.drain()
    tried.compare_all()
    assert len(tried.sentiments()) == 20
    assert tried.value("comparisons_total", **pair("failed")) == 20


def test_a_shadow_topic_that_cannot_be_written_does_not_keep_the_rule_from_deciding(versions: list[Scorer]) -> None:
    tried = Tried(versions[0], shadow_topic="no-such-topic", model_poll_seconds=1e-6)
    tried.active_versions = ActiveVersions(versions[0], Candidate(versions[2], 0.5), Candidate(versions[1], 1.0))
    tried.send_texts(50)
    tried.drain()
    tried.compare_all()
    assert len(tried.controller.metadata) == 3
