"""The tables of the pages are whole: no setting, metric, command or permission is left out."""

import pytest

from tests.pages import DOCS, read, rows, section
from worker.__main__ import COMMANDS
from worker.commands.common.permissions import KAFKA, REDIS
from worker.docs import settings as settings_page
from worker.docs.commands import parsers
from worker.observability.metrics import Metrics
from worker.settings.settings import PREFIX, Settings, default_text, description

SETTINGS, METRICS, COMMANDS_PAGE = (read(DOCS / f"{name}.md") for name in ("settings", "metrics", "commands"))


def test_the_table_of_settings_is_the_settings() -> None:
    expected = []
    for name, field in Settings.model_fields.items():
        default = default_text(field)
        shown = default if default == "none" else f"`{default}`"
        expected.append([f"`{PREFIX}{name.upper()}`", shown, description(field)])
    assert sorted(rows(SETTINGS, "All settings")) == sorted(expected)


def test_the_first_settings_are_eight_rows_of_the_others() -> None:
    first = rows(SETTINGS, "Set these first")
    assert len(first) == len(settings_page.FIRST) == 8
    assert all(row in rows(SETTINGS, "All settings") for row in first)


@pytest.mark.parametrize("group", [*settings_page.GROUPS, settings_page.REST])
def test_no_group_of_settings_is_empty(group: str) -> None:
    assert rows(SETTINGS, group)


def test_the_table_of_metrics_is_the_catalogue() -> None:
    expected = []
    for family in Metrics().registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        expected.append([f"`{name}`", family.type, family.documentation])
    assert [[cells[0], cells[1], cells[3]] for cells in rows(METRICS, "All metrics")] == expected


def test_labels_stand_beside_their_metric() -> None:
    labels = {cells[0]: cells[2] for cells in rows(METRICS, "All metrics")}
    assert labels["`sentiment_model_info`"] == "model, version, label, engine"
    assert labels["`sentiment_sentiments_produced_total`"] == "sentiment, model, version"
    assert labels["`sentiment_kafka_up`"] == ""


def test_every_command_has_a_section() -> None:
    shown = {words for words, _, _ in parsers()}
    assert {f"kafka-sentiment {name}" for name in COMMANDS if name != "dead-letters"} <= shown
    groups = {
        "dead-letters list",
        "dead-letters replay",
        "models score",
        "models history",
        "train fit",
        "train compare",
    }
    assert {f"kafka-sentiment {words}" for words in groups} <= shown
    assert all(f"\n### {words}\n" in COMMANDS_PAGE for words in shown)


def test_every_argument_of_a_command_is_explained() -> None:
    for words, _, parser in parsers():
        explained = section(COMMANDS_PAGE, words)
        for action in parser._actions:
            flag = next(iter(action.option_strings), "")
            assert not flag or flag == "-h" or flag in explained or action.dest in Settings.model_fields, (words, flag)


def test_commands_with_permissions_exist() -> None:
    commands = {command.split(" --")[0] for grant in KAFKA for command in grant.commands} | {*REDIS}
    assert {f"kafka-sentiment {command}" for command in commands} <= {words for words, _, _ in parsers()}


def test_names_of_permissions_are_settings_or_a_flags() -> None:
    names = {name for grant in KAFKA for name in grant.names}
    assert names - Settings.model_fields.keys() == {"TARGET"}
