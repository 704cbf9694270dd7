"""The cache: a view of the output topic in Redis. When Redis is down the stream goes on; `cache-fill` catches up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import hiredis
import redis
import structlog
from redis import exceptions

from models.installation import typed
from worker.errors import BadUse, StopWorker
from worker.settings.settings import Settings
from worker.tls import RedisLogin

KEY_PREFIX = "sentiment:"
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0

# A sentiment stays when it was scored later than the given one. Of two with the same time the one given last stays: it
# stands later in the topic.
_FILL = """
local held = redis.call('GET', KEYS[1])
if held then
  local readable, sentiment = pcall(cjson.decode, held)
  if readable and type(sentiment) == 'table' and type(sentiment.scored_at) == 'string'
      and sentiment.scored_at > ARGV[2] then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
"""

Result = TypeVar("Result")

_DENIED_TO_A_SCRIPT = "can't run this command"
# What OpenSSL says, in the order to look for it, what that means, and what to check. A server of TLS 1.3 refuses us
# after the handshake, so that it may seem to hang up for no reason.
_TLS_SIGNS = (
    ("certificate verify failed", "has a certificate that is not trusted", "SENTIMENT_REDIS_SSL_CA_FILE"),
    ("alert", "refuses our certificate", "SENTIMENT_REDIS_SSL_CERTIFICATE_FILE"),
    (
        "eof occurred in violation",
        "hangs up",
        "SENTIMENT_REDIS_URL, and SENTIMENT_REDIS_SSL_CERTIFICATE_FILE where it wants one",
    ),
)

log = structlog.get_logger(__name__)


def open_cache(settings: Settings, least_timeout_seconds: float = 0.0) -> Cache | None:
    """The cache of the settings, if there is one; nothing connects yet. Raises BadUse."""
    if settings.redis_url is None:
        return None
    timeout = max(least_timeout_seconds, settings.redis_timeout_seconds)
    url = settings.redis_url.get_secret_value()
    return Cache(url, settings.redis_expiry_seconds, timeout, login=settings.redis_login())


class CacheFault(NamedTuple):
    """What Redis does in place of taking sentiments, and what to do: `Redis {found}: {advice}`."""

    found: str
    advice: str


class CacheEntry(NamedTuple):
    """A sentiment for the cache: `scored_at` as in its value, and how long it still has to live."""

    review_id: str
    value: bytes
    scored_at: str
    left_seconds: float


class Cache:
    """Writes sentiments to Redis, one pipeline a batch, each write within its time limit.

    After a failure it leaves Redis alone for a pause that doubles up to a limit, so that a Redis that hangs costs the
    stream one time limit per pause and not one per batch.
    """

    def __init__(
        self,
        url: str,
        expiry_seconds: int,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        login: RedisLogin = RedisLogin(),  # noqa: B008 - it is immutable
    ) -> None:
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=timeout_seconds,
                socket_connect_timeout=timeout_seconds,
                retry=None,
                **_client_options(url, login),
            )
        except ValueError as error:
            raise BadUse(f"SENTIMENT_REDIS_URL: {error}") from None
        self._expiry = str(expiry_seconds).encode()
        self._clock = clock
        self._pause = 0.0
        self._closed_until = 0.0

    def write(self, sentiments: Sequence[tuple[str, bytes]]) -> bool:
        """Store (review id, output value) pairs; whether all of them were stored."""
        if self._clock() < self._closed_until:
            return False
        try:
            self._send(sentiments)
        except (redis.RedisError, OSError) as error:
            self._fail(error)
            return False
        if self._pause:
            log.info(typed("the cache answers again; python -m worker cache-fill writes what it missed"))
            self._pause = 0.0
        return True

    def check(self) -> None:
        """Raise StopWorker unless Redis answers."""
        try:
            self._redis.ping()
        except (redis.RedisError, OSError) as error:
            raise StopWorker(_sentence(error)) from error

    def ask(self, question: Callable[[redis.Redis], Result]) -> Result:
        """What a question to Redis returns, within the time limit of a write. Errors are those of the Redis client."""
        return question(self._redis)

    def fill(self, entries: Sequence[CacheEntry]) -> int:
        """Store entries but those of which Redis holds a newer sentiment; how many were stored. Raises StopWorker."""
        script = self._redis.register_script(_FILL)
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for review_id, value, scored_at, left_seconds in entries:
                left_ms = max(1, int(left_seconds * 1000))
                script([KEY_PREFIX + review_id], [value, scored_at, left_ms], client=pipeline)
            return sum(pipeline.execute())
        except (redis.RedisError, OSError) as error:
            raise StopWorker(f"{_sentence(error)}; run the command again once it answers") from error

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _send(self, sentiments: Sequence[tuple[str, bytes]]) -> None:
        # Not redis-py's pipeline: what that does around each command costs 7 of 8 µs.
        connection = self._redis.connection_pool.get_connection()
        try:
            connection.send_packed_command([self._packed(sentiments)])  # type: ignore[no-untyped-call]
            for _ in sentiments:
                connection.read_response()
        finally:
            self._redis.connection_pool.release(connection)

    def _packed(self, sentiments: Sequence[tuple[str, bytes]]) -> bytes:
        pack, expiry = hiredis.pack_command, self._expiry
        return b"".join(
            [
                pack(("SET", KEY_PREFIX + review_id, value, "EX", expiry))  # type: ignore[arg-type]
                for review_id, value in sentiments
            ]
        )

    def _fail(self, error: Exception) -> None:
        if not self._pause:
            log.warning("the cache fails; the stream goes on without it", error=_sentence(error))
        self._redis.connection_pool.disconnect()
        self._pause = min(max(_FIRST_PAUSE_SECONDS, self._pause * 2), _LONGEST_PAUSE_SECONDS)
        self._closed_until = self._clock() + self._pause


def _client_options(url: str, login: RedisLogin) -> dict[str, str]:
    """What is given beside the address, as redis-py wants it."""
    options = {"username": login.username, "password": login.password}
    if url.startswith("rediss://"):
        tls = login.tls
        options |= {"ssl_ca_certs": _path(tls.ca_file), "ssl_certfile": _path(tls.certificate_file)}
        options |= {"ssl_keyfile": _path(tls.key_file)}
    return {name: value for name, value in options.items() if value is not None}


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def fault_of(error: Exception) -> CacheFault:
    """What an error of the Redis client means."""
    # Of a pipeline the reason only: before it stands the whole command, with what was to be written.
    text = " ".join(str(error).split()).rpartition("caused error: ")[2].rstrip(".")
    if isinstance(error, exceptions.NoPermissionError) or _DENIED_TO_A_SCRIPT in text:
        return CacheFault(f"denies a command ({text})", "see worker/docs/permissions.md")
    if isinstance(error, exceptions.AuthenticationError) or text.startswith(("NOAUTH", "WRONGPASS")):
        names = "SENTIMENT_REDIS_USERNAME and SENTIMENT_REDIS_PASSWORD"
        return CacheFault(f"refuses the login ({text})", f"check {names}")
    if isinstance(error, exceptions.OutOfMemoryError):
        return CacheFault(f"is full ({text})", "raise maxmemory, or set maxmemory-policy volatile-ttl")
    if isinstance(error, exceptions.ReadOnlyError):
        return CacheFault(f"is a replica ({text})", "name the primary in SENTIMENT_REDIS_URL")
    for sign, found, names in _TLS_SIGNS:
        if sign in text.lower():
            return CacheFault(f"{found} ({text})", f"check {names}")
    return CacheFault(f"does not answer ({text})", "check SENTIMENT_REDIS_URL")


def _sentence(error: Exception) -> str:
    return "Redis {}: {}".format(*fault_of(error))
