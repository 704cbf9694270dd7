"""The store of models that the settings choose, and whose signatures count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.errors import BadKey
from models.registry import Registry
from models.signatures import read_public_keys
from worker.errors import BadUse
from worker.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def open_registry(chosen: Settings) -> Registry:
    """The store that was chosen. One for each thread that asks it."""
    return Registry(chosen.model_store, chosen.model_cache)


def trusted_keys(chosen: Settings) -> Sequence[Ed25519PublicKey]:
    """The keys of which one must have signed a version; none where signatures are not asked for. Raises BadUse."""
    if chosen.model_public_key_file is None:
        return ()
    try:
        return read_public_keys(chosen.model_public_key_file)
    except BadKey as error:
        raise BadUse(f"model_public_key_file: {error}") from error
