"""The course of an examination: look after look, each within a time limit, unless an earlier one rules it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.errors import ModelError
from models.timing import Bounded, DeadlinePassed
from worker.commands.doctor import input_topic, model, servers, tracing
from worker.commands.doctor.capacity import look_at_speed
from worker.commands.doctor.context import Known
from worker.commands.doctor.group import look_at_group, look_at_instance
from worker.commands.doctor.machine import look_at_machine, look_at_settings
from worker.commands.doctor.permissions import look_at_permissions
from worker.commands.doctor.redis import look_at_redis
from worker.commands.doctor.results import Finding, fails, skipped
from worker.commands.doctor.topics import look_at_topics
from worker.errors import WorkerError

# Longer than the sum of a look's own time limits; a backstop, so that nothing hangs.
_KAFKA_SECONDS = 90.0
_SECONDS = 30.0
# For errors that a look leaves as they are: they name the setting, permission or file, or who did not answer.
_ADVICE = "mend what this names, then run doctor again; a server or store may have been away for this moment only"
# To fetch a version from a store elsewhere, and another two on trial.
_MODEL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look. `obstacle` says why it cannot be taken with what is known by then; empty where it can."""

    subject: str
    take: Callable[[Known], Iterable[Finding]]
    seconds: float = _SECONDS
    obstacle: Callable[[Known], str] = lambda known: ""


def without_answer(known: Known) -> str:
    """Why nobody can be asked."""
    return "" if known.answers else "no address answers"


def without_kafka(known: Known) -> str:
    """Why Kafka cannot be asked."""
    return "" if known.servers else "Kafka was not reached"


def without_input(known: Known) -> str:
    """Why the input topic cannot be asked about."""
    return without_kafka(known) or ("" if known.chosen.input_topic in known.topics else "the input topic was not seen")


def without_model(known: Known) -> str:
    """Why nothing can be scored."""
    return "" if known.scorer else "no model was loaded"


LOOKS = (
    Look("settings", look_at_settings),
    Look("machine", look_at_machine),
    Look("tracing", tracing.look_at_tracing),
    Look("Kafka address", servers.look_at_addresses),
    Look("Kafka server", servers.look_at_servers, _KAFKA_SECONDS, without_answer),
    Look("Kafka limits", servers.look_at_limits, _KAFKA_SECONDS, without_kafka),
    Look("topics", look_at_topics, _KAFKA_SECONDS, without_kafka),
    Look("permissions", look_at_permissions, _KAFKA_SECONDS, without_kafka),
    Look("arrivals", input_topic.look_at_arrivals, _KAFKA_SECONDS, without_input),
    Look("group", look_at_group, _KAFKA_SECONDS, without_kafka),
    Look("instance id", look_at_instance, _KAFKA_SECONDS, without_kafka),
    Look("reviews", input_topic.look_at_reviews, _KAFKA_SECONDS, without_input),
    Look("model", model.look_at_model, _MODEL_SECONDS),
    Look("speed", look_at_speed, _MODEL_SECONDS, without_model),
    Look("Redis", look_at_redis),
)


def examine(
    known: Known, looks: Sequence[Look] = LOOKS, begin: Callable[[str], None] = lambda subject: None
) -> Iterator[Finding]:
    """The findings as they come; `begin` is told each look's subject before it is taken."""
    bounded = Bounded("doctor")
    try:
        for look in looks:
            begin(look.subject)
            yield from _findings(look, known, bounded)
    finally:
        bounded.close()


def _findings(look: Look, known: Known, bounded: Bounded) -> Sequence[Finding]:
    if obstacle := look.obstacle(known):
        return [skipped(look.subject, obstacle)]
    found: list[Finding] = []

    def take() -> None:
        # One by one, so that what was found before something went wrong is not lost.
        for finding in look.take(known):
            found.append(finding)  # noqa: PERF402

    try:
        bounded.call(take, seconds=look.seconds)
    except DeadlinePassed as late:
        known.forget_broker()
        return [*found, fails(look.subject, str(late), "look at what it waits for; nothing else was held up")]
    except (WorkerError, ModelError) as problem:
        return [*found, fails(look.subject, str(problem), _ADVICE)]
    return found
