"""Looks at the model, at Redis and at this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator

from models.artifact import read_golden
from models.errors import ModelError, ModelNotFound, StoreError
from models.labels import CANARY, SHADOW, STABLE, version_of
from models.registry import Registry
from models.scorer import Scorer
from worker import cache_probe
from worker.cache import open_cache
from worker.commands.doctor import capacity, machine, redis
from worker.commands.doctor.findings import Finding, fails, ok, skipped, warning
from worker.commands.doctor.known import Known
from worker.model_store import open_registry, trusted_keys
from worker.settings import Settings

# Fewer texts than these say little about the others.
_TEXTS_TO_MEASURE = 50
# Larger batches are not faster, and a slow model would take long for one.
_TEXTS_AT_ONCE = 512


def look_at_settings(known: Known) -> list[Finding]:
    """Which settings are not their defaults; that they are valid was checked when they were read."""
    given = sorted(known.chosen.model_fields_set)
    if not given:
        return [ok("settings", "valid: the defaults, none is set")]
    return [ok("settings", f"valid; set: {', '.join(given)}")]


def look_at_machine(known: Known) -> list[Finding]:
    """The port, and what unpacks records."""
    client = known.chosen.kafka_client
    known.worker_runs_here, port = machine.look_at_port(known.chosen.http_host, known.chosen.http_port)
    return [
        port,
        machine.judge_codecs(client, machine.missing_codecs(machine.is_installed)),
        *machine.judge_checksums(client, machine.is_installed("crc32c")),
    ]


def look_at_model(known: Known) -> Iterator[Finding]:
    """Whether the labelled version verifies and loads, and those on trial beside it."""
    chosen, registry = known.chosen, open_registry(known.chosen)
    started = time.monotonic()
    try:
        resolved = registry.resolve(f"{chosen.model_name}@{chosen.model_label}")
        known.scorer = Scorer.load_version(resolved, public_keys=trusted_keys(chosen))
        known.golden = [each.text for each in read_golden(resolved.path)]
    except ModelError as error:
        yield fails("model", str(error), _advice(chosen, registry, error))
        return
    held = "checksums, golden set" + (", signature" if chosen.model_public_key_file else "")
    seconds = time.monotonic() - started
    yield ok(
        "model", f"{resolved.name} {resolved.version} ({chosen.model_label}): {held} hold, loaded in {seconds:.1f} s"
    )
    if registry.away:
        yield warning("model store", registry.away, "let the store answer: what is new there is not seen until then")
    if chosen.model_label == STABLE:
        yield from _trials(known, registry)


def look_at_speed(known: Known) -> list[Finding]:
    """How fast the model is here, and how many workers the arrivals take."""
    chosen, scorer = known.chosen, known.scorer
    assert scorer is not None
    texts, source = known.golden, "its golden texts"
    if len(known.texts) >= _TEXTS_TO_MEASURE:
        texts, source = known.texts, f"{len(known.texts)} reviews of the topic"
    speed = capacity.measure(scorer, texts, source, min(chosen.max_batch_records, _TEXTS_AT_ONCE))
    facts = known.topics.get(chosen.input_topic)
    return capacity.judge(speed, chosen.kafka_client, known.rate, facts.partitions if facts else None)


def look_at_redis(known: Known) -> list[Finding]:
    """Whether Redis takes sentiments and has room for them."""
    chosen = known.chosen
    cache = open_cache(chosen)
    if cache is None:
        return [skipped("Redis", "SENTIMENT_REDIS_URL is not set: results go to Kafka only")]
    try:
        return redis.judge(cache_probe.probe(cache), known.rate, chosen.redis_expiry_seconds)
    finally:
        cache.close()


def _advice(chosen: Settings, registry: Registry, error: ModelError) -> str:
    if isinstance(error, StoreError):
        return "check SENTIMENT_MODEL_STORE, and that this user can read it"
    if isinstance(error, ModelNotFound) and chosen.model_name not in registry.names():
        return "check SENTIMENT_MODEL_NAME and SENTIMENT_MODEL_STORE; python -m models list"
    label = f"python -m models list; python -m models label {chosen.model_name} {chosen.model_label} VERSION"
    if isinstance(error, ModelNotFound):
        return f"check SENTIMENT_MODEL_LABEL, or set the label: {label}"
    return f"choose a version that holds: {label}"


def _trials(known: Known, registry: Registry) -> Iterator[Finding]:
    name = known.chosen.model_name
    labels = registry.labels(name)
    for label in (CANARY, SHADOW):
        if (version := version_of(labels.get(label))) is None:
            continue
        try:
            Scorer.load_version(registry.resolve(f"{name}@{version}"), public_keys=trusted_keys(known.chosen))
            yield ok("model", f"{name} {version} ({label}): checks hold")
        except ModelError as error:
            yield warning("model", f"{label}: {error}", f"python -m models label {name} {label} --remove")
