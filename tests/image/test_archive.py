"""The list of what is in an image comes from what docker saved, too: layers in order, less what they remove."""

import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.image import saved
from tests.image.archive import NoImage, put_layer, read_image
from tests.image.build import PROJECT
from tests.image.sbom import is_telling, main

PACKAGES = "opt/venv/lib/python3.11/site-packages"
SYSTEM = {
    "usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n",
}
PYTHON = {"opt/venv/pyvenv.cfg": "version = 3.11.2\n"}


def package(name: str, version: str) -> dict[str, str]:
    """What an installed package tells of itself."""
    told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n"
    return {f"{PACKAGES}/{name}-{version}.dist-info/METADATA": told}


LAYERS = [
    saved.layer(SYSTEM),
    saved.layer(PYTHON | package("kept", "1.0") | package("moved", "1.0") | package("gone", "1.0")),
    saved.layer(package("moved", "2.0") | {f"{PACKAGES}/.wh.{name}-1.0.dist-info": "" for name in ("moved", "gone")}),
]
LISTED = ["pkg:deb/debian/bash@5.2", "pkg:generic/python@3.11.2", "pkg:pypi/kept@1.0", "pkg:pypi/moved@2.0"]


def listed(path: Path) -> dict[str, Any]:
    """The list of what is in the image there."""
    assert main([str(path), "--output", str(path.parent / "sbom.json")]) == 0
    document: dict[str, Any] = json.loads((path.parent / "sbom.json").read_text())
    return document


def purls(document: dict[str, Any]) -> list[str]:
    """The package URLs in it, without qualifiers."""
    return sorted(each["purl"].partition("?")[0] for each in document["components"] if "purl" in each)


@pytest.mark.parametrize("written", [saved.write_archive, saved.write_directory])
@pytest.mark.parametrize("parts", [saved.docker_parts, saved.new_docker_parts, saved.oci_parts])
def test_every_layout_of_an_image_says_the_same(
    parts: Callable[[Sequence[bytes]], dict[str, bytes]],
    written: Callable[[Mapping[str, bytes], Path], Path],
    tmp_path: Path,
) -> None:
    document = listed(written(parts(LAYERS), tmp_path))
    assert purls(document) == LISTED
    image = document["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "small", "1.2.3")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None


@pytest.mark.parametrize("compression", saved.COMPRESSIONS)
def test_layers_may_be_compressed(compression: str, tmp_path: Path) -> None:
    assert purls(listed(saved.write_archive(saved.oci_parts(LAYERS, compression), tmp_path))) == LISTED


@pytest.mark.parametrize(
    ("upper", "left"),
    [
        ({}, {"a/b/x": b"0", "a/y": b"0", "z": b"0"}),
        ({"a/.wh.y": ""}, {"a/b/x": b"0", "z": b"0"}),
        ({".wh.a": ""}, {"z": b"0"}),
        ({"./a/y": "1"}, {"a/b/x": b"0", "a/y": b"1", "z": b"0"}),
        ({"a/b": "1"}, {"a/b": b"1", "a/y": b"0", "z": b"0"}),
        ({"a/new": "1", "a/.wh..wh..opq": ""}, {"a/new": b"1", "z": b"0"}),
        ({".wh..wh..opq": "", "/z": "1"}, {"z": b"1"}),
    ],
    ids=["nothing", "a file", "a directory", "a change", "a file for a directory", "all in a directory", "all"],
)
def test_a_layer_hides_what_it_removes_or_replaces_below(upper: dict[str, str], left: dict[str, bytes]) -> None:
    below: dict[str, bytes] = {}
    for files in ({"a/b/x": "0", "a/y": "0", "z": "0"}, upper):
        with tarfile.open(fileobj=BytesIO(saved.layer(files))) as layer:
            below = put_layer(below, layer, lambda _: True)
    assert below == left


def test_a_link_has_the_content_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").hardlink_to(tmp_path / "file")
    with tarfile.open(tmp_path / "layer", "w") as written:
        written.add(tmp_path / "file", "file")
        written.add(tmp_path / "link", "link")
    with tarfile.open(tmp_path / "layer") as layer:
        assert put_layer({}, layer, lambda _: True) == {"file": b"x", "link": b"x"}


def test_two_images_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = saved.docker_parts(LAYERS)
    parts["manifest.json"] = json.dumps(json.loads(parts["manifest.json"]) * 2).encode()
    path = saved.write_archive(parts, tmp_path)
    assert main([str(path)]) == 1
    said = f"error: {path} holds no image that can be read: 2 images in place of one\n"
    assert capsys.readouterr() == ("", said)


def test_a_file_system_is_told_from_an_image(tmp_path: Path) -> None:
    (tmp_path / "exported.tar").write_bytes(LAYERS[0])
    with pytest.raises(NoImage, match=r": index\.json is not in it$"):
        read_image(tmp_path / "exported.tar", is_telling)


def test_an_archive_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    parts = saved.docker_parts(LAYERS)
    parts["1/layer.tar"] = parts["1/layer.tar"][:700]
    with pytest.raises(NoImage, match="holds no image that can be read: unexpected end of data"):
        read_image(saved.write_archive(parts, tmp_path), is_telling)


def test_make_lists_what_is_in_a_saved_image() -> None:
    command = ["make", "--dry-run", "--assume-old=.venv/.all-ready", "sbom", "IMAGE=some/where/small.tar"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert '-m tests.image.sbom "some/where/small.tar" --output "build/small.cdx.json"' in done.stdout
