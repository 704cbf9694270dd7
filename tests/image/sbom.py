"""The list of what is in an image (SBOM, CycloneDX 1.6 as JSON), read from its file system.

    docker save kafka-sentiment-worker --output worker.tar && python -m tests.image.sbom worker.tar > sbom.json
    docker export $(docker create kafka-sentiment-worker) | python -m tests.image.sbom > sbom.json

Debian's packages are from dpkg's records, Python's from their metadata, models from their manifests. What a wheel was
compiled from stands in no record that is read here.
"""

import argparse
import configparser
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from models.artifact import MANIFEST_FILE, read_manifest
from tests.image.archive import Files, NoImage, put_layer, read_image

DPKG_STATUS = "var/lib/dpkg/status"
OS_RELEASE = "usr/lib/os-release"
ENVIRONMENT = "opt/venv"
STORE = "app/models/store"
# The files of an image that tell what is in it; all that is read of an archive.
TELLING = (DPKG_STATUS, OS_RELEASE, f"{ENVIRONMENT}/pyvenv.cfg", "METADATA", MANIFEST_FILE)


def sbom(root: Path, name: str, version: str) -> str:
    """The JSON document of the image with that name and version whose file system is at `root`."""
    image = Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=name)
    bom = Bom(components=[*_system(root), *_python(root), *_models(root)])
    bom.metadata.component = image
    bom.register_dependency(image, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def is_telling(path: str) -> bool:
    """Whether `sbom` reads the file of an image at this path."""
    return path in TELLING or PurePosixPath(path).name in TELLING


def _system(root: Path) -> Iterator[Component]:
    reported = _pairs(root / OS_RELEASE)
    system, release = reported["ID"], reported.get("VERSION_ID", "")
    kind = ComponentType.OPERATING_SYSTEM
    yield Component(name=system, version=release, type=kind, description=reported["PRETTY_NAME"], bom_ref="system")
    for paragraph in (root / DPKG_STATUS).read_text(encoding="utf-8").strip().split("\n\n"):
        package = HeaderParser().parsestr(paragraph)
        if package["Status"] == "install ok installed":
            about = {"arch": package["Architecture"], "distro": f"{system}-{release}"}
            purl = PackageURL("deb", system, package["Package"], package["Version"], about)
            yield _library(purl, package["Description"])


def _python(root: Path) -> Iterator[Component]:
    environment = _pairs(root / ENVIRONMENT / "pyvenv.cfg")
    python = PackageURL("generic", None, "python", environment["version"])
    yield Component(
        name="python", version=python.version, type=ComponentType.PLATFORM, purl=python, bom_ref=str(python)
    )
    [packages] = (root / ENVIRONMENT / "lib").glob("python3*/site-packages")
    for found in distributions(path=[str(packages)]):
        name = canonicalize_name(found.metadata["Name"])
        yield _library(PackageURL("pypi", None, name, found.version), found.metadata["Summary"], _licence(found))


def _models(root: Path) -> Iterator[Component]:
    for path in sorted((root / STORE).glob(f"*/*/{MANIFEST_FILE}")):
        manifest = read_manifest(path.parent)
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=manifest.files["model.onnx"].sha256)]
        kind = ComponentType.MACHINE_LEARNING_MODEL
        name, version = manifest.name, str(manifest.version)
        yield Component(name=name, version=version, type=kind, hashes=hashes, bom_ref=f"{name}@{version}")


def _library(purl: PackageURL, description: str | None, licence: str = "") -> Component:
    return Component(
        name=purl.name,
        version=purl.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        description=description.splitlines()[0] if description else None,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
    )


def _licence(found: Distribution) -> str:
    """What the package says in one line: an SPDX expression, else its own word, else its classifiers."""
    for field in ("License-Expression", "License"):
        for said in found.metadata.get_all(field, []):
            if "\n" not in said:
                return str(said)
    classifiers = [line for line in found.metadata.get_all("Classifier", []) if line.startswith("License ::")]
    return ", ".join(line.rpartition(" :: ")[2] for line in classifiers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the list of an image; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.image.sbom", description="What is in an image, as JSON.")
    given = "one image, as `docker save` writes it (Docker's layout or OCI's), or its directory"
    parser.add_argument("image", nargs="?", type=Path, help=f"{given} (default: a `docker export`, on standard input)")
    parser.add_argument("--name", help="default: the image's label, else kafka-sentiment-worker")
    parser.add_argument("--version", help="default: the image's label")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it here (default: standard output)")
    options = parser.parse_args(arguments)
    try:
        document = _document(options)
        if options.output:
            options.output.write_text(document, encoding="utf-8")
        else:
            sys.stdout.write(document)
    except NoImage as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except (tarfile.TarError, OSError, KeyError, ValueError) as error:
        sys.stderr.write(f"error: this is not the file system of one of our images: {error}\n")
        return 1
    return 0


def _document(options: argparse.Namespace) -> str:
    labels: dict[str, str] = {}
    if options.image:
        saved = read_image(options.image, is_telling)
        labels, files = saved.labels, saved.files
    else:
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as exported:
            files = put_layer({}, exported, is_telling)
    name = options.name or labels.get("org.opencontainers.image.title", "kafka-sentiment-worker")
    version = options.version or labels.get("org.opencontainers.image.version", "")
    with tempfile.TemporaryDirectory(prefix="sbom-") as directory:
        _write(files, Path(directory))
        return sbom(Path(directory), name, version) + "\n"


def _write(files: Files, directory: Path) -> None:
    for path, content in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _pairs(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string("[all]\n" + path.read_text(encoding="utf-8"))
    return {name: value.strip('"') for name, value in parser["all"].items()}


if __name__ == "__main__":
    raise SystemExit(main())
