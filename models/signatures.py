"""Ed25519 signatures (RFC 8032): who may make versions that are used. Needs `cryptography` only where keys are named.

A version's signature vouches for its manifest's bytes, and the manifest for every other file. It is kept beside the
manifest, in base64, and other tools can check it, such as `openssl pkeyutl -verify -rawin`.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.artifact import SIGNATURE_FILE, read_part
from models.errors import BadKey, BrokenArtifact, how_to_install

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_KEY = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def read_private_key(path: Path) -> "Ed25519PrivateKey":
    """The key in a PEM file as `openssl genpkey -algorithm ed25519` writes it, without a password; raises BadKey."""
    ed25519, serialization = _import()
    content = _read(path)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError as error:
        raise BadKey(f"The key in {path} has a password; sign with a key without one.") from error
    except Exception as error:  # what damaged files raise share no other base class
        raise BadKey(f"{path} holds no private key in PEM.") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise BadKey(f"The key in {path} is no Ed25519 key.")
    signing_key: Ed25519PrivateKey = key
    return signing_key


def read_public_keys(path: Path) -> "tuple[Ed25519PublicKey, ...]":
    """The keys in a PEM file, one or more, of which any may have signed; raises BadKey.

    `openssl pkey -in KEY -pubout` writes one; with the old and the new one in one file a key is changed step by step.
    """
    ed25519, serialization = _import()
    keys = []
    for block in PUBLIC_KEY.findall(_read(path)):
        try:
            keys.append(serialization.load_pem_public_key(block))
        except Exception as error:  # what damaged files raise share no other base class
            raise BadKey(f"{path} holds a damaged public key.") from error
    if not keys:
        raise BadKey(f"{path} holds no public key in PEM.")
    if not all(isinstance(key, ed25519.Ed25519PublicKey) for key in keys):
        raise BadKey(f"A key in {path} is no Ed25519 key.")
    return tuple(keys)


def signature_of(manifest: bytes, key: "Ed25519PrivateKey") -> bytes:
    """What stands in the signature file beside a manifest of these bytes."""
    return base64.b64encode(key.sign(manifest)) + b"\n"


def check_signature(directory: Path, manifest: bytes, keys: "Sequence[Ed25519PublicKey]") -> None:
    """Raises BrokenArtifact unless one of the keys has signed the manifest; the signature is in the directory."""
    from cryptography.exceptions import InvalidSignature

    try:
        signature = base64.b64decode(_read_signature(directory).strip(), validate=True)
    except binascii.Error as error:
        raise BrokenArtifact(f"The signature of {directory} is not base64.") from error
    for key in keys:
        try:
            key.verify(signature, manifest)
        except InvalidSignature:
            continue
        return
    raise BrokenArtifact(f"The version in {directory} is signed by none of the known keys, or was changed after that.")


def _read_signature(directory: Path) -> bytes:
    try:
        return read_part(directory / SIGNATURE_FILE)
    except BrokenArtifact as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise BrokenArtifact(f"The version in {directory} is not signed.") from error.__cause__
        raise


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadKey(f"Cannot read the key in {path}: {error.strerror}.") from error


def _import() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise BadKey(f"Signatures need what is not installed: {how_to_install('stores')}.") from error
    return ed25519, serialization
