"""Builds a target of the Dockerfile with buildah, and looks at the result."""

import ast
import configparser
import contextlib
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.image.buildah import Buildah, Image, run

PROJECT = Path(__file__).parents[2]
DOCKERFILE = PROJECT / "deploy" / "Dockerfile"
TARGETS = ("worker", "trainer")
# What pip heeds when it installs: each goes before the ones that stand before it.
PIP_SECTIONS = ("global", "install", ":env:")
# Where the Dockerfile puts the authorities to trust while it builds.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def build(buildah: Buildah, target: str, base: str, build_base: str) -> Image:
    """Build a target on the bases (BASE_IMAGE and BUILD_IMAGE of the Dockerfile). Raises ImageError."""
    name = image_name(target)
    arguments = {"BASE_IMAGE": base, "BUILD_IMAGE": build_base, "VERSION": version(), "REVISION": revision()}
    options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    for key, path in pip_secrets(buildah.directory).items():
        options += ["--secret", f"id={key},src={path}"]
    buildah("build", "--file", DOCKERFILE, "--target", target, "--tag", name, *options, PROJECT)
    return buildah.image(name)


def write_archive(buildah: Buildah, image: Image, path: Path) -> None:
    """Write the image to a file that `docker load` and `podman load` take, in place of what is there."""
    path.unlink(missing_ok=True)
    buildah("push", image.name, f"docker-archive:{path.absolute()}:{image.name}:{version()}")


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


def pip_secrets(directory: Path) -> dict[str, Path]:
    """What this machine tells pip, in files and in its environment, as one file for the build; and the certificates."""
    reported = configparser.RawConfigParser()
    reported.add_section("global")
    lines = run([sys.executable, "-m", "pip", "config", "list"]).splitlines()
    for section in PIP_SECTIONS:
        for name, _, value in (line.partition("=") for line in lines if line.startswith(f"{section}.")):
            reported.set("global", name.removeprefix(f"{section}."), str(ast.literal_eval(value)))
    certificates = Path(reported.get("global", "cert", fallback=str(CERTIFICATES)))
    if reported.has_option("global", "cert"):
        reported.set("global", "cert", str(CERTIFICATES))
    path = directory / "pip.conf"
    with path.open("w", encoding="utf-8") as file:
        reported.write(file)
    return {"pip": path} | ({"certificates": certificates} if certificates.is_file() else {})
