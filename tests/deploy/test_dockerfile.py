"""What builds need not show again: both targets are made alike, of what is sent to a builder and of pinned packages."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.image.build import DOCKERFILE, PROJECT, TARGETS, version

EXTRAS = {"worker": ("librdkafka", "stores", "tracing"), "trainer": ("trainer", "stores")}


def _stages() -> dict[str, list[str]]:
    """The instructions of each stage by its name, each on one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    stages: dict[str, list[str]] = {"": []}
    for line in lines:
        if line.startswith("FROM "):
            stages[line.rpartition(" AS ")[2]] = []
        [*stages.values()][-1].append(line)
    return stages


def _pins(lock: str) -> dict[str, str]:
    """The pinned packages of a lock file, each with its marker and hashes."""
    text = (PROJECT / "requirements" / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return {" ".join(line.split("--hash")[0].split()): line for line in text.splitlines() if "==" in line}


@pytest.mark.parametrize("instruction", ["ARG", "RUN", "USER", "FROM ${BASE_IMAGE}", "ENTRYPOINT"])
def test_both_targets_are_made_alike(instruction: str) -> None:
    worker, trainer = ([line for line in _stages()[name] if line.startswith(instruction)] for name in TARGETS)
    assert [line.replace("worker", "trainer") for line in worker] == trainer
    assert worker


def test_both_are_installed_alike() -> None:
    worker, trainer = ([line for line in _stages()[f"{name}-build"] if "install.sh" in line] for name in TARGETS)
    assert [line.replace("worker", "trainer") for line in worker] == trainer
    assert len(worker) == 2


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_copied_is_sent_to_the_builder(target: str) -> None:
    sent = [line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [word for line in _stages()[f"{target}-build"] if line.startswith("COPY") for word in line.split()[1:-1]]
    assert {"models", target, f"requirements/{target}.txt", "deploy/image/install.sh"} <= {*copied}
    assert {*copied} <= {*sent}
    assert all((PROJECT / path).exists() for path in copied)


@pytest.mark.parametrize("target", TARGETS)
def test_the_version_is_the_distributions(target: str) -> None:
    assert f"ARG VERSION={version()}" in _stages()[target]


@pytest.mark.parametrize("target", TARGETS)
def test_a_lock_file_pins_what_the_tests_ran_with(target: str) -> None:
    pins, tested = _pins(f"{target}.txt"), _pins("all.txt")
    assert pins
    assert {pin: tested.get(pin) for pin in pins} == pins
    assert all("--hash=sha256:" in line for line in pins.values())


@pytest.mark.parametrize("target", TARGETS)
def test_a_lock_file_has_all_that_the_extras_ask_for(target: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(word for e in EXTRAS[target] for word in project["optional-dependencies"][e])]
    pinned = {canonicalize_name(pin.split("==")[0]) for pin in _pins(f"{target}.txt")}
    assert {canonicalize_name(Requirement(word).name) for word in wanted} <= pinned


def test_the_lock_target_makes_them_of_these_extras() -> None:
    makefile = Path(PROJECT / "Makefile").read_text(encoding="utf-8")
    for target, extras in EXTRAS.items():
        asked = " ".join(f"--extra {extra}" for extra in extras)
        assert f"{asked} --constraint requirements/all.txt --output-file requirements/{target}.txt" in makefile
