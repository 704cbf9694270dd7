"""What is thought of the Redis that is to hold the sentiments."""

from __future__ import annotations

from worker.cache import CacheFault
from worker.cache_probe import CacheFacts
from worker.commands.doctor.findings import Finding, fails, ok, skipped, warning
from worker.commands.reading import rough_duration

_SUBJECT = "Redis"
_NEVER_EVICTS = "noeviction"
_GIGABYTE = 1e9


def judge(cache: CacheFacts | CacheFault, rate: float | None, expiry_seconds: int) -> list[Finding]:
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
