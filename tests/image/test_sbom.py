"""The list of what is in the image is valid, complete, and the same from an archive."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from tests.image.build import PROJECT, version
from tests.image.conftest import Built
from tests.image.sbom import is_telling, sbom

# One process builds the image, and its first test waits for that.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def document(worker: Built) -> str:
    """The list of the worker's image."""
    return sbom(worker.root.path, "kafka-sentiment-worker", "1.2.3")


@pytest.fixture(scope="module")
def components(document: str) -> list[dict[str, Any]]:
    """What it lists."""
    found: list[dict[str, Any]] = json.loads(document)["components"]
    return found


def test_it_is_valid(document: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None


def test_it_names_the_image(document: str) -> None:
    image = json.loads(document)["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "kafka-sentiment-worker", "1.2.3")


def test_it_lists_every_pinned_package_and_no_other(components: list[dict[str, Any]]) -> None:
    lines = (PROJECT / "requirements/worker.txt").read_text().splitlines()
    pins = [Requirement(line.rstrip("\\ ")) for line in lines if line and not line.startswith(("#", " "))]
    target = {"python_version": "3.11", "python_full_version": "3.11.2", "platform_python_implementation": "CPython"}
    pinned = {f"{pin.name}@{str(pin.specifier)[2:]}" for pin in pins if not pin.marker or pin.marker.evaluate(target)}
    assert {purl.removeprefix("pkg:pypi/") for purl in purls(components) if purl.startswith("pkg:pypi/")} == pinned


def test_every_python_package_has_a_licence(components: list[dict[str, Any]]) -> None:
    without = [c["name"] for c in components if c.get("purl", "").startswith("pkg:pypi/") and not c.get("licenses")]
    assert without == []


def test_it_lists_what_dpkg_knows(worker: Built, components: list[dict[str, Any]]) -> None:
    records = worker.root.path / "var/lib/dpkg"
    command = ["dpkg-query", f"--admindir={records}", "--show", "--showformat", "${Package} ${Version}\n"]
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    listed = [f"{c['name']} {c['version']}" for c in components if c.get("purl", "").startswith("pkg:deb/debian/")]
    assert sorted(listed) == sorted(known)
    assert any(purl.startswith("pkg:deb/debian/openssl@") and "distro=debian-12" in purl for purl in purls(components))


def test_it_lists_the_models(components: list[dict[str, Any]]) -> None:
    models = {c["name"]: c["hashes"][0]["content"] for c in components if c["type"] == "machine-learning-model"}
    manifest = json.loads((PROJECT / "models/store/reviews/2/manifest.json").read_text())
    assert models["reviews"] == manifest["files"]["model.onnx"]["sha256"]


def test_an_exported_file_system_says_the_same(worker: Built, components: list[dict[str, Any]]) -> None:
    exported = io.BytesIO()
    with tarfile.open(fileobj=exported, mode="w") as archive:
        for path in worker.root.path.rglob("*"):
            name = path.relative_to(worker.root.path)
            if is_telling(str(name)) and path.is_file():
                archive.add(path, name)
    command = [sys.executable, "-m", "tests.image.sbom"]
    done = subprocess.run(command, input=exported.getvalue(), capture_output=True, cwd=PROJECT, check=True)
    assert purls(json.loads(done.stdout)["components"]) == purls(components)


@pytest.mark.parametrize("layout", ["docker-archive", "oci-archive"])
def test_a_saved_image_says_the_same(
    worker: Built, components: list[dict[str, Any]], layout: str, tmp_path: Path
) -> None:
    worker.buildah("push", worker.image.name, f"{layout}:{tmp_path}/image.tar")
    command = [sys.executable, "-m", "tests.image.sbom", str(tmp_path / "image.tar")]
    document = json.loads(subprocess.run(command, capture_output=True, cwd=PROJECT, check=True).stdout)
    assert purls(document["components"]) == purls(components)
    assert document["metadata"]["component"]["version"] == version()


def test_what_is_no_image_is_refused_in_a_sentence() -> None:
    command = [sys.executable, "-m", "tests.image.sbom"]
    done = subprocess.run(command, input="nothing", capture_output=True, text=True, cwd=PROJECT, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def purls(components: list[dict[str, Any]]) -> list[str]:
    """The package URLs of what is listed."""
    return sorted(component["purl"] for component in components if "purl" in component)
