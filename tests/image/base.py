"""The base to build on where no registry is at hand: Debian's smallest system and its Python, by debootstrap."""

import shutil
from pathlib import Path

from tests.image.buildah import Buildah, run

RELEASE = "bookworm"
BASE, BUILD = "localhost/base", "localhost/base-with-pip"
# What debootstrap leaves of the machine that it runs on, and what is of use to it alone.
LEFT_OVERS = (
    "etc/hostname",
    "etc/resolv.conf",
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "var/log/bootstrap.log",
)


def debian(buildah: Buildah) -> tuple[str, str]:
    """Make the base and the same with pip, as Dockerfile's BASE_IMAGE and BUILD_IMAGE; their names."""
    container, root = buildah.new_container("scratch")
    packages = "python3,ca-certificates"
    # In mount points of its own: what debootstrap mounts is gone with it, however it ends.
    run(["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={packages}", RELEASE, root, *_mirror()])
    for left in LEFT_OVERS:
        _remove(root / left)
    buildah("commit", "--quiet", container, BASE)
    install = "apt-get update -qq && apt-get install -qq --no-install-recommends python3-pip"
    buildah("run", container, "--", "sh", "-c", install)
    buildah("commit", "--quiet", "--rm", container, BUILD)
    return BASE, BUILD


def _mirror() -> list[str]:
    """Where this machine takes the release's packages from; where it does not, debootstrap knows itself."""
    if shutil.which("apt-get") is None:
        return []
    wanted = ["Created-By: Packages", f"Codename: {RELEASE}", "Component: main"]
    return run(["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted]).split()[:1]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
