"""What is thought of the Kafka servers and of what they allow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from worker.commands.common.formatting import rough_duration
from worker.commands.doctor import permissions
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.machine import unreachable_reason
from worker.commands.doctor.permissions import who_and_where
from worker.commands.doctor.results import Finding, Mark, fails, ok, skipped, warning
from worker.errors import AccessDenied, KafkaAway
from worker.kafka.admin import Server
from worker.settings.settings import Settings


def check_addresses(context: CheckContext) -> list[Finding]:
    """Whether the servers to ask first answer."""
    given = addresses(context.settings.kafka_bootstrap_servers)
    reasons = {address: unreachable_reason(*_split(address)) for address in given}
    context.answers = not all(reasons.values())
    return evaluate_bootstrap(reasons)


def check_servers(context: CheckContext) -> list[Finding]:
    """Whether Kafka lets us in, and whether the addresses that it then tells us to use answer."""
    try:
        context.servers = context.inspector.servers()
    except KafkaAway as problem:
        protocol = context.settings.kafka_security_protocol
        advice = f"does Kafka speak {protocol} there? Set SENTIMENT_KAFKA_SECURITY_PROTOCOL; look at its log"
        return [fails("Kafka server", str(problem), advice)]
    reasons = {each.number: unreachable_reason(each.host, each.port) for each in context.servers}
    return evaluate_advertised(context.servers, {number: why for number, why in reasons.items() if why})


def check_limits(context: CheckContext) -> list[Finding]:
    """Whether the servers' own limits leave room for the settings."""
    try:
        context.limits = context.inspector.server_settings()
    except AccessDenied:
        advice = permissions.grant_sight([], *who_and_where(context))
        return [skipped("Kafka limits", "our principal may not see the servers' settings; workers need not", advice)]
    return evaluate_limits(context.limits, context.settings, len(context.servers))


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else 0


_SUBJECT = "Kafka limits"
SHORTEST_MEMORY_SECONDS = 86_400.0


def evaluate_bootstrap(answers: Mapping[str, str]) -> list[Finding]:
    """About the given addresses; `answers` has why each does not answer, empty where it does."""
    silent = {address: why for address, why in answers.items() if why}
    if len(silent) == len(answers):
        reasons = "; ".join(f"{address}: {why}" for address, why in silent.items())
        advice = "start Kafka, open the way to it, or set SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"
        return [fails("Kafka address", f"none answers ({reasons})", advice)]
    findings = [
        warning("Kafka address", f"{address} does not answer ({why})", "take it out, or start it")
        for address, why in silent.items()
    ]
    answering = ", ".join(address for address in answers if address not in silent)
    return [ok("Kafka address", f"something listens at {answering}"), *findings]


def evaluate_advertised(servers: Sequence[Server], unreachable: Mapping[int, str]) -> list[Finding]:
    """About the addresses that the servers tell their clients to use; `unreachable` has why, by the server's number."""
    bad = [
        fails(
            "Kafka server",
            f"server {each.number} tells clients to come to {each.host}:{each.port}, which does not answer "
            f"({unreachable[each.number]})",
            "mend advertised.listeners of that server, or the name and the way to it from here",
        )
        for each in servers
        if each.number in unreachable
    ]
    names = ", ".join(f"{each.host}:{each.port}" for each in servers if each.number not in unreachable)
    return [*([ok("Kafka server", f"logged in; reached {names}")] if names else []), *bad]


def evaluate_limits(limits: Mapping[str, str], settings: Settings, servers: int) -> list[Finding]:
    """Whether the servers' own limits leave room for the settings."""
    problems = [*_times(limits, settings), *_memory(limits)]
    if settings.delivery == "exactly_once":
        problems += _transactions(limits, settings, servers)
    if any(each.mark is Mark.FAILS for each in problems):
        return problems
    return [ok(_SUBJECT, f"room for {_asked(settings)}"), *problems]


def _asked(settings: Settings) -> str:
    session = f"sessions of {settings.kafka_session_timeout_seconds:g} s"
    if settings.delivery == "at_least_once":
        return session
    return f"{session} and transactions of {settings.kafka_transaction_timeout_seconds:g} s"


def _times(limits: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    shortest, longest = (_seconds(limits, f"group.{end}.session.timeout.ms") for end in ("min", "max"))
    session = settings.kafka_session_timeout_seconds
    if (shortest is not None and session < shortest) or (longest is not None and session > longest):
        yield fails(
            _SUBJECT,
            f"a session of {session:g} s is refused: Kafka allows {shortest or 0:g} to {longest or 0:g} s",
            "set SENTIMENT_KAFKA_SESSION_TIMEOUT_SECONDS within that",
        )


def _transactions(limits: Mapping[str, str], settings: Settings, servers: int) -> Iterator[Finding]:
    longest, asked = _seconds(limits, "transaction.max.timeout.ms"), settings.kafka_transaction_timeout_seconds
    if longest is not None and asked > longest:
        yield fails(
            _SUBJECT,
            f"a transaction of {asked:g} s is refused: transaction.max.timeout.ms allows {longest:g} s",
            f"set SENTIMENT_KAFKA_TRANSACTION_TIMEOUT_SECONDS to at most {longest:g}, or raise the servers' limit",
        )
    copies = int(limits.get("transaction.state.log.replication.factor", "3"))
    if copies < min(3, servers):
        yield warning(
            _SUBJECT,
            f"transaction.state.log.replication.factor is {copies} of {servers} servers: transactions end with one",
            "let the topic __transaction_state have 3 replicas",
        )


def _memory(limits: Mapping[str, str]) -> Iterator[Finding]:
    minutes = limits.get("offsets.retention.minutes")
    if minutes is not None and int(minutes) * 60 < SHORTEST_MEMORY_SECONDS:
        yield warning(
            _SUBJECT,
            f"offsets.retention.minutes is {minutes}: a group that stood still for {rough_duration(int(minutes) * 60)} "
            "begins anew",
            "raise it on the servers (Kafka's default is 10080, a week)",
        )


def evaluate_oblivion(input_seconds: float, limits: Mapping[str, str], topic: str) -> list[Finding]:
    """Whether Kafka forgets where the group stood while it still has the reviews that it read."""
    minutes = limits.get("offsets.retention.minutes")
    if minutes is None or input_seconds <= int(minutes) * 60:
        return []
    kept = "for ever" if input_seconds == float("inf") else f"for {rough_duration(input_seconds)}"
    return [
        warning(
            _SUBJECT,
            f"topic {topic} keeps reviews {kept}, Kafka a stopped group's positions "
            f"{rough_duration(int(minutes) * 60)}: after a longer stop reviews are scored again or, with "
            "SENTIMENT_START=latest, left out",
            "raise offsets.retention.minutes on the servers, or never stop all workers for so long",
        )
    ]


def _seconds(limits: Mapping[str, str], name: str) -> float | None:
    return int(limits[name]) / 1000 if name in limits else None


def addresses(bootstrap_servers: str) -> Collection[str]:
    """The addresses of a comma-separated list."""
    return [each.strip() for each in bootstrap_servers.split(",") if each.strip()]
