"""The list of what is in an image (SBOM, CycloneDX 1.6 as JSON), read from its file system.

    docker export $(docker create kafka-sentiment-worker) | python -m tests.image.sbom > sbom.json

Debian's packages are from dpkg's records, Python's from their metadata, models from their manifests. What a wheel was
compiled from stands in no record that is read here.
"""

import argparse
import configparser
import sys
import tarfile
import tempfile
from collections.abc import Iterator
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


def extract_telling(archive: tarfile.TarFile, directory: Path) -> None:
    """Extract of an image's file system what `sbom` reads of it."""
    for member in archive:
        path = PurePosixPath(member.name)
        if member.isfile() and (str(path) in TELLING or path.name in TELLING):
            archive.extract(member, directory, filter="data")


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


def main() -> int:
    """Write the list of the image whose file system comes as a tar archive on standard input."""
    parser = argparse.ArgumentParser(prog="python -m tests.image.sbom", description="What is in an image, as JSON.")
    parser.add_argument("--name", default="kafka-sentiment-worker", help="default: %(default)s")
    parser.add_argument("--version", default="", help="the image's version")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sbom-") as directory:
        try:
            with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
                extract_telling(archive, Path(directory))
            sys.stdout.write(sbom(Path(directory), options.name, options.version) + "\n")
        except (tarfile.TarError, OSError, KeyError, ValueError) as error:
            sys.stderr.write(f"error: this is not the file system of one of our images: {error}\n")
            return 1
    return 0


def _pairs(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string("[all]\n" + path.read_text(encoding="utf-8"))
    return {name: value.strip('"') for name, value in parser["all"].items()}


if __name__ == "__main__":
    raise SystemExit(main())
