"""How findings look, and what they come to."""

import io
import json

import pytest
from rich.console import Console

from worker.commands.doctor.report import show, write_json
from worker.commands.doctor.results import Finding, fails, ok, passed, skipped, verdict, warning

FINDINGS = [
    ok("settings", "valid"),
    warning("topic reviews", "1 partition: a second worker would have nothing to do", "kafka-topics.sh " + "x" * 90),
    skipped("group", "Kafka was not reached"),
]
BROKEN = [*FINDINGS, fails("model", "The model 'x' has no\x1b[2J version.", "python -m models list")]


def shown(findings: list[Finding], strict: bool = False, terminal: bool = False) -> list[str]:
    out = io.StringIO()
    show(iter(findings), Console(file=out, width=40, force_terminal=terminal, color_system=None), strict)
    return out.getvalue().splitlines()


def test_a_line_tells_mark_subject_and_finding() -> None:
    lines = shown(FINDINGS)
    assert lines[0] == "ok       settings: valid"
    assert lines[1] == "warning  topic reviews: 1 partition: a second worker would have nothing to do"
    assert lines[-1] == "Ready: 1 ok, 1 warning, 1 skipped."


def test_what_fails_stands_before_the_verdict_once_more() -> None:
    fine, broken = FINDINGS[0], fails("model", "broken", "mend it")
    failure = ["fails    model: broken", "         -> mend it"]
    verdict = ["", "Not ready: 1 ok, 1 failed."]
    reported = "ok       settings: valid"
    assert shown([broken, fine]) == [*failure, reported, "", "What fails, once more:", *failure, *verdict]
    assert shown([fine, broken]) == [reported, *failure, *verdict]
    assert shown([fine]) == [reported, "", "Ready: 1 ok."]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_command_stays_in_one_piece(terminal: bool) -> None:
    assert "         -> kafka-topics.sh " + "x" * 90 in shown(FINDINGS, terminal=terminal)


def test_a_terminal_wraps_what_was_found_beside_the_mark() -> None:
    lines = [line.rstrip() for line in shown(FINDINGS, terminal=True)]
    assert lines[1:4] == [
        "warning  topic reviews: 1 partition: a",
        "         second worker would have",
        "         nothing to do",
    ]


def test_what_others_wrote_cannot_move_the_cursor() -> None:
    assert not any("\x1b" in line for line in shown(BROKEN))


@pytest.mark.parametrize(
    ("findings", "strict", "expected"),
    [(FINDINGS, False, True), (FINDINGS, True, False), (BROKEN, False, False), (FINDINGS[:1], True, True)],
)
def test_warnings_count_when_strict(findings: list[Finding], strict: bool, expected: bool) -> None:
    assert passed(findings, strict) is expected
    assert verdict(findings, strict).startswith("Ready" if expected else "Not ready")


def test_programs_get_one_object(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write_json(BROKEN, strict=False)
    answer = json.loads(capsysbinary.readouterr().out)
    assert (answer["passed"], answer["summary"]) == (False, "Not ready: 1 ok, 1 warning, 1 failed, 1 skipped.")
    assert answer["findings"][0] == {"mark": "ok", "subject": "settings", "found": "valid", "advice": ""}
