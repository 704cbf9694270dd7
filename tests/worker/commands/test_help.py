"""The help of the commands beside `run`: what is their own, and one sentence about the settings."""

import argparse

import pytest

from worker.__main__ import main
from worker.commands.rescore import command
from worker.settings.settings import Settings, given_flags


@pytest.mark.parametrize("command", ["rescore", "rolling-check", "tail", "cache-fill"])
def test_the_help_of_a_command_is_about_its_own_flags(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    shown = capsys.readouterr().out
    flags, settings, examples = (shown.index(part) for part in ("--json  ", "settings (each also", "examples:"))
    assert flags < settings < examples
    assert "`python -m worker run --help`" in shown[settings:examples]
    assert not [name for name in Settings.model_fields if f"--{name.replace('_', '-')} " in shown]


def test_settings_that_the_help_does_not_list_are_flags_all_the_same() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = parser.parse_args(["--model=imdb@1", "--to=again", "--redis-timeout-seconds=3", "--input-topic=mine"])
    assert given_flags(given) == {"redis_timeout_seconds": "3", "input_topic": "mine"}
