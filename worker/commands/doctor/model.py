"""The model that would be served: does it load, and does its golden set hold?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from models.artifact import read_golden
from models.errors import ModelError, ModelNotFound, StoreError
from models.registry.labels import CANARY, SHADOW, STABLE, version_of
from models.registry.registry import Registry
from models.scorer import Scorer
from worker.commands.doctor.context import Known
from worker.commands.doctor.results import Finding, fails, ok, warning
from worker.serving.loader import open_registry, trusted_keys
from worker.settings.settings import Settings


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
