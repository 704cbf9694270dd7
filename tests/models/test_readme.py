"""What models/README.md tells people to type can be typed."""

import re
import shlex
from pathlib import Path

import pytest

from models.__main__ import _parser
from models.registry.labels import DEFAULT_SHARES

README = (Path(__file__).parents[2] / "models" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    python -m models (.+)$", README, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one(command: str) -> None:
    assert _parser().parse_args(shlex.split(command, comments=True)).run


def test_every_command_is_shown() -> None:
    commands = _parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    assert {command.split()[0] for command in COMMANDS} == set(commands)


def test_the_default_shares_are_told() -> None:
    for label, share in DEFAULT_SHARES.items():
        assert re.search(rf"^\| `{label}` .*\b{share}\b", README, re.MULTILINE)
