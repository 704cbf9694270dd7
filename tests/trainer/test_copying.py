from pathlib import Path

import pytest

from models.errors import BrokenArtifact, StoreError
from models.registry import Registry
from models.scorer import Scorer
from trainer.__main__ import main
from trainer.copying import copy_version

PACKAGED = Registry().resolve("imdb").path


def test_a_copy_verifies_and_scores_as_the_original(tmp_path: Path) -> None:
    published = copy_version(PACKAGED, Registry(tmp_path))
    original, copied = Scorer.load(PACKAGED), Scorer.load(published.path)
    assert copied.score(["good movie"]).probabilities.tolist() == original.score(["good movie"]).probabilities.tolist()
    assert (copied.name, copied.version) == ("imdb", 1)


def test_a_second_copy_is_the_next_version(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    versions = [copy_version(PACKAGED, registry, "reviews").version for _ in range(2)]
    assert versions == registry.versions("reviews") == [1, 2]
    assert registry.resolve("reviews").version == 1


def test_a_broken_version_is_not_copied(tmp_path: Path) -> None:
    broken = copy_version(PACKAGED, Registry(tmp_path / "from")).path
    (broken / "vocabulary.txt").write_text("good\n")
    with pytest.raises(BrokenArtifact):
        copy_version(broken, Registry(tmp_path / "to"))
    assert not (tmp_path / "to").exists()


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        copy_version(PACKAGED, Registry(tmp_path), "not/a/name")


def test_the_command_tells_what_it_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", str(PACKAGED), "--store", str(tmp_path), "--json"]) == 0
    assert capsys.readouterr().out == '{"model": "imdb", "version": 1}\n'
    assert main(["publish", str(tmp_path / "nothing"), "--store", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
