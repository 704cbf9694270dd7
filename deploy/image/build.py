"""Builds a target of the Dockerfile with buildah, and looks at the result."""

import ast
import configparser
import contextlib
import subprocess
import sys
import tomllib
from pathlib import Path

from deploy.image.buildah import Buildah, Image, run

PROJECT = Path(__file__).parents[2]
DOCKERFILE = PROJECT / "deploy" / "Dockerfile"
TARGETS = ("worker", "trainer")
# Where the Dockerfile puts the authorities to trust while it builds.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def build(buildah: Buildah, target: str, base: str, build_base: str) -> Image:
    """Build a target on the bases (BASE_IMAGE and BUILD_IMAGE of the Dockerfile). Raises ImageError."""
    name = image_name(target)
    arguments = {"BASE_IMAGE": base, "BUILD_IMAGE": build_base, "VERSION": version(), "REVISION": revision()}
    options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    for key, path in _secrets(buildah.directory).items():
        options += ["--secret", f"id={key},src={path}"]
    buildah("build", "--file", DOCKERFILE, "--target", target, "--tag", name, *options, PROJECT)
    return buildah.image(name)


def image_name(target: str) -> str:
    """The name of a target's image."""
    return f"kafka-sentiment-{target}"


def version() -> str:
    """The distribution's version."""
    with (PROJECT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def revision() -> str:
    """The commit that is built, empty outside of a repository."""
    with contextlib.suppress(OSError):
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False)
        return found.stdout.strip()
    return ""


def _secrets(directory: Path) -> dict[str, Path]:
    """What this machine tells pip, in files and in its environment, as one file for the build; and the certificates."""
    told = configparser.RawConfigParser()
    told.add_section("global")
    for line in run([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        # The environment comes last in the list, and first for pip.
        if section in ("global", "install", ":env:"):
            told.set("global", key, str(ast.literal_eval(value)))
    certificates = Path(told.get("global", "cert", fallback=str(CERTIFICATES)))
    if told.has_option("global", "cert"):
        told.set("global", "cert", str(CERTIFICATES))
    path = directory / "pip.conf"
    with path.open("w", encoding="utf-8") as file:
        told.write(file)
    return {"pip": path} | ({"certificates": certificates} if certificates.is_file() else {})
