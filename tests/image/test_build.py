"""What a build is given of this machine, what comes of it, and what is said where it cannot be."""

import configparser
import json
import os
import sys
import tarfile
from pathlib import Path

import pytest

from deploy.local.processes import OwnedProcesses
from tests.image.__main__ import main
from tests.image.build import pip_secrets, version, write_archive
from tests.image.buildah import ImageError, need, run
from tests.image.conftest import Built

pytestmark = pytest.mark.timeout(900)  # the first test waits for the build


def test_pip_in_the_build_is_told_what_pip_here_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.touch()
    monkeypatch.setenv("PIP_CERT", str(authorities))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://one.example/simple\nhttps://two.example/simple")
    secrets = pip_secrets(tmp_path)
    reported = configparser.RawConfigParser()
    reported.read(secrets["pip"])
    assert reported["global"]["extra-index-url"].split() == ["https://one.example/simple", "https://two.example/simple"]
    assert reported["global"]["cert"] == "/etc/ssl/certs/ca-certificates.crt", "where the build puts the certificates"
    assert secrets["certificates"] == authorities


@pytest.mark.slow
@pytest.mark.xdist_group("image")
def test_an_archive_holds_the_image_by_name_and_version(worker: Built, tmp_path: Path) -> None:
    container, root = worker.buildah.new_container("scratch")
    (root / "file").write_text("x")
    worker.buildah("commit", "--quiet", "--rm", container, "tiny")
    path = tmp_path / "tiny.tar"
    path.write_text("older")
    write_archive(worker.buildah, worker.buildah.image("tiny"), path)
    with tarfile.open(path) as archive:
        [manifest] = json.load(archive.extractfile("manifest.json") or sys.stdin)
    assert f"tiny:{version()}" in [name.split("/")[-1] for name in manifest["RepoTags"]]


def test_a_command_that_fails_is_named_with_what_it_wrote_last() -> None:
    with pytest.raises(ImageError, match=r"sh ended with status 3:\nno room$"):
        run(["sh", "-c", "echo no room >&2; exit 3"])


def test_programs_that_are_missing_are_named_with_their_packages() -> None:
    with pytest.raises(ImageError, match=r"no-such-program \(Debian: apt install buildah debootstrap bubblewrap\)"):
        need("sh", "no-such-program")


def test_who_is_not_root_is_told_so_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("buildah", "debootstrap", "bwrap", "setpriv"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["tests.image"])
    monkeypatch.setattr(OwnedProcesses, "__init__", lambda *_: pytest.fail("nothing is to be started"))
    assert main() == 1
    assert capsys.readouterr().err == "error: Building an image needs root: it changes the root directory.\n"
