"""What `rolling-check` says about the label that it moved, whatever became of the check."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from models.registry.registry import Registry
from tests.models.remote import write_packaged
from tests.versions import BREAKS
from tests.worker.commands.rolling_check.checks import good, without
from worker.__main__ import main
from worker.commands.rolling_check import command
from worker.commands.rolling_check.observations import Observations
from worker.commands.rolling_check.update import Update
from worker.errors import KafkaAway


def fail(update: Update) -> Observations:
    """A review is lost after the update."""
    update.apply()
    return without(good(), "r300")


def lose_kafka(update: Update) -> Observations:
    """Kafka goes away after the update."""
    update.apply()
    raise KafkaAway("no Kafka server answers")


def interrupt(update: Update) -> Observations:
    """Somebody presses Ctrl-C after the update."""
    update.apply()
    raise KeyboardInterrupt


def interrupt_before(update: Update) -> Observations:
    """Somebody presses Ctrl-C before it."""
    raise KeyboardInterrupt


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for _ in range(2):
        Registry(tmp_path).publish("imdb", write_packaged)
    return tmp_path


@pytest.fixture
def check(store: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command on the store; what would happen on Kafka is given as a function of the update."""

    def run(phases: Callable[[Update], Observations], *flags: str) -> int:
        class Phases:
            def __init__(self, settings: object, name: str, update: Update, rate: float) -> None:
                self.update = update

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *error: object) -> None:
                """Nothing to do."""

            def run(self, *arguments: object) -> Observations:
                return phases(self.update)

            def unfinished(self) -> str:
                return "Interrupted."

        monkeypatch.setattr(command, "Session", Phases)
        return main(["rolling-check", "--to=2", f"--model-store={store}", "--model-name=imdb", *flags])

    return run


def stands_at_2(store: Path) -> str:
    command = f"python -m models label imdb stable 1 --store {store}"
    return f"Label stable of imdb stands at version 2 now: `{command}` takes it back."


AGAIN = "Label stable of imdb stands at version 1 again."


def test_a_failed_check_says_where_the_label_stands(
    check: Callable[..., int], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(fail) == 1
    assert capsys.readouterr().out.splitlines()[-3:-1] == ["Reviews lost: 1.", stands_at_2(store)]
    assert Registry(store).labels("imdb") == {"stable": 2}


def test_programs_are_told_too(check: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert check(fail, "--back", "--json") == 1
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (report["problems"], report["notes"]) == (["Reviews lost: 1."], [AGAIN])


def test_a_check_that_ends_early_says_where_the_label_stands(
    check: Callable[..., int], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(lose_kafka) == 1
    assert capsys.readouterr().err == f"{stands_at_2(store)}\nerror: no Kafka server answers\n"


@pytest.mark.parametrize(("flags", "back"), [(["--back"], True), ([], False)])
def test_an_interrupted_check_says_whether_the_label_is_back(
    check: Callable[..., int], store: Path, capsys: pytest.CaptureFixture[str], flags: list[str], back: bool
) -> None:
    assert check(interrupt, *flags) == 130
    assert capsys.readouterr().err == f"Interrupted.\n{AGAIN if back else stands_at_2(store)}\n"
    assert Registry(store).labels("imdb") == {"stable": 1 if back else 2}


def test_a_label_that_was_not_moved_is_not_spoken_of(
    check: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(interrupt_before, "--back") == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_version_that_no_worker_would_take_is_refused_before_the_label_is_moved(
    check: Callable[..., int], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    BREAKS["truncated"](store / "imdb" / "2")
    assert check(fail) == 1
    reported = capsys.readouterr().err
    assert reported.startswith("error: no worker would take version 2 of imdb, so label stable stays at version 1: ")
    assert reported.count("\n") == 1
    assert Registry(store).labels("imdb") == {"stable": 1}
