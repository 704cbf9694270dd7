"""Keys, made as people make them."""

import shutil
import subprocess
from pathlib import Path

import pytest


def openssl(*arguments: object) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, with which people make keys (Debian: apt install openssl)")
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_key(folder: Path, name: str, algorithm: str = "ed25519") -> Path:
    """A private key's file, with the public one beside it."""
    path = folder / f"{name}.pem"
    openssl("genpkey", "-algorithm", algorithm, "-out", path)
    openssl("pkey", "-in", path, "-pubout", "-out", public(path))
    return path


def public(key: Path) -> Path:
    return key.with_suffix(".public.pem")
