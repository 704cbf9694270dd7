"""`python -m models label`, `history` and `list`."""

import json
import os
import socket
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from models.registry.registry import Registry
from tests.models.keys import public
from tests.versions import BREAKS, add_version


@pytest.mark.parametrize("arguments", [("imdb", "canary", "2"), ("imdb@2", "canary"), ("imdb", "canary", "next")])
def test_label_points_a_label_at_a_version(run: Any, store: Path, arguments: tuple[str, ...]) -> None:
    add_version(store)
    assert run("label", "imdb", "next", "2")[0] == 0
    assert run("label", *arguments)[0] == 0
    canary = json.loads(run("list", "--json")[1])["imdb"]["labels"]["canary"]
    assert (canary["version"], canary["share"]) == (2, 0.05)


@pytest.mark.parametrize("how", [each for each in BREAKS if each not in ("vanished", "no manifest yet")])
def test_a_version_that_no_worker_would_use_is_labelled_by_force_only(run: Any, store: Path, how: str) -> None:
    add_version(store)
    BREAKS[how](store / "imdb" / "2")
    status, out, err = run("label", "imdb", "stable", "2")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Version 2 of imdb does not pass its check, so stable is not set (--force sets it all the ")
    assert Registry(store).labels("imdb") == {"stable": 1}
    assert run("label", "imdb", "stable", "2", "--force")[0] == 0
    assert Registry(store).labels("imdb") == {"stable": 2}


def test_a_version_that_is_not_signed_is_labelled_unless_a_key_is_named(run: Any, store: Path, key: Path) -> None:
    add_version(store)
    status, _, err = run("label", "imdb", "stable", "2", "--public-key", str(public(key)))
    assert (status, "not signed" in err) == (1, True)
    assert run("label", "imdb", "stable", "2")[0] == 0


@pytest.mark.parametrize("label", ["canary", "shadow"])
def test_the_stable_version_cannot_be_tried_beside_itself(run: Any, store: Path, label: str) -> None:
    status, out, err = run("label", "imdb", label, "1", "--force")
    assert (status, out) == (1, "")
    assert err == f"Version 1 of imdb is stable: as {label} too it would do nothing.\n"
    assert Registry(store).labels("imdb") == {"stable": 1}


def test_a_label_takes_a_share_and_is_taken_away(run: Any, store: Path) -> None:
    add_version(store)
    assert "0.2 of the records" in run("label", "imdb", "canary", "2", "--share", "0.2")[1]
    assert json.loads(run("label", "imdb", "canary", "--remove", "--json")[1])["labels"] == {"stable": 1}


def test_a_roll_back_says_which_trial_it_ends(run: Any, store: Path) -> None:
    add_version(store)
    run("label", "imdb", "canary", "2")
    reported = run("label", "imdb", "stable", "2")[1]
    assert reported == "imdb@stable is now version 2; canary (version 2 for 0.05 of the records) is taken away.\n"


def test_history_tells_who_changed_what_and_why(run: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    add_version(store)
    run("label", "imdb", "canary", "2", "--share", "0.2")
    entry = {"verdict": "promote", "numbers": {"agreement": 0.98}}
    Registry(store).change_labels("imdb", Registry(store).labels("imdb"), {"stable": 1}, entry)
    by_person, by_rule = map(json.loads, run("history", "imdb", "--json")[1].splitlines())
    assert (by_person["by"], by_rule["by"], by_rule["verdict"]) == ("person", "rule", "promote")
    shown = run("history", "imdb")[1]
    assert by_person["who"] == f"anna@{socket.gethostname()}"
    assert all(each in shown for each in (by_person["who"], "rule", "promote; numbers (agreement: 0.98)", "canary: "))


DECISION = {"by": "rule", "applied": True, "decision": "promote", "stable": 1, "canary": 2}
FIGURES = {"figures": {"compared": 2_000, "differences": 0.02}, "limits": {"records": 1_000, "differences": 0.2}}


def test_a_verdict_is_one_sentence_and_all_its_figures_where_they_are_asked_for(run: Any, store: Path) -> None:
    reasons = ["30.0% of its sentiments differ (limit 20.0%)", "it takes 3.10 times as long (limit 2)"]
    recommended = {"applied": False, "decision": "roll_back", "reasons": reasons}
    for changes in ({"reasons": ["all limits are kept after 2,000 compared records and 601 s"]}, recommended):
        Registry(store).change_labels("imdb", {"stable": 1}, {"stable": 1}, DECISION | FIGURES | changes)
    shown = run("history", "imdb")[1]
    assert " promote version 2 over 1: all limits are kept after 2,000 compared records and 601 s " in shown
    assert f" recommended: roll version 2 back to 1: {reasons[0]}; {reasons[1]} " in shown
    assert "compared: " not in shown
    assert "  compared: 2000 " in run("history", "imdb", "--verbose")[1]


def test_nothing_is_cut_in_a_pipe(run: Any, store: Path) -> None:
    verdict = {"by": "rule", "applied": True, "decision": "promote", "reasons": ["all is well " * 30]}
    Registry(store).change_labels("imdb", {"stable": 1}, {"stable": 1}, verdict)
    shown = run("history", "imdb")[1]
    assert "all is well " * 30 in shown
    assert all(entry["at"] in shown for entry in Registry(store).history("imdb"))


def test_a_terminal_never_cuts_the_time_of_a_change(run: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = {"by": "rule", "applied": True, "decision": "promote", "reasons": ["all is well " * 30]}
    Registry(store).change_labels("imdb", {"stable": 1}, {"stable": 1}, verdict)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("models.commands.formatting.Console", partial(Console, force_terminal=True, color_system=None))
    shown = run("history", "imdb")[1]
    assert all(entry["at"] in shown for entry in Registry(store).history("imdb"))
    assert max(map(len, shown.splitlines())) <= 60


def test_list_tells_labels_in_words(run: Any, store: Path) -> None:
    add_version(store)
    run("label", "imdb", "canary", "2", "--share", "0.2")
    since = Registry(store).labels("imdb")["canary"]["since"]
    assert f" stable 1, canary 2 for 0.2 of the records since {since} " in run("list")[1]


def test_a_user_without_a_name_is_told_by_number(run: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert run("label", "imdb", "champion", "1")[0] == 0
    assert Registry(store).history("imdb")[-1]["who"] == f"{os.getuid()}@{socket.gethostname()}"
