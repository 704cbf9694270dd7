"""Whether Redis takes sentiments, really tried with a key of its own, and what it says about itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from worker.cache import KEY_PREFIX, Cache, CacheFault, fault_of
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
