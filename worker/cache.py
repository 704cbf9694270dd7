"""The cache: a view of the output topic in Redis. When Redis is down the stream goes on; `cache-fill` catches up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import redis
import structlog

from worker.errors import BadUse

KEY_PREFIX = "sentiment:"
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0

log = structlog.get_logger(__name__)


class Cache:
    """Writes sentiments to Redis, one pipeline a batch, each write within its time limit.

    After a failure it leaves Redis alone for a pause that doubles up to a limit, so that a Redis that hangs costs the
    stream one time limit per pause and not one per batch.
    """

    def __init__(
        self, url: str, expiry_seconds: int, timeout_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, retry=None
            )
        except ValueError as error:
            raise BadUse(f"redis_url: {error}") from None
        self._expiry_seconds = expiry_seconds
        self._clock = clock
        self._pause = 0.0
        self._closed_until = 0.0

    def write(self, sentiments: Sequence[tuple[str, bytes]]) -> bool:
        """Store (review id, output value) pairs; whether all of them were stored."""
        if self._clock() < self._closed_until:
            return False
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for review_id, value in sentiments:
                pipeline.set(KEY_PREFIX + review_id, value, ex=self._expiry_seconds)
            pipeline.execute()
        except (redis.RedisError, OSError) as error:
            self._fail(error)
            return False
        if self._pause:
            log.info("the cache answers again; python -m worker cache-fill writes what it missed")
            self._pause = 0.0
        return True

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _fail(self, error: Exception) -> None:
        if not self._pause:
            log.warning("the cache fails; the stream goes on without it", error=str(error))
        self._redis.connection_pool.disconnect()
        self._pause = min(max(_FIRST_PAUSE_SECONDS, self._pause * 2), _LONGEST_PAUSE_SECONDS)
        self._closed_until = self._clock() + self._pause
