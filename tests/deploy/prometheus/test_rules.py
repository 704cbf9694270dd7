"""The rules load, do what their unit tests say, and lead the reader to a runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.prometheus.files import DEPLOY, RULES, UNIT_TESTS, promtool, rules, selectors, unit_tests
from worker.__main__ import COMMANDS

ALERTS = {rule["alert"]: rule for rule in rules("alert")}
RUNBOOKS = (DEPLOY / "README.md").read_text(encoding="utf-8")


def _cases(alert: str) -> list[dict[str, Any]]:
    return [case for test in unit_tests() for case in test.get("alert_rule_test", []) if case["alertname"] == alert]


def _section(alert: str) -> str:
    """The text under the alert's heading; an anchor of GitHub's is the heading in lower case."""
    [text] = re.findall(rf"^### {alert}\n(.*?)(?=^##|\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL)
    return str(text)


def test_promtool_takes_the_rules() -> None:
    assert f"{len(ALERTS) + len(rules('record'))} rules found" in promtool("check", "rules", RULES)


def test_the_rules_do_what_their_unit_tests_say() -> None:
    assert promtool("test", "rules", *UNIT_TESTS).count("SUCCESS") == len(UNIT_TESTS) > 0


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_shown_firing_and_not_firing(alert: str) -> None:
    assert any(case["exp_alerts"] for case in _cases(alert))
    assert any(not case["exp_alerts"] for case in _cases(alert))


@pytest.mark.parametrize("name", [rule["record"] for rule in rules("record")])
def test_a_recorded_series_has_a_unit_test(name: str) -> None:
    cases = [case for test in unit_tests() for case in test.get("promql_expr_test", [])]
    assert any(case["exp_samples"] for case in cases if name in [read for read, _ in selectors(case["expr"])])


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_which_group_it_is_about(alert: str) -> None:
    fired = [each for case in _cases(alert) for each in case["exp_alerts"]]
    assert all("job" in each["exp_labels"] for each in fired)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_severity_a_summary_and_a_runbook(alert: str) -> None:
    rule = ALERTS[alert]
    assert alert.startswith("Sentiment")
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    # With the address of the repository before it, where somebody has put one there.
    assert rule["annotations"]["runbook_url"].endswith(f"deploy/README.md#{alert.lower()}")


def test_one_command_puts_an_address_before_all_runbooks_and_in_the_unit_tests_too(tmp_path: Path) -> None:
    [(command, address)] = re.findall(r"^    (sed -i .+?\|runbook_url: (https:.+?)deploy/\|' \S+)$", RUNBOOKS, re.M)
    copies = tmp_path / RULES.parent.relative_to(DEPLOY.parent)
    copies.mkdir(parents=True)
    plain = {
        file.name: re.sub(r"runbook_url: \S*?deploy/", "runbook_url: deploy/", file.read_text(encoding="utf-8"))
        for file in [RULES, *UNIT_TESTS]
    }
    for name, text in plain.items():
        (copies / name).write_text(text, encoding="utf-8")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    for name, text in plain.items():
        wanted = text.replace("runbook_url: ", f"runbook_url: {address}")
        assert (copies / name).read_text(encoding="utf-8") == wanted, name


@pytest.mark.parametrize("alert", ALERTS)
def test_a_runbook_says_what_it_means_what_to_look_at_and_what_to_do(alert: str) -> None:
    parts = re.findall(r"^\*\*(.+?)\*\*", _section(alert), re.MULTILINE)
    assert parts == ["Means.", "Look at.", "Do."]


def test_runbooks_are_for_alerts_that_exist() -> None:
    assert set(re.findall(r"^### (Sentiment\w+)$", RUNBOOKS, re.MULTILINE)) == set(ALERTS)


def test_every_recorded_series_is_read_by_an_alert_or_named_in_a_runbook() -> None:
    read = {name for rule in [*rules("alert"), *rules("record")] for name, _ in selectors(rule["expr"])}
    for rule in rules("record"):
        assert rule["record"] in read or f"`{rule['record']}`" in RUNBOOKS


def test_the_commands_in_runbooks_exist() -> None:
    named = set(re.findall(r"python -m worker ([a-z-]+)", RUNBOOKS))
    assert named
    assert named <= set(COMMANDS)
