"""What labels.json may hold: `{"stable": 3, "canary": {"version": 4, "share": 0.05, "since": "2026-01-31T12:00Z"}}`."""

import json
import re
from collections.abc import Mapping
from typing import Any

from models.errors import BadLabels, StoreError
from models.timing import utc_timestamp

LABELS_FILE = "labels.json"
STABLE, CANARY, SHADOW = "stable", "canary", "shadow"
DEFAULT_SHARES = {CANARY: 0.05, SHADOW: 0.1}  # the labels that take a share of the records
_LABEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def version_of(value: Any) -> int | None:
    """A label's version: the number itself, or the `version` of an object such as a canary's; None if neither."""
    version = value.get("version") if isinstance(value, dict) else value
    return version if isinstance(version, int) and not isinstance(version, bool) and version > 0 else None


def share_of(value: Any) -> float | None:
    """The share of the records that a label takes, in (0, 1]; None without one, and for one that cannot be."""
    share: Any = value.get("share") if isinstance(value, dict) else None
    known = isinstance(share, int | float) and not isinstance(share, bool)
    return float(share) if known and 0 < share <= 1 else None


def since_of(value: Any) -> str:
    """When a trial began, which tells it from an earlier one of the same version; empty where nothing says so."""
    since = value.get("since") if isinstance(value, dict) else None
    return since if isinstance(since, str) else ""


def label_value(label: str, version: int, share: float | None = None) -> Any:
    """What labels.json holds for a label; canary and shadow have a share, and get their default one without.

    Raises StoreError for a label or a share that cannot be.
    """
    if not _LABEL.fullmatch(label) or label.isdecimal():
        raise StoreError(f"{label!r} cannot be a label: use a word of small letters, digits, '-' and '_'.")
    if label not in DEFAULT_SHARES:
        if share is not None:
            raise StoreError(f"The label {label} takes no share; {' and '.join(DEFAULT_SHARES)} do.")
        return version
    value = {"version": version, "share": DEFAULT_SHARES[label] if share is None else share, "since": utc_timestamp()}
    if share_of(value) is None:
        raise StoreError(f"The share of {label} is above 0 and up to 1, not {share!r}.")
    return value


def ended_trials(labels: Mapping[str, Any], stable: int | None) -> dict[str, Any]:
    """Canary and shadow where they point at the version that becomes stable, or at the one that is stable now."""
    over = {stable, version_of(labels.get(STABLE))}
    return {label: labels[label] for label in DEFAULT_SHARES if label in labels and version_of(labels[label]) in over}


def with_label(labels: Mapping[str, Any], label: str, value: Any) -> dict[str, Any]:
    """The labels once one of them has that value: without the trials that end where `stable` moves."""
    over = ended_trials(labels, version_of(value)) if label == STABLE else {}
    return {each: kept for each, kept in labels.items() if each not in over} | {label: value}


def parse_labels(content: bytes, location: str) -> dict[str, Any]:
    """The labels in a file's content; raises BadLabels, which names the place, when they are malformed."""
    try:
        labels = json.loads(content)
    except ValueError as error:
        raise BadLabels(f"{location} is not JSON: {error}.") from error
    check_labels(labels, location)
    return labels  # type: ignore[no-any-return]


def check_labels(labels: Any, location: str) -> None:
    """Raises BadLabels unless every label has a version, and a share in (0, 1] where one is needed or given."""
    if not isinstance(labels, dict) or not all(version_of(value) for value in labels.values()):
        raise BadLabels(f"{location} does not map labels to versions.")
    for label, value in labels.items():
        has_share = isinstance(value, dict) and "share" in value
        if (has_share or label in DEFAULT_SHARES) and share_of(value) is None:
            raise BadLabels(f"{location} gives the label {label} no share above 0 and up to 1.")
