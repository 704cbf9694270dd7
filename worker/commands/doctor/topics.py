"""The three topics: do they exist, and do their settings suit what is read and written?"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from models.installation import typed
from worker.commands.common.formatting import counted, rough_duration, size_text
from worker.commands.doctor import permissions, servers
from worker.commands.doctor.context import CheckContext, patiently
from worker.commands.doctor.permissions import who_and_where
from worker.commands.doctor.results import Finding, Mark, fails, ok, skipped, warning
from worker.errors import AccessDenied, KafkaAway, RetryBatch, TopicMissing
from worker.kafka.admin import TopicFacts
from worker.kafka.types import MAX_MESSAGE_BYTES
from worker.settings.settings import Settings


def check_topics(context: CheckContext) -> Iterator[Finding]:
    """Whether each topic exists, is safe, and fits what it is for."""
    settings, hidden = context.settings, []
    for name, purpose in _purposes(settings).items():
        try:
            facts = context.topics[name] = patiently(partial(context.inspector.topic, name))
        except TopicMissing:
            others = _other_topics(context)
            yield evaluate_missing(name, others, purpose, len(context.servers), settings.kafka_bootstrap_servers)
            continue
        except AccessDenied:
            context.operations[name] = frozenset()
            yield skipped(f"topic {name}", "our principal may not see whether it exists")
            continue
        context.operations[name] = facts.operations
        try:
            configs = context.inspector.topic_settings(name)
        except AccessDenied:
            configs = {}
            hidden.append(name)
        if configs and name == settings.input_topic:
            context.retention_seconds = retention_seconds(configs)
        yield from evaluate(facts, configs, purpose, settings.kafka_bootstrap_servers)
    yield from evaluate_single(
        [each.name for each in context.topics.values() if each.replicas == 1], len(context.servers)
    )
    if hidden:
        advice = permissions.grant_sight(hidden, *who_and_where(context))
        yield skipped("topic settings", "our principal may not see sizes and retention; workers need not", advice)
    if context.retention_seconds is not None:
        yield from servers.evaluate_oblivion(context.retention_seconds, context.limits, settings.input_topic)


def _purposes(settings: Settings) -> dict[str, Purpose]:
    """What each topic is for, by its name."""
    purposes = {
        settings.input_topic: INPUT,
        settings.output_topic: output_purpose(settings.redis_expiry_seconds if settings.redis_url else 0),
        settings.dead_letter_topic: DEAD_LETTERS,
    }
    return purposes | ({settings.shadow_topic: SHADOW} if settings.shadow_topic else {})


def _other_topics(context: CheckContext) -> Collection[str]:
    """The topics that exist and have no purpose yet."""
    try:
        names = patiently(context.inspector.topic_names)
    except (KafkaAway, RetryBatch, AccessDenied):
        return ()
    return {name for name in names if not name.startswith("__")} - set(_purposes(context.settings))


# What a topic takes where nobody set max.message.bytes, less a record's own fields: a worker needs that much.
LEAST_MESSAGE_BYTES = 1_000_000
SHORTEST_RETENTION_SECONDS = 86_400.0
_FOR_EVER = math.inf
_MOST_REPLICAS = 3
# A slip of the finger leaves names more alike than this (difflib's ratio).
_ALIKE = 0.75


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a topic is for. `keep_seconds` is for how long its records are wanted, for the reason in `kept_for`."""

    setting: str
    title: str
    is_written: bool
    keep_seconds: float
    kept_for: str


INPUT = Purpose(
    "SENTIMENT_INPUT_TOPIC",
    "reviews to read",
    False,
    SHORTEST_RETENTION_SECONDS,
    "workers that stand still lose what is deleted",
)
DEAD_LETTERS = Purpose(
    "SENTIMENT_DEAD_LETTER_TOPIC",
    "dead letters",
    True,
    SHORTEST_RETENTION_SECONDS,
    "people must find time to look at them",
)
SHADOW = Purpose("SENTIMENT_SHADOW_TOPIC", "results of the shadow", True, 0.0, "")


def output_purpose(expiry_seconds: int) -> Purpose:
    """The output topic, from which `cache-fill` makes Redis anew: it should keep what Redis keeps."""
    kept_for = "cache-fill cannot bring back what is deleted"
    return Purpose("SENTIMENT_OUTPUT_TOPIC", "sentiments", True, float(expiry_seconds), kept_for)


def evaluate(facts: TopicFacts, configs: Mapping[str, str], purpose: Purpose, bootstrap: str) -> list[Finding]:
    """What is to be said about a topic that exists; `configs` may be empty where nobody may see them."""
    subject = f"topic {facts.name}"
    problems = [*_replication(facts, configs, purpose), *_partitions(facts, purpose, bootstrap)]
    if configs:
        problems += [
            *_sizes(facts.name, configs, purpose, bootstrap),
            *_keeping(facts.name, configs, purpose, bootstrap),
        ]
    if not any(each.mark is Mark.FAILS for each in problems):
        return [ok(subject, _summary(facts, configs, purpose)), *problems]
    return problems


def retention_seconds(configs: Mapping[str, str]) -> float:
    """How long a topic keeps records; infinite where it never deletes any for their age."""
    if "delete" not in configs.get("cleanup.policy", "delete"):
        return _FOR_EVER
    milliseconds = int(configs.get("retention.ms", "-1"))
    return _FOR_EVER if milliseconds < 0 else milliseconds / 1000


def change(topic: str, setting: str, value: str, bootstrap: str) -> str:
    """The command that sets a topic's setting."""
    return (
        f"kafka-configs.sh --bootstrap-server {bootstrap} --command-config admin.properties --alter "
        f"--entity-type topics --entity-name {topic} --add-config {setting}={value}"
    )


def evaluate_missing(topic: str, others: Collection[str], purpose: Purpose, servers: int, bootstrap: str) -> Finding:
    """About a topic that does not exist; `others` are topics that do, of which one may be meant."""
    alike = difflib.get_close_matches(topic, others, n=1, cutoff=_ALIKE)
    meant = f" (is {alike[0]} meant, which exists?)" if alike else ""
    return fails(
        f"topic {topic}",
        "does not exist",
        f"check {purpose.setting}{meant}; to create it: "
        f"{typed('python -m worker run')} --create-topics, or: kafka-topics.sh --bootstrap-server {bootstrap} --create "
        f"--topic {topic} --partitions 12 --replication-factor {min(servers, _MOST_REPLICAS)} "
        f"--config max.message.bytes={MAX_MESSAGE_BYTES}",
    )


def evaluate_single(names: Sequence[str], servers: int) -> list[Finding]:
    """About the topics that have one replica only: once for all of them."""
    if not names:
        return []
    more = f"{_MOST_REPLICAS} Kafka servers, " if servers < _MOST_REPLICAS else ""
    return [
        warning(
            f"topic{'' if len(names) == 1 else 's'} {', '.join(names)}",
            "1 replica: a server that is lost, or restarts in a commit, can break what is guaranteed",
            f"for production: {more}3 replicas (kafka-reassign-partitions.sh) and min.insync.replicas=2",
        )
    ]


def _summary(facts: TopicFacts, configs: Mapping[str, str], purpose: Purpose) -> str:
    parts = [f"{purpose.title}: {counted(facts.partitions, 'partition')}, {counted(facts.replicas, 'replica')}"]
    if configs:
        if purpose.is_written:
            parts.append(f"takes {size_text(int(configs['max.message.bytes']))}")
        seconds = retention_seconds(configs)
        parts.append("keeps all" if math.isinf(seconds) else f"keeps {rough_duration(seconds)}")
    return ", ".join(parts)


def _replication(facts: TopicFacts, configs: Mapping[str, str], purpose: Purpose) -> Iterator[Finding]:
    subject, least = f"topic {facts.name}", int(configs.get("min.insync.replicas", "1"))
    if facts.leaderless:
        yield fails(
            subject,
            f"{facts.leaderless} of {counted(facts.partitions, 'partition')} have no leader",
            "start the Kafka servers that hold them",
        )
    elif purpose.is_written and facts.in_sync < least:
        yield fails(
            subject,
            f"a partition has {counted(facts.in_sync, 'replica')} in sync, min.insync.replicas is {least}",
            "start the Kafka servers that are down: until then nothing can be written",
        )
    elif facts.in_sync < facts.replicas:
        yield warning(subject, f"{facts.in_sync} of {facts.replicas} replicas are in sync", "look at the Kafka servers")
    if not purpose.is_written or facts.replicas == 1:
        return  # for one replica there is judge_single
    if configs and least == 1:
        yield warning(
            subject,
            "min.insync.replicas is 1: what one server confirmed alone is lost with it",
            "set min.insync.replicas=2",
        )
    elif least >= facts.replicas:
        yield warning(
            subject,
            f"min.insync.replicas is {least} of {facts.replicas} replicas: one server down stops all writing",
            f"set min.insync.replicas={facts.replicas - 1}, or more replicas",
        )


def _partitions(facts: TopicFacts, purpose: Purpose, bootstrap: str) -> Iterator[Finding]:
    if not purpose.is_written and facts.partitions == 1:
        yield warning(
            f"topic {facts.name}",
            "1 partition: a second worker would have nothing to do",
            f"kafka-topics.sh --bootstrap-server {bootstrap} --alter --topic {facts.name} --partitions 12",
        )


def _sizes(topic: str, configs: Mapping[str, str], purpose: Purpose, bootstrap: str) -> Iterator[Finding]:
    found = int(configs["max.message.bytes"])
    if not purpose.is_written or found >= MAX_MESSAGE_BYTES:
        return
    advice = change(topic, "max.message.bytes", str(MAX_MESSAGE_BYTES), bootstrap)
    if found < LEAST_MESSAGE_BYTES:
        yield fails(f"topic {topic}", f"takes {size_text(found)} only: workers stop at a larger message", advice)
    else:
        yield warning(
            f"topic {topic}",
            f"takes {size_text(found)}: larger dead letters lose their value, larger results fail",
            advice,
        )


def _keeping(topic: str, configs: Mapping[str, str], purpose: Purpose, bootstrap: str) -> Iterator[Finding]:
    subject, policy = f"topic {topic}", configs.get("cleanup.policy", "delete")
    if "compact" in policy and purpose.is_written:
        yield warning(
            subject,
            f"cleanup.policy is {policy}: only the latest of each key stays, and a review without a key stops workers",
            change(topic, "cleanup.policy", "delete", bootstrap),
        )
    elif "compact" in policy:
        yield warning(
            subject,
            f"cleanup.policy is {policy}: reviews of a key vanish behind later ones, read or not",
            change(topic, "cleanup.policy", "delete", bootstrap),
        )
    seconds = retention_seconds(configs)
    if seconds < purpose.keep_seconds:
        wanted = str(int(purpose.keep_seconds * 1000))
        yield warning(
            subject,
            f"keeps {rough_duration(seconds)}, less than {rough_duration(purpose.keep_seconds)}: {purpose.kept_for}",
            change(topic, "retention.ms", wanted, bootstrap),
        )
