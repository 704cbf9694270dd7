"""The group and this process's own name in it: members, committed offsets, and who else uses the name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from worker.commands.doctor.context import CheckContext, InputFacts, Offsets, between, patiently
from worker.commands.doctor.input_topic import listed
from worker.commands.doctor.results import Finding, fails, ok, skipped, warning
from worker.errors import AccessDenied
from worker.kafka.admin import GroupFacts, TransactionFacts
from worker.kafka.types import LATEST

# A worker at work ends a transaction every few milliseconds, one with little to do every second or so.
_INSTANCE_CHECKS = 8
_INSTANCE_PAUSE_SECONDS = 0.15


def evaluate_offsets(facts: InputFacts, committed_offsets: Offsets, start: str) -> list[Finding]:
    """About where the group stands; `start` is SENTIMENT_START."""
    lost = {
        part.number: facts.begins[part] - at for part, at in committed_offsets.items() if at < facts.begins.get(part, 0)
    }
    beyond = sorted(
        part.number for part, at in committed_offsets.items() if part in facts.ends and at > facts.ends[part]
    )
    findings = []
    if lost:
        findings.append(
            warning(
                "positions",
                f"{sum(lost.values()):,} records were deleted before the group read them (partitions {listed(lost)})",
                "let the input topic keep records for longer, or run more workers",
            )
        )
    if beyond:
        findings.append(
            warning(
                "positions",
                f"the group stands where partitions {listed(beyond)} do not reach yet: was the topic made anew?",
                "if it was: with no worker running, kafka-consumer-groups.sh --reset-offsets --to-earliest --execute; "
                "all that the topic holds is then scored again",
            )
        )
    return findings or [ok("positions", _left(facts, committed_offsets, start))]


def evaluate_group(group: GroupFacts, group_id: str) -> Finding:
    """About who is in the workers' group already."""
    subject = "group"
    if not group.hosts:
        return ok(subject, f"{group_id} has no members: this is its first worker")
    hosts = ", ".join(sorted(set(group.hosts)))
    return ok(subject, f"{group_id} has {len(group.hosts)} (on {hosts}): one more shares their partitions")


def evaluate_instance(
    instance_id: str, seen: Sequence[TransactionFacts | None], worker_runs_here: bool = False
) -> Finding:
    """About the process's own name, by looks at its transactional id one after the other."""
    context = [each for each in seen if each is not None]
    if any(each.is_open for each in context) or len({each.epoch for each in context}) > 1:
        if worker_runs_here:
            return ok("instance id", f"a process with the instance id {instance_id} is writing, and a worker runs here")
        return fails(
            "instance id",
            f"a process with the instance id {instance_id} is writing at this moment; a second one fences it",
            "give each worker a SENTIMENT_INSTANCE_ID of its own, or none (host and port)",
        )
    return ok("instance id", f"no process with the instance id {instance_id} is writing at this moment")


def _left(facts: InputFacts, committed_offsets: Offsets, start: str) -> str:
    begins = {**(facts.begins if start == "earliest" else facts.ends), **committed_offsets}
    left = between(begins, facts.ends)
    if committed_offsets:
        return f"{left:,} records left to read from where the group stands"
    if start == "latest":
        return f"the group is new and begins at the end ({facts.records:,} records before it are left out)"
    return f"the group is new and begins with the oldest of {left:,} records"


def check_group(context: CheckContext) -> list[Finding]:
    """Who is in the workers' group, and where it stands."""
    settings = context.settings
    try:
        group = patiently(lambda: context.inspector.group(settings.kafka_group_id))
        committed_offsets = patiently(
            lambda: context.broker.group_offsets(settings.kafka_group_id, settings.input_topic)
        )
    except AccessDenied:
        return [skipped("group", f"our principal may not see group {settings.kafka_group_id}")]
    findings = [evaluate_group(group, settings.kafka_group_id)]
    if context.stream is not None:
        offsets = {part: committed.next_offset for part, committed in committed_offsets.items()}
        # Asked once more: a group at work has gone on since, and is past where the topic ended then.
        facts = replace(context.stream, ends=context.broker.offsets_at(settings.input_topic, LATEST))
        findings += evaluate_offsets(facts, offsets, settings.start)
    return findings


def check_instance(context: CheckContext) -> list[Finding]:
    """Whether another process writes under our own name."""
    settings = context.settings
    if settings.delivery != "exactly_once" or settings.instance_id is None:
        return []
    if not context.inspector.knows_transactions:
        return [skipped("instance id", f"{settings.kafka_client} cannot ask whether another process uses it")]
    own_id = f"{settings.kafka_group_id}-{settings.instance_id}"
    seen = []
    try:
        for _ in range(_INSTANCE_CHECKS):
            seen.append(patiently(lambda: context.inspector.transaction(own_id)))
            time.sleep(_INSTANCE_PAUSE_SECONDS)
    except AccessDenied:
        return [skipped("instance id", "our principal may not see its transactions")]
    return [evaluate_instance(settings.instance_id, seen, context.worker_runs_here)]
