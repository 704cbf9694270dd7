"""Whether a Kafka server talks to us, and if not, why. It asks without a client, for those only say "no answer"."""

from __future__ import annotations

import socket
import ssl
import struct
import time

from worker.errors import AccessDenied, BadUse, KafkaAway, WorkerError
from worker.kafka.types import Connection, Security


def kafka_answers(connection: Connection, timeout_seconds: float = 2.0) -> bool:
    """Whether any of the bootstrap servers answers a request: independent of any client's own state.

    One that stands still accepts connections all the same, as does what stands before it.
    """
    try:
        probe_any(connection.bootstrap_servers, connection.security, timeout_seconds)
    except KafkaAway:
        return False
    except (AccessDenied, BadUse):
        pass  # what is wrong is something else
    return True


def require_kafka(connection: Connection) -> None:
    """Raises KafkaAway, with a sentence, unless a server answers and we have the access token it may want.

    Raises AccessDenied where waiting does not help: a certificate is not trusted, a token is refused.
    """
    probe_any(connection.bootstrap_servers, connection.security, connection.deadline)
    if connection.security.access_tokens:
        connection.security.access_tokens.current()


# The one request that Kafka answers before any login: ApiVersions, version 0, of a client with an empty name.
_REQUEST = struct.pack(">ihhih", 10, 18, 0, 1, 0)
_SHORTEST_STEP_SECONDS = 1.0
_TLS_ALERT = b"\x15\x03"
# OpenSSL's numbers for a certificate that is good, for another name or address.
_OTHER_HOST = (62, 64)
_HANGS_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)
_CHECK_PROTOCOL = "check its port and SENTIMENT_KAFKA_SECURITY_PROTOCOL"
_CHECK_OURS = "check SENTIMENT_KAFKA_SSL_CERTIFICATE_FILE"


def address(server: str) -> tuple[str, int]:
    """Host and port of `host:port`. Raises ValueError."""
    host, _, port = server.strip().rpartition(":")
    return host.strip("[]"), int(port)


def probe_any(bootstrap_servers: str, security: Security, seconds: float) -> None:
    """Return as soon as one of the servers talks to us, of which those that stand still leave time for the next.

    Raises AccessDenied, BadUse, KafkaAway.
    """
    servers, until = [server.strip() for server in bootstrap_servers.split(",")], time.monotonic() + seconds
    problem: WorkerError = KafkaAway(f"no Kafka server answers at {bootstrap_servers}")
    for server in servers:
        try:
            probe(server, security, max(_SHORTEST_STEP_SECONDS, seconds / 2 / len(servers)))
        except (AccessDenied, KafkaAway) as load_failure:
            problem = load_failure
        except (OSError, ValueError):
            pass
        else:
            return
        if time.monotonic() > until:
            break
    raise problem


def probe(server: str, security: Security, seconds: float) -> None:
    """Connect as a client would and ask what every server answers; each step takes at most `seconds`.

    Raises AccessDenied, with a sentence, when one side does not trust the other's certificate or they speak different
    protocols; KafkaAway when the connection is closed on us; OSError when there is no answer; BadUse when a file of
    ours is wrong.
    """
    host, port = address(server)
    context = security.tls.context("SENTIMENT_KAFKA_SSL") if security.protocol.endswith("SSL") else None
    with socket.create_connection((host, port), seconds) as plain:
        if context is None:
            _talk(plain, server, security)
            return
        try:
            with context.wrap_socket(plain, server_hostname=host) as wrapped:
                _talk(wrapped, server, security)
        except ssl.SSLCertVerificationError as error:
            raise _untrusted(server, error) from None
        except _HANGS_UP:
            raise KafkaAway(
                f"Kafka at {server} closes the connection instead of speaking TLS: {_CHECK_PROTOCOL}"
            ) from None
        except ssl.SSLError as error:
            raise _unwanted(server, security, error) from None


def _talk(connection: socket.socket, server: str, security: Security) -> None:
    if _answer(connection).startswith(_TLS_ALERT):
        raise AccessDenied(f"Kafka at {server} wants TLS: {_CHECK_PROTOCOL}")
    if security.protocol.startswith("SASL"):
        return
    # A server that wants a login answers this once and not twice.
    hangs_up = f"Kafka at {server} hangs up, as it does on clients that do not log in: {_CHECK_PROTOCOL}"
    try:
        if not _answer(connection):
            raise KafkaAway(hangs_up)
    except _HANGS_UP:
        raise KafkaAway(hangs_up) from None


def _answer(connection: socket.socket) -> bytes:
    """The whole answer to one request, or its beginning where it is none of Kafka's; empty at the connection's end."""
    connection.sendall(_REQUEST)
    answer = connection.recv(4096)
    wanted = 4 + int.from_bytes(answer[:4])
    while answer and not answer.startswith(_TLS_ALERT) and len(answer) < wanted and (more := connection.recv(4096)):
        answer += more
    return answer


def _untrusted(server: str, error: ssl.SSLCertVerificationError) -> AccessDenied:
    reason = error.verify_message.rstrip(".")
    if error.verify_code in _OTHER_HOST:
        return AccessDenied(
            f"Kafka's certificate at {server} is for another host ({reason}): use a name that it holds in "
            "SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"
        )
    return AccessDenied(f"Kafka's certificate at {server} is not trusted ({reason}): check SENTIMENT_KAFKA_SSL_CA_FILE")


def _unwanted(server: str, security: Security, error: ssl.SSLError) -> AccessDenied:
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "alert" not in reason:
        return AccessDenied(f"Kafka at {server} does not speak TLS there ({reason}): {_CHECK_PROTOCOL}")
    if security.tls.certificate_file is None:
        return AccessDenied(f"Kafka at {server} wants a client certificate ({reason}): {_CHECK_OURS}")
    return AccessDenied(
        f"Kafka at {server} refuses our certificate ({reason}): {_CHECK_OURS}: has it expired, is it of an authority "
        "that Kafka trusts?"
    )
