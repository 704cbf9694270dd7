"""The README's tables and examples are the code's."""

import json
import re
from pathlib import Path

import pytest

from worker.__main__ import COMMANDS
from worker.messages import ReviewMessage, SentimentMessage
from worker.observability.metrics import Metrics
from worker.settings.settings import PREFIX, Settings, default_text, description

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def _rows(heading: str) -> list[list[str]]:
    section = README.split(f"### {heading}\n")[1].split("\n#")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert rows
    return [[cell.strip() for cell in row] for row in rows]


def test_the_table_of_settings_is_the_settings() -> None:
    expected = []
    for name, field in Settings.model_fields.items():
        default = default_text(field)
        shown = default if default == "none" else f"`{default}`"
        expected.append([f"`{PREFIX}{name.upper()}`", shown, description(field)])
    assert _rows("Settings") == expected


def test_every_variable_to_export_is_a_setting() -> None:
    exported = re.findall(r"\b(SENTIMENT_\w+)=", README)
    assert exported
    assert {name.removeprefix(PREFIX).lower() for name in exported} <= Settings.model_fields.keys()


def test_the_table_of_metrics_is_the_catalogue() -> None:
    expected = []
    for family in Metrics().registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        expected.append([f"`{name}`", family.type, family.documentation])
    assert [[cells[0], cells[1], cells[3]] for cells in _rows("Metrics")] == expected


def test_every_command_is_explained() -> None:
    for command in COMMANDS:
        assert f"python -m worker {command}" in README


def test_the_example_messages_are_valid() -> None:
    review, sentiment = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    ReviewMessage.model_validate_json(review)
    SentimentMessage.model_validate_json(sentiment)


@pytest.mark.parametrize("target", ["demo", "test", "setup", "check", "bench", "image", "sbom", "audit", "licences"])
def test_every_make_target_named_exists(target: str) -> None:
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_links_lead_somewhere() -> None:
    root = Path(__file__).parents[1]
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (root / target).exists(), target


def test_the_sentiment_example_is_consistent() -> None:
    sentiment = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[1])
    assert sentiment["sentiment"] == max(sentiment["scores"], key=sentiment["scores"].get)
