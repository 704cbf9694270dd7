"""Looks at Kafka itself: the way to it, its limits, the topics, and what our principal may do.

Nothing of ours is written. A Kafka that nobody has used yet makes its own topics for groups and transactions when it is
asked about them, as it does when the first worker starts.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

from worker.broker import Partition, Position, open_broker
from worker.commands.doctor import permissions, servers, topics
from worker.commands.doctor.findings import Finding, fails, skipped
from worker.commands.doctor.known import Known, patiently
from worker.commands.doctor.reach import silence
from worker.errors import AccessDenied, BatchRefused, KafkaAway, RetryBatch, StopWorker, TopicMissing
from worker.settings import Settings

# No topic has so many: Kafka checks our permission, then says that there is no such partition, and nothing is changed.
_NO_SUCH_PARTITION = 2**31 - 1
# No Kafka allows a transaction to take so long: it checks our permission, then refuses, and nothing is changed.
_ENDLESS_SECONDS = 2_000_000.0


def look_at_addresses(known: Known) -> list[Finding]:
    """Whether the servers to ask first answer."""
    given = servers.addresses(known.chosen.kafka_bootstrap_servers)
    reasons = {address: silence(*_split(address)) for address in given}
    known.answers = not all(reasons.values())
    return servers.judge_bootstrap(reasons)


def look_at_servers(known: Known) -> list[Finding]:
    """Whether Kafka lets us in, and whether the addresses that it then tells us to use answer."""
    try:
        known.servers = known.inspector.servers()
    except KafkaAway as problem:
        protocol = known.chosen.kafka_security_protocol
        advice = f"does Kafka speak {protocol} there? Set SENTIMENT_KAFKA_SECURITY_PROTOCOL; look at its log"
        return [fails("Kafka server", str(problem), advice)]
    reasons = {each.number: silence(each.host, each.port) for each in known.servers}
    return servers.judge_advertised(known.servers, {number: why for number, why in reasons.items() if why})


def look_at_limits(known: Known) -> list[Finding]:
    """Whether the servers' own limits leave room for the settings."""
    try:
        known.limits = known.inspector.server_settings()
    except AccessDenied:
        advice = permissions.grant_sight([], *_who_and_where(known))
        return [skipped("Kafka limits", "our principal may not see the servers' settings; workers need not", advice)]
    return servers.judge_limits(known.limits, known.chosen, len(known.servers))


def look_at_topics(known: Known) -> Iterator[Finding]:
    """Whether each topic exists, is safe, and fits what it is for."""
    chosen, hidden = known.chosen, []
    for name, purpose in _purposes(chosen).items():
        try:
            facts = known.topics[name] = patiently(partial(known.inspector.topic, name))
        except TopicMissing:
            others = _other_topics(known)
            yield topics.judge_missing(name, others, purpose, len(known.servers), chosen.kafka_bootstrap_servers)
            continue
        except AccessDenied:
            known.operations[name] = frozenset()
            yield skipped(f"topic {name}", "our principal may not see whether it exists")
            continue
        known.operations[name] = facts.operations
        try:
            settings = known.inspector.topic_settings(name)
        except AccessDenied:
            settings = {}
            hidden.append(name)
        if settings and name == chosen.input_topic:
            known.retention_seconds = topics.retention_seconds(settings)
        yield from topics.judge(facts, settings, purpose, chosen.kafka_bootstrap_servers)
    yield from topics.judge_single(
        [each.name for each in known.topics.values() if each.replicas == 1], len(known.servers)
    )
    if hidden:
        advice = permissions.grant_sight(hidden, *_who_and_where(known))
        yield skipped("topic settings", "our principal may not see sizes and retention; workers need not", advice)
    if known.retention_seconds is not None:
        yield from servers.judge_oblivion(known.retention_seconds, known.limits, chosen.input_topic)


def look_at_permissions(known: Known) -> list[Finding]:
    """Whether our principal may do what a worker with this delivery guarantee does; tried, and nothing is left."""
    tried, findings = {permissions.GROUP: _may_commit(known)}, []
    if known.chosen.delivery == "exactly_once":
        try:
            tried[permissions.TRANSACTIONAL_ID] = _may_write_transactions(known)
        except (KafkaAway, RetryBatch) as problem:
            advice = (
                "look at topic __transaction_state and the servers' transaction.state.log.replication.factor: "
                f"there {'is 1 server' if len(known.servers) == 1 else f'are {len(known.servers)} servers'}"
            )
            findings.append(fails("transactions", f"Kafka does not begin one ({problem})", advice))
    required = permissions.needed(known.chosen)
    return [*permissions.judge(required, known.operations, tried, *_who_and_where(known)), *findings]


def _purposes(chosen: Settings) -> dict[str, topics.Purpose]:
    """What each topic is for, by its name."""
    purposes = {
        chosen.input_topic: topics.INPUT,
        chosen.output_topic: topics.output_purpose(chosen.redis_expiry_seconds if chosen.redis_url else 0),
        chosen.dead_letter_topic: topics.DEAD_LETTERS,
    }
    return purposes | ({chosen.shadow_topic: topics.SHADOW} if chosen.shadow_topic else {})


def _other_topics(known: Known) -> Collection[str]:
    """The topics that exist and have no purpose yet."""
    try:
        names = patiently(known.inspector.topic_names)
    except (KafkaAway, RetryBatch, AccessDenied):
        return ()
    return {name for name in names if not name.startswith("__")} - set(_purposes(known.chosen))


def _may_commit(known: Known) -> bool:
    nowhere = {Partition(known.chosen.input_topic, _NO_SUCH_PARTITION): Position(0)}
    try:
        patiently(lambda: known.broker.set_group_positions(known.chosen.kafka_group_id, nowhere))
    except AccessDenied as denied:
        return denied.resource != permissions.GROUP
    except StopWorker:
        return True
    return True


def _may_write_transactions(known: Known) -> bool:
    chosen = known.chosen
    connection = replace(chosen.connection(), transaction_timeout=_ENDLESS_SECONDS)
    own_id = f"{chosen.kafka_group_id}-doctor-{uuid.uuid4().hex}"
    broker = open_broker(chosen.kafka_client, connection, None, own_id)

    def start() -> bool:
        try:
            broker.start()
        except AccessDenied as denied:
            if denied.resource != permissions.TRANSACTIONAL_ID:
                raise
            return False
        except BatchRefused:
            return True
        return True

    try:
        return patiently(start)
    finally:
        broker.close()


def _who_and_where(known: Known) -> tuple[str, str]:
    return permissions.principal_of(known.chosen), known.chosen.kafka_bootstrap_servers


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else 0
