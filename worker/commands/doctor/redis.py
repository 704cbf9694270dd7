"""The cache: does it answer, and would it take what a worker writes?"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from worker.cache import KEY_PREFIX, Cache, CacheFault, fault_of, open_cache
from worker.commands.common.formatting import rough_duration
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.results import Finding, fails, ok, skipped, warning
from worker.messages import Sentiment, encode_sentiment

# The key goes at once; should that be refused, it goes by itself.
_EXPIRY_SECONDS = 10
# Where we may not ask: MEMORY USAGE says 344 of such a key in Redis 6.2 and 360 in 7.0.
USUAL_KEY_BYTES = 350


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """A Redis that takes sentiments. Sizes in bytes; `limit_bytes` 0 is no limit; None: it may not be asked.

    `expires_seconds`: when the trial's key goes by itself, where our user may not remove it; None: it is gone.
    """

    version: str | None
    used_bytes: int | None
    limit_bytes: int | None
    machine_bytes: int | None
    policy: str | None
    key_bytes: int
    expires_seconds: int | None = None


def probe(cache: Cache) -> CacheFacts | CacheFault:
    """Write a sentiment as workers do, and remove it again. Bounded by the cache's own time limit for each question."""
    try:
        return cache.ask(_try_out)
    except (exceptions.RedisError, OSError) as error:
        return fault_of(error)


def _try_out(client: redis.Redis) -> CacheFacts:
    key = f"{KEY_PREFIX}doctor-{uuid.uuid4().hex}"
    client.set(key, _example(key), ex=_EXPIRY_SECONDS)
    key_bytes = _allowed(lambda: client.memory_usage(key))
    removed = _allowed(lambda: client.delete(key)) is not None
    info: dict[str, Any] = _allowed(client.info) or {}
    return CacheFacts(
        version=info.get("redis_version"),
        used_bytes=info.get("used_memory"),
        limit_bytes=info.get("maxmemory"),
        machine_bytes=info.get("total_system_memory"),
        policy=info.get("maxmemory_policy"),
        key_bytes=key_bytes or USUAL_KEY_BYTES,
        expires_seconds=None if removed else _EXPIRY_SECONDS,
    )


def _example(review_id: str) -> bytes:
    scores = {"negative": 0.03125, "positive": 0.96875}
    return encode_sentiment(
        Sentiment(review_id, "positive", scores, 0.9375, "reviews", 1, {"shop": "7"}, "2026-01-31T12:00:00.123Z")
    )


def _allowed(question: Callable[[], Any]) -> Any:
    """The answer; None where our user may not ask: workers need no more than SET."""
    with suppress(exceptions.NoPermissionError, exceptions.ResponseError):
        return question()
    return None


def check_redis(context: CheckContext) -> list[Finding]:
    """Whether Redis takes sentiments and has room for them."""
    settings = context.settings
    cache = open_cache(settings)
    if cache is None:
        return [skipped("Redis", "SENTIMENT_REDIS_URL is not set: results go to Kafka only")]
    try:
        return evaluate(probe(cache), context.rate, settings.redis_expiry_seconds)
    finally:
        cache.close()


_SUBJECT = "Redis"
_NEVER_EVICTS = "noeviction"
_GIGABYTE = 1e9


def evaluate(cache: CacheFacts | CacheFault, rate: float | None, expiry_seconds: int) -> list[Finding]:
    """Whether it takes sentiments, and has room for as many as expire later than they come, `rate` a second."""
    if isinstance(cache, CacheFault):
        return [fails(_SUBJECT, cache.found, cache.advice)]
    version = f"version {cache.version}, " if cache.version else ""
    gone = "removed again" if cache.expires_seconds is None else f"gone by itself within {cache.expires_seconds} s"
    return [ok(_SUBJECT, f"{version}takes sentiments (written, and {gone})"), *_room(cache, rate, expiry_seconds)]


def _room(cache: CacheFacts, rate: float | None, expiry_seconds: int) -> list[Finding]:
    subject = "Redis memory"
    if cache.limit_bytes is None or cache.used_bytes is None:
        return [skipped(subject, "our user may not ask how much memory there is", "allow INFO: ACL SETUSER NAME +info")]
    limit, policy = cache.limit_bytes or cache.machine_bytes or 0, cache.policy or _NEVER_EVICTS
    room = f"{_size(limit)} ({policy if cache.limit_bytes else 'no maxmemory: all of its machine'})"
    if rate is None:
        return [skipped(subject, f"{room}; how many reviews come is not known", "say so with --rate N")]
    wanted = rate * expiry_seconds * cache.key_bytes
    needs = f"{rate:,.0f}/s kept for {rough_duration(expiry_seconds)} take {_size(wanted)} of {room}"
    if wanted <= limit * 0.9:
        return [ok(subject, needs)]
    shorter = int(limit * 0.9 / (rate * cache.key_bytes))
    advice = f"more memory, or SENTIMENT_REDIS_EXPIRY_SECONDS={shorter}"
    if cache.limit_bytes and policy != _NEVER_EVICTS:
        return [warning(subject, f"{needs}: sentiments will go before their time", advice)]
    end = "writes will be refused once it is full" if cache.limit_bytes else "it will be killed once it is full"
    return [warning(subject, f"{needs}: {end}", f"{advice}, and set maxmemory with maxmemory-policy volatile-ttl")]


def _size(count: float) -> str:
    return f"{count / _GIGABYTE:,.1f} GB" if count >= _GIGABYTE / 10 else f"{count / 1e6:,.1f} MB"
