"""The model that would be served: does it load, and does its golden set hold?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from models.artifact import read_golden
from models.errors import ModelError, ModelNotFound, StoreError
from models.installation import typed
from models.registry.labels import CANARY, SHADOW, STABLE, version_of
from models.registry.registry import Registry
from models.scorer import Scorer
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.results import Finding, fails, ok, warning
from worker.serving.loader import open_registry, trusted_keys
from worker.settings.settings import Settings


def check_model(context: CheckContext) -> Iterator[Finding]:
    """Whether the labelled version verifies and loads, and those on trial beside it."""
    settings, registry = context.settings, open_registry(context.settings)
    started = time.monotonic()
    try:
        resolved = registry.resolve(f"{settings.model_name}@{settings.model_label}")
        context.scorer = Scorer.load_version(resolved, public_keys=trusted_keys(settings))
        context.golden = [each.text for each in read_golden(resolved.path)]
    except ModelError as error:
        yield fails("model", str(error), _advice(settings, registry, error))
        return
    held = "checksums, golden set" + (", signature" if settings.model_public_key_file else "")
    seconds = time.monotonic() - started
    yield ok(
        "model", f"{resolved.name} {resolved.version} ({settings.model_label}): {held} hold, loaded in {seconds:.1f} s"
    )
    if registry.away:
        yield warning("model store", registry.away, "let the store answer: what is new there is not seen until then")
    if settings.model_label == STABLE:
        yield from _trials(context, registry)


def _advice(settings: Settings, registry: Registry, error: ModelError) -> str:
    if isinstance(error, StoreError):
        return "check SENTIMENT_MODEL_STORE, and that this user can read it"
    if isinstance(error, ModelNotFound) and settings.model_name not in registry.names():
        return typed("check SENTIMENT_MODEL_NAME and SENTIMENT_MODEL_STORE; python -m models list")
    label = typed(f"python -m models list; python -m models label {settings.model_name} {settings.model_label} VERSION")
    if isinstance(error, ModelNotFound):
        return f"check SENTIMENT_MODEL_LABEL, or set the label: {label}"
    return f"choose a version that holds: {label}"


def _trials(context: CheckContext, registry: Registry) -> Iterator[Finding]:
    name = context.settings.model_name
    labels = registry.labels(name)
    for label in (CANARY, SHADOW):
        if (version := version_of(labels.get(label))) is None:
            continue
        try:
            Scorer.load_version(registry.resolve(f"{name}@{version}"), public_keys=trusted_keys(context.settings))
            yield ok("model", f"{name} {version} ({label}): checks hold")
        except ModelError as error:
            yield warning("model", f"{label}: {error}", typed(f"python -m models label {name} {label} --remove"))
