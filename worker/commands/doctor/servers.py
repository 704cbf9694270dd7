"""What is thought of the Kafka servers and of what they allow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from worker.commands.common.formatting import rough_duration
from worker.commands.doctor import permissions
from worker.commands.doctor.context import Known
from worker.commands.doctor.machine import silence
from worker.commands.doctor.permissions import who_and_where
from worker.commands.doctor.results import Finding, Mark, fails, ok, skipped, warning
from worker.errors import AccessDenied, KafkaAway
from worker.kafka.admin import Server
from worker.settings.settings import Settings


def look_at_addresses(known: Known) -> list[Finding]:
    """Whether the servers to ask first answer."""
    given = addresses(known.chosen.kafka_bootstrap_servers)
    reasons = {address: silence(*_split(address)) for address in given}
    known.answers = not all(reasons.values())
    return judge_bootstrap(reasons)


def look_at_servers(known: Known) -> list[Finding]:
    """Whether Kafka lets us in, and whether the addresses that it then tells us to use answer."""
    try:
        known.servers = known.inspector.servers()
    except KafkaAway as problem:
        protocol = known.chosen.kafka_security_protocol
        advice = f"does Kafka speak {protocol} there? Set SENTIMENT_KAFKA_SECURITY_PROTOCOL; look at its log"
        return [fails("Kafka server", str(problem), advice)]
    reasons = {each.number: silence(each.host, each.port) for each in known.servers}
    return judge_advertised(known.servers, {number: why for number, why in reasons.items() if why})


def look_at_limits(known: Known) -> list[Finding]:
    """Whether the servers' own limits leave room for the settings."""
    try:
        known.limits = known.inspector.server_settings()
    except AccessDenied:
        advice = permissions.grant_sight([], *who_and_where(known))
        return [skipped("Kafka limits", "our principal may not see the servers' settings; workers need not", advice)]
    return judge_limits(known.limits, known.chosen, len(known.servers))


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else 0


_SUBJECT = "Kafka limits"
SHORTEST_MEMORY_SECONDS = 86_400.0


def judge_bootstrap(answers: Mapping[str, str]) -> list[Finding]:
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


def judge_advertised(servers: Sequence[Server], unreachable: Mapping[int, str]) -> list[Finding]:
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


def judge_limits(limits: Mapping[str, str], chosen: Settings, servers: int) -> list[Finding]:
    """Whether the servers' own limits leave room for the settings."""
    problems = [*_times(limits, chosen), *_memory(limits)]
    if chosen.delivery == "exactly_once":
        problems += _transactions(limits, chosen, servers)
    if any(each.mark is Mark.FAILS for each in problems):
        return problems
    return [ok(_SUBJECT, f"room for {_asked(chosen)}"), *problems]


def _asked(chosen: Settings) -> str:
    session = f"sessions of {chosen.kafka_session_timeout_seconds:g} s"
    if chosen.delivery == "at_least_once":
        return session
    return f"{session} and transactions of {chosen.kafka_transaction_timeout_seconds:g} s"


def _times(limits: Mapping[str, str], chosen: Settings) -> Iterator[Finding]:
    shortest, longest = (_seconds(limits, f"group.{end}.session.timeout.ms") for end in ("min", "max"))
    session = chosen.kafka_session_timeout_seconds
    if (shortest is not None and session < shortest) or (longest is not None and session > longest):
        yield fails(
            _SUBJECT,
            f"a session of {session:g} s is refused: Kafka allows {shortest or 0:g} to {longest or 0:g} s",
            "set SENTIMENT_KAFKA_SESSION_TIMEOUT_SECONDS within that",
        )


def _transactions(limits: Mapping[str, str], chosen: Settings, servers: int) -> Iterator[Finding]:
    longest, asked = _seconds(limits, "transaction.max.timeout.ms"), chosen.kafka_transaction_timeout_seconds
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


def judge_oblivion(input_seconds: float, limits: Mapping[str, str], topic: str) -> list[Finding]:
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
