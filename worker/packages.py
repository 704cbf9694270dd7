"""Commands of other packages, found by their entry points and loaded only when called: no package imports another."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from models.errors import how_to_install
from models.installation import typed
from worker.errors import BadUse, StopWorker

# Each names a module: its `main(arguments)` returns the exit status, of its `command_parser()` completion is made.
GROUP = "kafka_sentiment.commands"
HELP = {
    "models": "list, check, label and sign the versions in a store of models, and score texts with one",
    "train": "train, evaluate, compare and publish models",
}
# Those that need more than a worker does, and the extra that brings it.
_EXTRAS = {"train": "trainer"}


def names() -> list[str]:
    """The commands that there are."""
    return sorted(entry_points(group=GROUP).names)


def run(name: str, arguments: Sequence[str]) -> int:
    """Run another package's command; its exit status. Raises BadUse, or StopWorker where its extra is missing."""
    point = _find(name)
    try:
        return int(point.load().main(arguments))
    except ModuleNotFoundError as error:
        raise _missing(name, error) from error


def command_parser(name: str) -> Any:
    """The ArgumentParser of another package's command. Raises as `run` does."""
    point = _find(name)
    try:
        return point.load().command_parser()
    except ModuleNotFoundError as error:
        raise _missing(name, error) from error


def _find(name: str) -> EntryPoint:
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise BadUse(f"there is no command {name!r}; `{typed('python -m worker')} --help` lists them")
    return next(iter(found))


def _missing(name: str, error: ModuleNotFoundError) -> Exception:
    if name not in _EXTRAS:
        return error
    return StopWorker(f"{name} needs {error.name}, which is not installed: {how_to_install(_EXTRAS[name])}")
