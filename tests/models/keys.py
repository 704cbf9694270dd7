"""Keys, made as people make them."""

import subprocess
from pathlib import Path


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_key(folder: Path, name: str, algorithm: str = "ed25519") -> Path:
    """A private key's file, with the public one beside it."""
    path = folder / f"{name}.pem"
    openssl("genpkey", "-algorithm", algorithm, "-out", path)
    openssl("pkey", "-in", path, "-pubout", "-out", public(path))
    return path


def public(key: Path) -> Path:
    return key.with_suffix(".public.pem")
