"""How a rescoring begins: what was asked for, the topic that it writes, and where its group stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from models.errors import ModelError, ModelNotFound
from models.registry.registry import Registry
from worker.commands.rescore.job import Job, State, new_offsets, remembered, state_of
from worker.commands.rescore.offsets import Bound, spans
from worker.errors import BadUse, KafkaAway, StopWorker, TopicMissing
from worker.kafka.broker import Broker
from worker.kafka.types import EARLIEST, LATEST, MAX_MESSAGE_BYTES, Topic
from worker.settings.settings import Settings
from worker.settings.types import legal_topic

_RETRY_SECONDS = 0.2

Result = TypeVar("Result")


def find_version(registry: Registry, reference: str) -> tuple[str, int]:
    """The model and the number of its version. Raises BadUse where there is none, StopWorker."""
    try:
        return registry.find(reference)
    except ModelNotFound as error:
        raise BadUse(f"--model: {error}") from error
    except ModelError as error:
        raise StopWorker(str(error)) from error


def make_job(settings: Settings, version: tuple[str, int], to: str, group: str | None) -> Job:
    """What was asked for, of all that the input topic holds. Raises BadUse."""
    try:
        legal_topic(to)
    except ValueError as error:
        raise BadUse(f"--to {to!r}: {error}") from None
    if to in (settings.input_topic, settings.output_topic, settings.dead_letter_topic):
        raise BadUse(f"--to: topic {to} belongs to the live stream: name another")
    name, number = version
    group = group or f"{settings.kafka_group_id}-rescore-{name}-{number}-{to}"
    if group == settings.kafka_group_id:
        raise BadUse(f"--group: {group} is the workers' group: name another")
    return for_range(Job(settings.input_topic, to, f"{name}@{number}", group, ""), None, None)


def for_range(job: Job, since: Bound | None, until: Bound | None) -> Job:
    """The job for a part of the topic only."""
    first, last = since.text if since else "the beginning", until.text if until else "the end"
    return replace(job, given=f"from {first} until {last}")


def create_target(asking: Broker, job: Job, replication: int) -> None:
    """Make the topic to write, with as many partitions as the one to read, unless it exists. Raises KafkaAway."""
    partitions = len(asking.offsets_at(job.topic, LATEST))
    asking.create_topics([Topic(job.to, partitions, replication, {"max.message.bytes": str(MAX_MESSAGE_BYTES)})])


def begin(asking: Broker, job: Job, since: Bound | None, until: Bound | None, append: bool = False) -> State:
    """What the group remembers of this job, or a new beginning: in a topic with records only to `append` to them.

    Raises BadUse, StopWorker, KafkaAway.
    """
    # Before the positions: a process sets these before it writes, so what another one of this run wrote is no surprise.
    holds_records = _holds_records(asking, job)
    if (state := remembered(asking, job)) is not None:
        return state
    if holds_records and not append:
        raise BadUse(
            f"--to: topic {job.to} holds records already, and group {job.group} remembers no run that wrote them: "
            "name another topic, delete its records, or add to them with --append"
        )
    found = spans(asking, job.topic, since, until)
    if not any(span.end > span.begin for span in found.values()):
        raise StopWorker(f"topic {job.topic} holds nothing {job.given}: there is nothing to score")
    offsets = new_offsets(asking, job, found, int(time.time() * 1000))
    try:
        asking.set_group_offsets(job.group, offsets)
    except StopWorker:
        # Another process began the same a moment ago and is a member by now.
        if (state := remembered(asking, job)) is None:
            raise
        return state
    return state_of(job, offsets)


def _holds_records(asking: Broker, job: Job) -> bool:
    try:
        ends = asking.offsets_at(job.to, LATEST)
    except TopicMissing:
        raise TopicMissing(f"topic {job.to} does not exist: --create-topic makes it, like topic {job.topic}") from None
    return ends != asking.offsets_at(job.to, EARLIEST)


def patiently(settings: Settings, step: Callable[[], Result]) -> Result:
    """A Kafka that was just started, or a topic that was just made, may not answer at once. Raises KafkaAway."""
    deadline = time.monotonic() + settings.kafka_deadline_seconds
    while True:
        try:
            return step()
        except KafkaAway:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
