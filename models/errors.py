"""What models raise, named by what the caller must do next, and how a missing extra is installed."""

import sys
from pathlib import Path

from models.installation import NAME, is_checkout


class ModelError(Exception):
    """Base of every error that this package raises on purpose."""


class ModelNotFound(ModelError):
    """The store has no such model, version or label."""


class BrokenArtifact(ModelError):
    """A version whose checksums, golden set, signature or format version do not hold; keep the last good one."""


class BadKey(ModelError):
    """A file that holds no key that can be used."""


class StoreError(ModelError):
    """The store or its labels cannot be read or written."""


class LabelsChanged(StoreError):
    """The labels were no longer what the change was decided from; nothing was changed."""


class BadLabels(StoreError):
    """What stands in labels.json cannot be a model's labels."""


def is_unreadable(error: Exception) -> bool:
    """Whether the machine could not read a file, which says nothing about the file; one that is missing is broken."""
    return isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError)


def how_to_install(extra: str) -> str:
    """The advice for one of the extras in pyproject.toml, for a checkout or for what is installed here."""
    if is_checkout():
        there = f"as with `pip install '.[{extra}]'` in a checkout (`make setup` there has it)"
        return f"install the extra {extra}, {there}"
    # Pip adds to what is installed already, which it looks up by its name.
    added = f"install '{NAME}[{extra}]'"
    if Path(sys.prefix, "pipx_metadata.json").is_file():
        return f"install the extra {extra}: `pipx runpip {NAME} {added}`"
    return f"install the extra {extra}: `{sys.executable} -m pip {added}`"
