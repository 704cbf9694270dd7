"""The store of models that the settings choose, and whose signatures count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import BadKey, StoreError
from models.registry.registry import Registry
from models.scorer import Scorer
from models.signatures import read_public_keys
from models.timing import Deadline, YieldCpu
from worker.errors import BadUse
from worker.settings.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# That is long enough for any version; a mounted store may hang for ever.
READ_SECONDS = 120.0
_CHUNK_BYTES = 1024 * 1024


def open_registry(settings: Settings) -> Registry:
    """The store that was chosen. One for each thread that asks it."""
    return Registry(settings.model_store, settings.model_cache)


def trusted_keys(settings: Settings) -> Sequence[Ed25519PublicKey]:
    """The keys of which one must have signed a version; none where signatures are not asked for. Raises BadUse."""
    if settings.model_public_key_file is None:
        return ()
    try:
        return read_public_keys(settings.model_public_key_file)
    except BadKey as error:
        raise BadUse(f"SENTIMENT_MODEL_PUBLIC_KEY_FILE: {error}") from error


def open_loader(
    settings: Settings, registry: Registry, seconds: float = READ_SECONDS
) -> Callable[[int, YieldCpu], Scorer]:
    """What loads a version of the chosen model, verified, and calls the rest between pieces of work. Raises BadUse.

    It raises ModelError, which is a StoreError where the store does not let itself be read within so many seconds.
    """
    keys, deadline = trusted_keys(settings), Deadline(seconds)

    def load(version: int, yield_cpu: YieldCpu) -> Scorer:
        resolved = registry.resolve(f"{settings.model_name}@{version}")
        yield_cpu()
        try:
            # To see whether it can be read; what is read here is at hand afterwards. On this thread alone a version is
            # loaded: on a new one each time, the memory of all would lie scattered, and grow.
            deadline.ask(partial(_read_through, resolved.path))
        except TimeoutError as error:
            raise StoreError(f"Version {version} of {settings.model_name} cannot be read: {error}.") from error
        except OSError:
            pass  # told below, with the file's name
        return Scorer.load_version(resolved, public_keys=keys, yield_cpu=yield_cpu)

    return load


def _read_through(directory: Path) -> None:
    buffer = bytearray(_CHUNK_BYTES)
    for path in sorted(directory.rglob("*")):
        if not path.is_dir():
            with path.open("rb", buffering=0) as stream:
                while stream.readinto(buffer):
                    pass
