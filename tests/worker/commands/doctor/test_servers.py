"""What is thought of the Kafka servers and their limits."""

from typing import Any

import pytest

from worker.commands.doctor.results import Finding, Mark
from worker.commands.doctor.servers import evaluate_advertised, evaluate_bootstrap, evaluate_limits, evaluate_oblivion
from worker.kafka.admin import Server
from worker.settings.settings import load

DEFAULTS = {
    "group.min.session.timeout.ms": "6000",
    "group.max.session.timeout.ms": "1800000",
    "transaction.max.timeout.ms": "900000",
    "transaction.state.log.replication.factor": "3",
    "offsets.retention.minutes": "10080",
}


def limits(settings: dict[str, Any] | None = None, servers: int = 3, **changed: str) -> list[Finding]:
    found = DEFAULTS | {name.replace("_", "."): value for name, value in changed.items()}
    return evaluate_limits(found, load(settings or {}), servers)


def marks(findings: list[Finding]) -> list[Mark]:
    return [each.mark for each in findings]


def test_one_address_that_answers_is_enough() -> None:
    assert marks(evaluate_bootstrap({"a:1": "", "b:2": "connection refused"})) == [Mark.OK, Mark.WARNING]


def test_no_address_that_answers_fails_with_the_reasons() -> None:
    [finding] = evaluate_bootstrap({"a:1": "timed out", "b:2": "connection refused"})
    assert (finding.mark, finding.found) == (Mark.FAILS, "none answers (a:1: timed out; b:2: connection refused)")


def test_a_server_that_sends_clients_elsewhere_fails() -> None:
    reached, lost = evaluate_advertised([Server(1, "here", 9092), Server(2, "inside", 9092)], {2: "unknown name"})
    assert (reached.mark, lost.mark) == (Mark.OK, Mark.FAILS)
    assert "inside:9092" in lost.found
    assert "advertised.listeners" in lost.advice


def test_kafkas_defaults_leave_room_for_ours() -> None:
    assert marks(limits()) == [Mark.OK]


def test_limits_that_are_not_known_are_not_judged() -> None:
    assert marks(evaluate_limits({}, load({}), 3)) == [Mark.OK]


@pytest.mark.parametrize("session", [5.0, 1801.0])
def test_a_session_that_kafka_refuses_fails(session: float) -> None:
    [finding] = limits({"kafka_session_timeout_seconds": session})
    assert finding.found == f"a session of {session:g} s is refused: Kafka allows 6 to 1800 s"


def test_a_transaction_that_kafka_refuses_fails_where_there_are_transactions() -> None:
    assert marks(limits(transaction_max_timeout_ms="14999")) == [Mark.FAILS]
    assert marks(limits({"delivery": "at_least_once"}, transaction_max_timeout_ms="14999")) == [Mark.OK]


def test_transactions_that_one_server_remembers_alone_are_a_warning() -> None:
    assert marks(limits(transaction_state_log_replication_factor="1")) == [Mark.OK, Mark.WARNING]
    assert marks(limits(servers=1, transaction_state_log_replication_factor="1")) == [Mark.OK]


def test_a_short_memory_for_positions_is_a_warning() -> None:
    [_, warning] = limits(offsets_retention_minutes="60")
    assert "a group that stood still for 60 min begins anew" in warning.found


@pytest.mark.parametrize(("input_days", "expected"), [(7, []), (8, [Mark.WARNING]), (float("inf"), [Mark.WARNING])])
def test_reviews_that_outlive_the_positions_are_a_warning(input_days: float, expected: list[Mark]) -> None:
    assert marks(evaluate_oblivion(input_days * 86_400, DEFAULTS, "reviews")) == expected


def test_hidden_limits_forget_nothing() -> None:
    assert evaluate_oblivion(float("inf"), {}, "reviews") == []
