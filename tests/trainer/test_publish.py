import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.artifact import read_manifest
from models.errors import BrokenArtifact, StoreError
from models.registry.registry import Registry
from models.scorer import Scorer
from models.signatures import read_private_key, read_public_keys
from tests.models.keys import make_key, public
from tests.reviews import SAMPLE_FILE, sample
from trainer.__main__ import main
from trainer.data.texts import LabelledTexts
from trainer.errors import NotGoodEnough
from trainer.publish import publish
from trainer.runs import Run

PACKAGED = Registry().resolve("imdb@1").path
DATA = sample().take(np.arange(2_000) < 200)


def flipped(data: LabelledTexts) -> LabelledTexts:
    return LabelledTexts(data.texts, 1 - data.labels)


def test_a_copy_verifies_and_scores_as_the_original(tmp_path: Path) -> None:
    published = publish(PACKAGED, Registry(tmp_path))
    original, copied = Scorer.load(PACKAGED), Scorer.load(published.path)
    assert copied.score(["good movie"]).probabilities.tolist() == original.score(["good movie"]).probabilities.tolist()
    assert (copied.name, copied.version) == ("imdb", 1)


def test_a_second_copy_is_the_next_version_and_the_first_stays_stable(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    versions = [publish(PACKAGED, registry, "reviews").version for _ in range(2)]
    assert versions == registry.versions("reviews") == [1, 2]
    assert registry.resolve("reviews").version == 1


def test_a_broken_version_is_not_published(tmp_path: Path) -> None:
    broken = publish(PACKAGED, Registry(tmp_path / "from")).path
    (broken / "vocabulary.txt").write_text("good\n")
    with pytest.raises(BrokenArtifact):
        publish(broken, Registry(tmp_path / "to"))
    assert not (tmp_path / "to").exists()


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        publish(PACKAGED, Registry(tmp_path), "not/a/name")


def test_what_is_worse_than_the_stable_version_is_published_by_force_only(run: Run, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    publish(PACKAGED, registry, "tiny")
    with pytest.raises(NotGoodEnough, match=r"version 1, which is stable, is 0\.8.*--force"):
        publish(run.artifact, registry, data=DATA)
    assert registry.versions("tiny") == [1]
    assert publish(run.artifact, registry, data=DATA, force=True).version == 2


def test_what_is_better_than_the_stable_version_is_published(run: Run, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    publish(PACKAGED, registry, "tiny")
    assert publish(run.artifact, registry, data=flipped(DATA)).version == 2


def test_what_was_compared_with_nothing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, reported = ["--store", str(tmp_path), "--name", "other"], []
    for source in (PACKAGED, Registry().resolve("airline@1").path):
        assert main(["publish", str(source), *store]) == 0
        reported.append(capsys.readouterr().err)
    assert reported[0] == ""
    assert reported[1].startswith("It was not compared with other version 1, which is stable")


def test_without_data_versions_are_compared_by_what_their_manifests_tell_of_the_same_texts(
    run: Run, tmp_path: Path
) -> None:
    registry = Registry(tmp_path)
    publish(run.artifact, registry)
    assert publish(run.artifact, registry).version == 2  # as good as itself


def test_a_slim_version_lacks_only_what_no_worker_needs(run: Run, tmp_path: Path) -> None:
    published = publish(run.artifact, Registry(tmp_path), slim=True)
    assert Scorer.load(published.path).engine == "numpy"
    left_out = set(read_manifest(run.artifact).files) - set(read_manifest(published.path).files)
    assert {"model.keras", "saved_model.pb", "variables/variables.index"} <= left_out
    assert not (published.path / "model.keras").exists()


def test_a_run_is_published_by_its_directory(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["publish", str(run.artifact), "--store", str(tmp_path), "--data", str(SAMPLE_FILE), "--json"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == '{"model": "tiny", "version": 1}\n'


def test_a_directory_that_is_neither_run_nor_version_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", str(tmp_path / "nothing"), "--store", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("files_seen", [1, 3, 5])
def test_a_publisher_that_is_killed_leaves_no_version_and_bars_no_other(tmp_path: Path, files_seen: int) -> None:
    publisher = subprocess.Popen(
        [sys.executable, "-m", "trainer", "publish", str(PACKAGED), "--store", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while publisher.poll() is None and len(list(tmp_path.glob("imdb/.publishing-*/*"))) < files_seen:
        pass
    publisher.send_signal(signal.SIGKILL)
    assert publisher.wait() == -signal.SIGKILL
    publisher.communicate()
    assert Registry(tmp_path).versions("imdb") == []
    assert Scorer.load(publish(PACKAGED, Registry(tmp_path)).path).version == 1
    assert not list(tmp_path.glob("imdb/.publishing-*"))


def test_a_version_is_signed_before_anybody_sees_it(tmp_path: Path) -> None:
    key = make_key(tmp_path, "ours")
    arguments = ["publish", str(PACKAGED), "--store", str(tmp_path / "store"), "--signing-key", str(key)]
    assert main(arguments) == 0
    signed = Registry(tmp_path / "store").resolve("imdb").path
    assert Scorer.load(signed, public_keys=read_public_keys(public(key))).version == 1


def test_a_signed_version_is_published_again_with_a_signature_of_its_own(tmp_path: Path) -> None:
    key = read_private_key(make_key(tmp_path, "ours"))
    signed = publish(PACKAGED, Registry(tmp_path), signing_key=key).path
    again = publish(signed, Registry(tmp_path))
    assert not (again.path / "manifest.json.sig").exists()
    assert Scorer.load(again.path).version == 2


def test_a_version_is_published_into_a_bucket_and_from_its_copy(bucket: Any, tmp_path: Path, monkeypatch: Any) -> None:
    registry = Registry(bucket.store, tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["publish", str(PACKAGED), "--store", bucket.store]) == 0
    assert publish(registry.resolve("imdb").path, registry).version == 2
    assert "model.keras" not in read_manifest(registry.resolve("imdb@2").path).files


def test_a_key_that_is_none_is_told_before_anything_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["publish", str(PACKAGED)], ["fit", "--recipe", "airline", "--data", str(SAMPLE_FILE)]):
        assert main([*command, "--store", str(tmp_path), "--signing-key", str(SAMPLE_FILE)]) == 1
        assert capsys.readouterr().err.endswith("holds no private key in PEM.\n")
    assert list(tmp_path.iterdir()) == []
