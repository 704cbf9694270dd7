"""The course of an examination: look after look, each within a time limit, unless an earlier one rules it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.errors import ModelError
from models.timing import Bounded, DeadlinePassed
from worker.commands.doctor import input_topic, model, servers, tracing
from worker.commands.doctor.capacity import check_speed
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.group import check_group, check_instance
from worker.commands.doctor.machine import check_machine, check_settings
from worker.commands.doctor.permissions import check_permissions
from worker.commands.doctor.redis import check_redis
from worker.commands.doctor.results import Finding, fails, skipped
from worker.commands.doctor.topics import check_topics
from worker.errors import WorkerError

# Longer than the sum of a look's own time limits; a backstop, so that nothing hangs.
_KAFKA_SECONDS = 90.0
_SECONDS = 30.0
# For errors that a look leaves as they are: they name the setting, permission or file, or who did not answer.
_ADVICE = "mend what this names, then run doctor again; a server or store may have been away for this moment only"
# To fetch a version from a store elsewhere, and another two on trial.
_MODEL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Check:
    """One look. `skip_reason` says why it cannot be taken with what is known by then; empty where it can."""

    subject: str
    take: Callable[[CheckContext], Iterable[Finding]]
    seconds: float = _SECONDS
    skip_reason: Callable[[CheckContext], str] = lambda context: ""


def without_answer(context: CheckContext) -> str:
    """Why nobody can be asked."""
    return "" if context.answers else "no address answers"


def without_kafka(context: CheckContext) -> str:
    """Why Kafka cannot be asked."""
    return "" if context.servers else "Kafka was not reached"


def without_input(context: CheckContext) -> str:
    """Why the input topic cannot be asked about."""
    return without_kafka(context) or (
        "" if context.settings.input_topic in context.topics else "the input topic was not seen"
    )


def without_model(context: CheckContext) -> str:
    """Why nothing can be scored."""
    return "" if context.scorer else "no model was loaded"


CHECKS = (
    Check("settings", check_settings),
    Check("machine", check_machine),
    Check("tracing", tracing.check_tracing),
    Check("Kafka address", servers.check_addresses),
    Check("Kafka server", servers.check_servers, _KAFKA_SECONDS, without_answer),
    Check("Kafka limits", servers.check_limits, _KAFKA_SECONDS, without_kafka),
    Check("topics", check_topics, _KAFKA_SECONDS, without_kafka),
    Check("permissions", check_permissions, _KAFKA_SECONDS, without_kafka),
    Check("arrivals", input_topic.check_arrivals, _KAFKA_SECONDS, without_input),
    Check("group", check_group, _KAFKA_SECONDS, without_kafka),
    Check("instance id", check_instance, _KAFKA_SECONDS, without_kafka),
    Check("reviews", input_topic.check_reviews, _KAFKA_SECONDS, without_input),
    Check("model", model.check_model, _MODEL_SECONDS),
    Check("speed", check_speed, _MODEL_SECONDS, without_model),
    Check("Redis", check_redis),
)


def examine(
    context: CheckContext, checks: Sequence[Check] = CHECKS, begin: Callable[[str], None] = lambda subject: None
) -> Iterator[Finding]:
    """The findings as they come; `begin` is told each look's subject before it is taken."""
    bounded = Bounded("doctor")
    try:
        for check in checks:
            begin(check.subject)
            yield from _findings(check, context, bounded)
    finally:
        bounded.close()


def _findings(check: Check, context: CheckContext, bounded: Bounded) -> Sequence[Finding]:
    if skip_reason := check.skip_reason(context):
        return [skipped(check.subject, skip_reason)]
    found: list[Finding] = []

    def take() -> None:
        # One by one, so that what was found before something went wrong is not lost.
        for finding in check.take(context):
            found.append(finding)  # noqa: PERF402

    try:
        bounded.call(take, seconds=check.seconds)
    except DeadlinePassed as late:
        context.forget_broker()
        return [*found, fails(check.subject, str(late), "look at what it waits for; nothing else was held up")]
    except (WorkerError, ModelError) as problem:
        return [*found, fails(check.subject, str(problem), _ADVICE)]
    return found
