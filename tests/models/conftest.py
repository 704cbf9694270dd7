import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from models.__main__ import main
from models.registry.registry import PACKAGED_STORE, Registry
from models.scorer import Scorer
from tests.models.keys import make_key

# What is judged is the outcome; how long an example takes depends on what else the machine does.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    """The stable version of the model that comes with the project."""
    return Scorer.load(Registry().resolve("imdb").path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of the packaged store, to break or to publish into."""
    return shutil.copytree(PACKAGED_STORE, tmp_path / "store")


@pytest.fixture
def artifact(store: Path) -> Path:
    """A copied version's directory."""
    return Registry(store).resolve("imdb").path


@pytest.fixture
def remote(tmp_path: Path) -> Callable[[Any], Registry]:
    """Makes registries of a bucket's store, all of which share one cache, as processes of one machine do."""
    return lambda bucket: Registry(bucket.store, tmp_path / "cache", timeout_seconds=60)


@pytest.fixture
def run(store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on a copied store: status, standard output and standard error."""
    monkeypatch.setenv("SENTIMENT_MODEL_STORE", str(store))

    def run_command(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path, "ours")
