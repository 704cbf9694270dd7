"""What Kafka allows us to do, asked without doing it."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from worker.commands.common.permissions import EXACTLY_ONCE, GROUP, KAFKA, TOPIC, TRANSACTIONAL_ID, WHERE_IT_IS_SET
from worker.commands.doctor.context import CheckContext, patiently
from worker.commands.doctor.results import Finding, fails, ok
from worker.errors import AccessDenied, BatchRefused, KafkaAway, RetryBatch, StopWorker
from worker.kafka.connect import open_broker
from worker.kafka.types import CommittedOffset, Partition
from worker.settings.settings import Settings

# No topic has so many: Kafka checks our permission, then says that there is no such partition, and nothing is changed.
_NO_SUCH_PARTITION = 2**31 - 1
# No Kafka allows a transaction to take so long: it checks our permission, then refuses, and nothing is changed.
_ENDLESS_SECONDS = 2_000_000.0


def check_permissions(context: CheckContext) -> list[Finding]:
    """Whether our principal may do what a worker with this delivery guarantee does; tried, and nothing is left."""
    tried, findings = {GROUP: _may_commit(context)}, []
    if context.settings.delivery == "exactly_once":
        try:
            tried[TRANSACTIONAL_ID] = _may_write_transactions(context)
        except (KafkaAway, RetryBatch) as problem:
            advice = (
                "look at topic __transaction_state and the servers' transaction.state.log.replication.factor: "
                f"there {'is 1 server' if len(context.servers) == 1 else f'are {len(context.servers)} servers'}"
            )
            findings.append(fails("transactions", f"Kafka does not begin one ({problem})", advice))
    required = needed(context.settings)
    return [*evaluate(required, context.operations, tried, *who_and_where(context)), *findings]


def _may_commit(context: CheckContext) -> bool:
    nowhere = {Partition(context.settings.input_topic, _NO_SUCH_PARTITION): CommittedOffset(0)}
    try:
        patiently(lambda: context.broker.set_group_offsets(context.settings.kafka_group_id, nowhere))
    except AccessDenied as denied:
        return denied.resource != GROUP
    except StopWorker:
        return True
    return True


def _may_write_transactions(context: CheckContext) -> bool:
    settings = context.settings
    connection = replace(settings.connection(), transaction_timeout=_ENDLESS_SECONDS)
    own_id = f"{settings.kafka_group_id}-doctor-{uuid.uuid4().hex}"
    broker = open_broker(settings.kafka_client, connection, None, own_id)

    def start() -> bool:
        try:
            broker.start()
        except AccessDenied as denied:
            if denied.resource != TRANSACTIONAL_ID:
                raise
            return False
        except BatchRefused:
            return True
        return True

    try:
        return patiently(start)
    finally:
        broker.close()


def who_and_where(context: CheckContext) -> tuple[str, str]:
    return principal_of(context.settings), context.settings.kafka_bootstrap_servers


# What Kafka grants along with another operation on the same resource.
_IMPLIED = {"READ": {"DESCRIBE"}, "WRITE": {"DESCRIBE"}}
_FLAGS = {
    TOPIC: ["--topic"],
    GROUP: ["--group"],
    TRANSACTIONAL_ID: ["--resource-pattern-type", "prefixed", "--transactional-id"],
}
_SPELLED = {"READ": "Read", "WRITE": "Write", "DESCRIBE": "Describe", "DESCRIBE_CONFIGS": "DescribeConfigs"}


@dataclass(frozen=True, slots=True)
class Permission:
    """An operation, named as in Kafka's protocol, on one resource; a transactional id stands for all that begin so."""

    operation: str
    kind: str
    name: str

    def __str__(self) -> str:
        beginning = " (and all that begin so)" if self.kind == TRANSACTIONAL_ID else ""
        return f"{_SPELLED[self.operation]} on {self.kind} {self.name}{beginning}"


def needed(settings: Settings) -> tuple[Permission, ...]:
    """What the principal of a worker with these settings must be allowed."""
    conditions = {"", *([EXACTLY_ONCE] if settings.delivery == "exactly_once" else [])}
    conditions |= {WHERE_IT_IS_SET} if settings.shadow_topic else set()
    return tuple(
        Permission(operation.upper(), each.kind, getattr(settings, name) + each.ending)
        for each in KAFKA
        if "run" in each.commands and each.condition in conditions
        for name in each.names
        for operation in each.operations
    )


def missing(
    required: Iterable[Permission], topics: Mapping[str, Collection[str]], tried: Mapping[str, bool]
) -> tuple[Permission, ...]:
    """Those that are needed and not there.

    `topics` has the operations that Kafka says are allowed on each topic; one that it does not say is not judged.
    `tried` says for GROUP and TRANSACTIONAL_ID whether Kafka let us; one that could not be tried is not judged.
    """

    def lacks(permission: Permission) -> bool:
        if permission.kind == TOPIC:
            return permission.name in topics and permission.operation not in topics[permission.name]
        return not tried.get(permission.kind, True)

    return tuple(filter(lacks, required))


def evaluate(
    required: Iterable[Permission],
    topics: Mapping[str, Collection[str]],
    tried: Mapping[str, bool],
    principal: str,
    servers: str,
) -> list[Finding]:
    """A line for each permission that is missing, and one for all that are there; none for what could not be judged."""
    lacking = missing(required, topics, tried)
    findings = [fails("permissions", f"{principal} lacks {each}", grant(each, principal, servers)) for each in lacking]
    judged = (each for each in required if (each.name in topics if each.kind == TOPIC else each.kind in tried))
    if held := [str(each) for each in judged if each not in lacking]:
        findings.insert(0, ok("permissions", f"{principal} has {', '.join(held)}"))
    return findings


def grant(permission: Permission, principal: str, servers: str) -> str:
    """The command that grants it, as an administrator of Kafka types it."""
    operations = [permission.operation, *sorted(_IMPLIED.get(permission.operation, ()))]
    return _command(operations, [*_FLAGS[permission.kind], permission.name], principal, servers)


def grant_sight(topics: Sequence[str], principal: str, servers: str) -> str:
    """The command that lets the principal see the settings of topics; those of the servers where none is named."""
    where = [word for topic in topics for word in ("--topic", topic)] or ["--cluster"]
    return _command(["DESCRIBE_CONFIGS"], where, principal, servers)


def _command(operations: Sequence[str], where: Sequence[str], principal: str, servers: str) -> str:
    words = ["kafka-acls.sh", "--bootstrap-server", servers, "--command-config", "admin.properties", "--add"]
    words += ["--allow-principal", principal]
    for operation in operations:
        words += ["--operation", _SPELLED[operation]]
    return shlex.join([*words, *where])


def principal_of(settings: Settings) -> str:
    """How Kafka calls us, unless it has rules of its own for names."""
    if settings.kafka_security_protocol.startswith("SASL") and settings.kafka_sasl_username:
        return f"User:{settings.kafka_sasl_username}"
    if settings.kafka_security_protocol == "SSL" and settings.kafka_ssl_certificate_file:
        return f"User:{_subject(settings.kafka_ssl_certificate_file)}"
    if settings.kafka_security_protocol.startswith("SASL"):
        return "User:NAME"
    return "User:ANONYMOUS"


def _subject(certificate: Path) -> str:
    try:
        from cryptography import x509

        return x509.load_pem_x509_certificate(certificate.read_bytes()).subject.rfc4514_string()
    except (ImportError, OSError, ValueError):
        return f"SUBJECT-OF-{certificate.name}"
