"""What people are told to install."""

import tomllib
from pathlib import Path

import pytest

from models.errors import how_to_install

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("extra", ["librdkafka", "stores", "tracing"])
def test_the_extra_exists_and_the_words_hold_in_a_checkout(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extra in project["optional-dependencies"]
    assert f"pip install '.[{extra}]'" in how_to_install(extra)


def test_nobody_is_told_to_install_the_project_by_its_name() -> None:
    files = [path for package in ("models", "worker", "trainer") for path in (ROOT / package).rglob("*.py")]
    assert files
    assert not [path for path in files if "pip install kafka-sentiment" in path.read_text().replace("'", "")]
