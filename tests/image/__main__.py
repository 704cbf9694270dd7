"""`python -m tests.image`: builds an image without engine and registry, scores a review in it, tells what it is."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.image import base, sbom
from tests.image.build import TARGETS, build, version, write_archive
from tests.image.buildah import Buildah, ImageError
from tests.image.container import Root

REVIEW = "A wonderful film, and far too short."


def main() -> int:
    """Build, check, write what was asked for; the exit status."""
    options = _options()
    try:
        with Buildah() as buildah:
            _make(buildah, options)
    except (ImageError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def score(root: Root) -> str:
    """The sentiment that the command in the image gives a good review. Raises ImageError when it gives none."""
    done = root.run([*root.config["Entrypoint"], "models", "score", "--jsonl"], given=json.dumps({"text": REVIEW}))
    if done.returncode:
        raise ImageError(f"The image scores no review:\n{done.stderr}")
    return str(json.loads(done.stdout)["sentiment"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.image",
        description="Build a target of deploy/Dockerfile with buildah, as root; nothing stays but what is asked for.",
    )
    parser.add_argument("target", nargs="?", default="worker", choices=TARGETS, help="default: worker")
    parser.add_argument("--base", help="image to build on (default: one that debootstrap makes of Debian's packages)")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="write the image here, for docker load")
    parser.add_argument("--sbom", type=Path, metavar="FILE", help="write what is in the image here (CycloneDX JSON)")
    return parser.parse_args()


def _make(buildah: Buildah, options: argparse.Namespace) -> None:
    with _reported("base"):
        settings, with_pip = (options.base, options.base) if options.base else base.debian(buildah)
    with _reported(f"target {options.target}"):
        image = build(buildah, options.target, settings, with_pip)
    with _reported("a review in it"):
        root = Root(buildah, image)
        sentiment = score(root)
    if options.sbom:
        options.sbom.write_text(sbom.sbom(root.path, image.name, version()) + "\n", encoding="utf-8")
    if options.archive:
        with _reported(f"{options.archive}"):
            write_archive(buildah, image, options.archive)
    over = sum(layer.bytes for layer in image.layers_over(buildah.image(settings)))
    sys.stdout.write(
        f"{image.name} {version()}: user {image.config['User']}, {over / 1e6:.0f} MB on top of its base, "
        f"finds a good review {sentiment}\n"
    )


@contextmanager
def _reported(what: str) -> Iterator[None]:
    started = time.monotonic()
    sys.stderr.write(f"{what} ...")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write(f" {time.monotonic() - started:.0f} s\n")


if __name__ == "__main__":
    raise SystemExit(main())
