import base64
import sys
from pathlib import Path

import pytest

from models.artifact import read_manifest, record_files
from models.errors import BadKey, BrokenArtifact
from models.registry.registry import Registry
from models.scorer import Scorer
from models.signatures import check_signature, read_private_key, read_public_keys, signature_of
from models.timing import YieldCpu
from tests.models.keys import make_key, openssl, public


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path, "ours")


@pytest.fixture
def signed(artifact: Path, key: Path) -> Path:
    """A version's directory, signed with `key`."""
    manifest = (artifact / "manifest.json").read_bytes()
    (artifact / "manifest.json.sig").write_bytes(signature_of(manifest, read_private_key(key)))
    return artifact


def test_a_signed_version_loads_with_the_key_that_signed_it(signed: Path, key: Path) -> None:
    assert Scorer.load(signed, public_keys=read_public_keys(public(key))).version == 1


def test_a_signed_version_loads_without_any_key(signed: Path) -> None:
    assert Scorer.load(signed).version == 1


def test_another_key_is_refused(signed: Path, tmp_path: Path) -> None:
    keys = read_public_keys(public(make_key(tmp_path, "theirs")))
    with pytest.raises(BrokenArtifact, match="none of the known keys"):
        Scorer.load(signed, public_keys=keys)


def test_one_of_several_keys_is_enough(signed: Path, key: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(public(make_key(tmp_path, "theirs")).read_bytes() + public(key).read_bytes())
    check_signature(signed, (signed / "manifest.json").read_bytes(), read_public_keys(both))


def test_a_missing_signature_is_refused(artifact: Path, key: Path) -> None:
    with pytest.raises(BrokenArtifact, match="is not signed"):
        Scorer.load(artifact, public_keys=read_public_keys(public(key)))


def test_a_changed_manifest_is_refused_before_anything_else_is_read(signed: Path, key: Path) -> None:
    (signed / "manifest.json").write_text("{")
    with pytest.raises(BrokenArtifact, match="none of the known keys"):
        Scorer.load(signed, public_keys=read_public_keys(public(key)))


def test_a_changed_file_is_refused_by_the_signed_manifest(signed: Path, key: Path) -> None:
    (signed / "vocabulary.txt").write_text("good\n")
    with pytest.raises(BrokenArtifact, match="checksum"):
        Scorer.load(signed, public_keys=read_public_keys(public(key)))


def emptying(path: Path) -> YieldCpu:
    """A rest in which the file loses its content: the first one comes when all files have been checked."""

    def yield_cpu() -> None:
        path.write_bytes(b"")

    return yield_cpu


@pytest.mark.parametrize("name", ["vocabulary.txt", "stop_words.txt", "model.onnx", "weights.npz", "golden.jsonl"])
def test_a_file_that_is_changed_after_it_was_checked_is_refused(signed: Path, key: Path, name: str) -> None:
    with pytest.raises(BrokenArtifact, match=f"{name} is not the file that was published"):
        Scorer.load(signed, public_keys=read_public_keys(public(key)), yield_cpu=emptying(signed / name))


def test_a_manifest_that_is_changed_after_it_was_checked_is_not_read_again(signed: Path, key: Path) -> None:
    keys = read_public_keys(public(key))
    assert Scorer.load(signed, public_keys=keys, yield_cpu=emptying(signed / "manifest.json")).version == 1


@pytest.mark.parametrize("content", [b"", b"???", b"AAAA", base64.b64encode(bytes(64)), b"\xff\xfe"])
def test_a_signature_that_is_none_is_refused(signed: Path, key: Path, content: bytes) -> None:
    (signed / "manifest.json.sig").write_bytes(content)
    with pytest.raises(BrokenArtifact):
        check_signature(signed, (signed / "manifest.json").read_bytes(), read_public_keys(public(key)))


def test_openssl_finds_the_signature_right(signed: Path, key: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(base64.b64decode((signed / "manifest.json.sig").read_bytes()))
    given = ("-pubin", "-inkey", public(key), "-rawin", "-in", signed / "manifest.json", "-sigfile", tmp_path / "raw")
    openssl("pkeyutl", "-verify", *given)


def test_the_manifest_does_not_vouch_for_its_own_signature(signed: Path) -> None:
    assert record_files(signed) == read_manifest(signed).files


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_holds_no_key_is_said_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    for read in (read_private_key, read_public_keys):
        with pytest.raises(BadKey, match=r"key\.pem .*\.$") as raised:
            read(tmp_path / "key.pem")
        assert "\n" not in str(raised.value)


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    other = make_key(tmp_path, "other", "x25519")
    with pytest.raises(BadKey, match="no Ed25519 key"):
        read_private_key(other)
    with pytest.raises(BadKey, match="no Ed25519 key"):
        read_public_keys(public(other))


def test_a_key_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "locked.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret", "-out", path)
    with pytest.raises(BadKey, match="has a password"):
        read_private_key(path)


def test_a_key_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadKey, match="No such file"):
        read_private_key(tmp_path / "nowhere.pem")


@pytest.mark.parametrize("read", [read_private_key, read_public_keys])
def test_what_is_not_installed_is_said(key: Path, monkeypatch: pytest.MonkeyPatch, read: object) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    with pytest.raises(BadKey, match="pip install"):
        read(key)  # type: ignore[operator]


def test_another_version_in_a_versions_place_is_refused(store: Path, signed: Path, key: Path) -> None:
    signed.rename(signed.with_name("2"))
    with pytest.raises(BrokenArtifact, match="is imdb version 1"):
        Scorer.load_version(Registry(store).resolve("imdb@2"), public_keys=read_public_keys(public(key)))
