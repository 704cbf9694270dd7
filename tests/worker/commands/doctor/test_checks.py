"""The course of an examination: nothing hangs, and nothing is asked that cannot be answered."""

import threading
from collections.abc import Iterator

import pytest

from models.errors import BrokenArtifact, StoreError
from tests.worker.commands.group.workers import started_workers
from worker.commands.doctor.checks import CHECKS, Check, examine, without_kafka
from worker.commands.doctor.context import CheckContext, patiently
from worker.commands.doctor.machine import check_machine
from worker.commands.doctor.results import Finding, Mark, ok
from worker.errors import AccessDenied, BatchExpired, KafkaAway
from worker.settings.settings import load


def fine(context: CheckContext) -> list[Finding]:
    return [ok("fine", "all is well")]


def marks(*checks: Check) -> list[Mark]:
    return [each.mark for each in examine(CheckContext(load({})), checks)]


def test_a_look_that_hangs_fails_and_the_next_is_taken() -> None:
    released = threading.Event()

    def hangs(context: CheckContext) -> list[Finding]:
        released.wait()
        return []

    assert marks(Check("hangs", hangs, seconds=0.05), Check("fine", fine)) == [Mark.FAILS, Mark.OK]
    released.set()


@pytest.mark.parametrize("error", [AccessDenied, KafkaAway, BatchExpired, BrokenArtifact, StoreError])
def test_what_was_found_before_an_error_is_kept_and_the_error_comes_with_advice(error: type[Exception]) -> None:
    def refuses(context: CheckContext) -> Iterator[Finding]:
        yield ok("first", "all is well")
        raise error("this did not go well")

    first, second = examine(CheckContext(load({})), [Check("refuses", refuses)])
    assert (first.mark, second.mark, second.found) == (Mark.OK, Mark.FAILS, "this did not go well")
    assert "run doctor again" in second.advice


def test_a_look_that_an_earlier_one_rules_out_is_skipped_with_the_reason() -> None:
    [finding] = examine(CheckContext(load({})), [Check("topics", fine, skip_reason=without_kafka)])
    assert (finding.mark, finding.found) == (Mark.SKIPPED, "Kafka was not reached")


def test_without_kafka_nothing_waits_for_it() -> None:
    context = CheckContext(load({"kafka_bootstrap_servers": "127.0.0.1:9", "http_port": "0"}))
    quick = [check for check in CHECKS if check.subject not in ("model", "speed")]
    found = {each.subject: each.mark for each in examine(context, quick)}
    assert found["Kafka address"] is Mark.FAILS
    later = ("Kafka server", "Kafka limits", "topics", "permissions", "arrivals", "group", "instance id", "reviews")
    assert {found[subject] for subject in later} == {Mark.SKIPPED}


def test_a_worker_on_our_own_port_is_remembered() -> None:
    with started_workers() as start:
        port = start().address.rpartition(":")[2]
        context = CheckContext(load({"http_host": "127.0.0.1", "http_port": port}))
        assert Mark.FAILS not in {each.mark for each in examine(context, [Check("machine", check_machine)])}
    assert context.worker_runs_here


def test_patience_ends() -> None:
    def away() -> None:
        raise KafkaAway("not yet")

    with pytest.raises(KafkaAway):
        patiently(away, seconds=0.01)
    answers = iter([KafkaAway("not yet"), None])

    def once_away() -> str:
        if problem := next(answers):
            raise problem
        return "here"

    assert patiently(once_away) == "here"
