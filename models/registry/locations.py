"""Which store is meant: a directory, or a URL."""

import os
from pathlib import Path

from models.registry.local import LocalFiles
from models.registry.storage import StoreFiles

PACKAGED_STORE = Path(__file__).parents[1] / "store"


def default_store() -> str | Path:
    """SENTIMENT_MODEL_STORE where it is set, otherwise the store inside this package."""
    return os.environ.get("SENTIMENT_MODEL_STORE") or PACKAGED_STORE


def absolute_store(store: str | Path) -> str:
    """The store's name wherever one is: its URL, or its absolute directory."""
    return str(store) if "://" in str(store) else str(Path(store).absolute())


def open_store(store: str | Path, cache: Path | None, timeout_seconds: float) -> StoreFiles:
    """The files of a store; for what is behind a URL nothing is asked, and nothing imported, before it is needed."""
    local = str(store).removeprefix("file://").removeprefix("local://")
    if "://" not in local:
        return LocalFiles(Path(local), timeout_seconds)
    from models.registry.remote import RemoteFiles

    return RemoteFiles(str(store), cache, timeout_seconds)
