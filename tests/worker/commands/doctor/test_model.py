"""What is advised where the model cannot be used."""

from pathlib import Path

import pytest

from tests.versions import BREAKS, NAME, add_version
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.model import check_model
from worker.commands.doctor.results import Mark
from worker.settings.settings import load

_LABEL = f"python -m models label {NAME} stable VERSION"


def advice(**settings: str) -> str:
    """What to do about the one thing that is found."""
    [finding] = check_model(CheckContext(load({"model_name": NAME, **settings})))
    assert finding.mark is Mark.FAILS
    return finding.advice


def test_a_store_that_is_not_there_is_a_matter_of_its_setting(tmp_path: Path) -> None:
    assert advice(model_store=str(tmp_path / "nothing")).startswith("check SENTIMENT_MODEL_STORE")


@pytest.mark.parametrize("name", ["nobody", "No Model"])
def test_a_model_that_is_not_there_is_a_matter_of_name_and_store(name: str) -> None:
    assert advice(model_name=name).startswith("check SENTIMENT_MODEL_NAME and SENTIMENT_MODEL_STORE")


def test_a_label_that_is_not_there_can_be_set() -> None:
    reported = advice(model_label="nowhere")
    assert reported.startswith("check SENTIMENT_MODEL_LABEL")
    assert _LABEL.replace("stable", "nowhere") in reported


def test_a_broken_version_leads_to_another(tmp_path: Path) -> None:
    BREAKS["truncated"](tmp_path / NAME / str(add_version(tmp_path)))
    assert advice(model_store=str(tmp_path)).endswith(_LABEL)
