"""Each test spoils one good check in one way."""

from dataclasses import replace

import pytest

from tests.worker.commands.rolling_check.checks import LIMITS, STARTED, good, later, stood_still, with_version, without
from worker.commands.rolling_check.checker import Seen
from worker.commands.rolling_check.observations import RESTARTS, UPDATE, Observations, Phase, Versions
from worker.commands.rolling_check.statistics import PhaseStatistics, VersionStatistics
from worker.commands.rolling_check.verdict import Limits, Report, evaluate


def report(observations: Observations) -> Report:
    return evaluate(observations, LIMITS)


def phase(of: Report, name: str) -> PhaseStatistics:
    return next(statistics for statistics in of.phases if statistics.name == name)


def test_each_review_answered_once_in_order_and_in_time_passes() -> None:
    assert report(good()).problems == ()
    assert phase(report(good()), "before") == PhaseStatistics("before", 10.0, 100, 100, 0, 0, 0, 0.02, 0.02, 0.02, 0.02)


def test_lost() -> None:
    judged = report(without(good(), "r120"))
    assert judged.problems == ("Reviews lost: 1.",)
    assert (phase(judged, UPDATE).lost, phase(judged, UPDATE).answered, phase(judged, "before").lost) == (1, 99, 0)


def test_lost_by_kafka_before_any_worker_saw_it() -> None:
    check = without(good(), "r7")
    judged = report(replace(check, stored=[sent for sent in check.stored if sent.id != "r7"]))
    assert judged.problems == ("Reviews lost: 1.",)


def test_duplicated() -> None:
    check = good()
    again = check.arrivals[250]._replace(at=check.arrivals[260].at)
    judged = report(replace(check, arrivals=[*check.arrivals, again]))
    assert judged.problems == ("Reviews answered more than once: 1.",)
    assert phase(judged, RESTARTS).duplicated == 1


def test_reordered_within_a_key() -> None:
    check = good()
    earlier, after = check.arrivals[350], check.arrivals[354]
    swapped = {
        earlier: earlier._replace(seen=earlier.seen._replace(offset=after.seen.offset)),
        after: after._replace(seen=after.seen._replace(offset=earlier.seen.offset)),
    }
    judged = report(replace(check, arrivals=[swapped.get(each, each) for each in check.arrivals]))
    assert judged.problems == ("Reviews answered out of the order of their key: 1.",)
    assert phase(judged, "after").reordered == 1


def test_an_answer_to_nothing_that_was_sent() -> None:
    check = good()
    stranger = check.arrivals[0]._replace(seen=Seen("sentiments", 0, 999, b"k0", id="r999", version=1))
    problem = "Reviews answered though never sent, or under another key: 1."
    assert report(replace(check, arrivals=[*check.arrivals, stranger])).problems == (problem,)


def test_a_review_that_was_set_aside_is_not_lost_and_still_wrong() -> None:
    check = good()
    letter = Seen("reviews.dead-letter", 0, 5, b"k0", source=(check.stored[40].partition, check.stored[40].offset))
    judged = report(replace(without(check, "r40"), dead_letters=[letter]))
    assert judged.problems == ("Reviews dead-lettered: 1.",)


def test_no_answer_at_all() -> None:
    assert report(replace(good(), arrivals=[])).problems[:2] == ("No sentiment came at all.", "Reviews lost: 400.")


def test_a_version_that_is_not_in_use() -> None:
    problem = "Reviews scored by what is not in use: 1 (version 7)."
    assert report(with_version(good(), "r20", 7)).problems == (problem,)


def test_another_model() -> None:
    problem = "Reviews scored by what is not in use: 1 (another model)."
    assert report(with_version(good(), "r20", 0)).problems == (problem,)


def test_a_canary_may_score_too() -> None:
    check = replace(good(), versions=Versions(1, 2, frozenset({7})))
    assert report(with_version(check, "r20", 7)).passed


def test_the_old_version_after_the_update() -> None:
    problem = "Reviews sent after the update and still scored by version 1: 1."
    assert report(with_version(good(), "r320", 1)).problems == (problem,)


def test_the_old_version_is_right_again_after_an_update_that_was_taken_back() -> None:
    assert report(replace(with_version(good(), "r320", 1), taken_back=True)).passed


def test_versions_are_shown_with_their_times_and_for_how_long_both_answered() -> None:
    judged = report(with_version(good(), "r170", 1))
    assert judged.versions == (VersionStatistics(1, 151, 0.02, 17.02), VersionStatistics(2, 249, 15.02, 39.92))
    assert judged.mixed_seconds == 2.0
    assert judged.passed


def test_the_update_may_stand_still_for_a_moment_only() -> None:
    assert report(stood_still(good(), 14.0, 14.22)).passed
    judged = report(stood_still(good(), 14.0, 14.3))
    assert judged.problems[0] == "A partition stood still for 0.300 s in the phase 'update', longer than 0.25 s."


def test_a_restart_may_take_longer_and_has_no_limit_of_p99() -> None:
    assert report(stood_still(good(), 24.0, 25.5)).passed
    problem = "A partition stood still for 2.300 s in the phase 'restarts', longer than 2 s."
    assert report(stood_still(good(), 24.0, 26.3)).problems == (problem,)


def test_p99_has_a_limit() -> None:
    slow = later(good(), [f"r{number}" for number in range(100)], 0.3)
    assert report(slow).problems == ("p99 was 0.320 s in the phase 'before', more than 0.25 s.",)
    assert evaluate(slow, Limits(2.0, 0.25, p99=0.5)).passed


def test_what_was_too_slow_before_anything_was_changed_is_not_blamed_on_the_update() -> None:
    slow = later(good(), [f"r{number}" for number in range(400)], 0.3)
    [note] = report(slow).notes
    assert note.startswith(
        "The phase 'before' passed a limit already: the machine or the group was too slow or too busy"
    )
    assert not report(slow).passed


def test_what_was_too_slow_only_after_a_change_has_no_such_excuse() -> None:
    slow = later(good(), [f"r{number}" for number in range(100, 400)], 0.3)
    assert (report(slow).passed, report(slow).notes) == (False, ())


def test_the_warm_up_has_no_limit() -> None:
    check = later(good(), [f"r{number}" for number in range(100)], 5.0)
    warm_up = [Phase("warm-up", *check.phases[0][1:]), *check.phases[1:]]
    assert report(replace(check, phases=warm_up)).passed


def test_one_partition_that_stands_still_is_seen_though_another_goes_on() -> None:
    statistics = phase(report(stood_still(good(), 24.0, 25.0, partitions=[1])), RESTARTS)
    assert statistics.pause_seconds == pytest.approx(0.9)


def test_a_pause_counts_to_the_phase_in_which_it_began() -> None:
    judged = report(stood_still(good(), 29.0, 31.0))
    assert phase(judged, RESTARTS).pause_seconds == pytest.approx(2.0)
    assert phase(judged, "after").pause_seconds == pytest.approx(0.02)


def test_a_pause_needs_something_to_do() -> None:
    check = good()
    sent = {review_id: at for review_id, at in check.sent.items() if not STARTED + 2 < at < STARTED + 6}
    arrivals = [each for each in check.arrivals if each.seen.id in sent]
    stored = [each for each in check.stored if each.id in sent]
    judged = report(replace(check, sent=sent, stored=stored, arrivals=arrivals))
    assert phase(judged, "before").pause_seconds == 0.02


def test_what_went_wrong_with_the_group_is_a_problem() -> None:
    assert report(replace(good(), reasons=["worker-1 ended with status 1."])).problems == (
        "worker-1 ended with status 1.",
    )


def test_an_id_that_was_sent_twice_cannot_be_judged() -> None:
    check = good()
    with pytest.raises(ValueError, match="sent twice"):
        report(replace(check, stored=[*check.stored, check.stored[0]]))
