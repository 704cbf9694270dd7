import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from models.errors import LabelsChanged, ModelNotFound, StoreError
from models.registry.labels import share_of, version_of
from models.registry.registry import Registry

VERDICT = {"by": "rule", "verdict": "promote", "numbers": {"agreement": 0.98}}


def write_something(directory: Path, version: int) -> None:
    (directory / "manifest.json").write_text(f"version {version}")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Three versions of a model; the first is stable."""
    registry = Registry(tmp_path)
    for _ in range(3):
        registry.publish("imdb", write_something)
    return registry


def entry_file(registry: Registry, number: int) -> Path:
    return Path(registry.store) / "imdb" / "history" / f"{number:06}.json"


def effects(registry: Registry) -> list[Any]:
    return [(each["labels"], each["took_effect"]) for each in registry.history("imdb")]


def test_every_change_has_an_entry_that_says_who_made_it(registry: Registry) -> None:
    registry.set_label("imdb", "canary", 2, 0.25)
    registry.change_labels("imdb", registry.labels("imdb"), {"stable": 2}, VERDICT)
    first, second, third = registry.history("imdb")
    assert (first["by"], second["by"], third["by"]) == ("publish", "person", "rule")
    assert third.items() >= VERDICT.items()
    assert version_of(third["before"]["canary"]) == 2
    assert third["labels"] == {"stable": 2}
    assert [each["number"] for each in (first, second, third)] == [1, 2, 3]


def test_a_change_from_labels_that_are_no_more_changes_nothing(registry: Registry) -> None:
    seen = registry.labels("imdb")
    registry.set_label("imdb", "stable", 2)
    with pytest.raises(LabelsChanged):
        registry.change_labels("imdb", seen, {"stable": 3}, VERDICT)
    assert registry.labels("imdb") == {"stable": 2}
    assert [each["by"] for each in registry.history("imdb")] == ["publish", "person"]


def test_of_many_that_change_the_same_labels_at_once_one_wins(registry: Registry) -> None:
    def change(version: int) -> bool:
        try:
            registry.change_labels("imdb", {"stable": 1}, {"stable": version}, VERDICT)
        except LabelsChanged:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change, [2, 3] * 10)) == 1
    assert [each["took_effect"] for each in registry.history("imdb")] == [True, True]


def test_changes_at_once_are_kept_in_the_order_in_which_they_took_effect(registry: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: registry.set_label("imdb", f"label-{number}", 1), range(20)))
    entries = registry.history("imdb")
    assert all(each["took_effect"] for each in entries)
    assert all(after["before"] == before["labels"] for before, after in pairwise(entries))
    assert entries[-1]["labels"] == registry.labels("imdb")


def test_a_recommendation_is_kept_and_changes_nothing(registry: Registry) -> None:
    registry.change_labels("imdb", {"stable": 1}, {"stable": 1}, VERDICT)
    assert registry.labels("imdb") == {"stable": 1}
    assert registry.history("imdb")[-1]["verdict"] == "promote"


def test_a_process_that_ended_before_the_labels_were_written_had_no_effect(registry: Registry) -> None:
    intent = {"at": "2026-01-31T12:00:00Z", "by": "rule", "before": {"stable": 1}, "labels": {"stable": 2}}
    entry_file(registry, 2).write_text(json.dumps(intent))
    assert effects(registry) == [({"stable": 1}, True), ({"stable": 2}, False)]
    registry.set_label("imdb", "stable", 3)
    assert effects(registry)[1:] == [({"stable": 2}, False), ({"stable": 3}, True)]


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_process_that_ended_after_the_labels_were_written_had_its_effect(registry: Registry, goes_on: bool) -> None:
    registry.set_label("imdb", "stable", 2)
    entry = json.loads(entry_file(registry, 2).read_text())
    del entry["took_effect"]
    entry_file(registry, 2).write_text(json.dumps(entry))
    if goes_on:
        registry.set_label("imdb", "stable", 3)
    assert effects(registry)[1] == ({"stable": 2}, True)


def test_labels_changed_by_hand_do_not_undo_what_took_effect(registry: Registry) -> None:
    registry.set_label("imdb", "stable", 2)
    (Path(registry.store) / "imdb" / "labels.json").write_text('{"stable": 3}')
    assert effects(registry) == [({"stable": 1}, True), ({"stable": 2}, True)]


@pytest.mark.parametrize("labels", [{"stable": 9}, {"stable": 1, "canary": {"version": 9, "share": 0.5}}])
def test_labels_never_point_at_nothing(registry: Registry, labels: dict[str, Any]) -> None:
    with pytest.raises(ModelNotFound):
        registry.change_labels("imdb", {"stable": 1}, labels, VERDICT)
    assert len(registry.history("imdb")) == 1


@pytest.mark.parametrize("entry", [{"ratio": float("nan")}, {"path": Path("x")}])
def test_an_entry_that_is_no_json_is_refused_before_anything_changes(registry: Registry, entry: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="JSON"):
        registry.change_labels("imdb", {"stable": 1}, {"stable": 2}, entry)
    assert registry.labels("imdb") == {"stable": 1}


@pytest.mark.parametrize("share", [0, -0.1, 1.5, float("nan")])
def test_a_share_is_above_nothing_and_up_to_all(registry: Registry, share: float) -> None:
    with pytest.raises(StoreError, match="share"):
        registry.set_label("imdb", "canary", 2, share)


def test_canary_and_shadow_have_a_share_and_others_have_none(registry: Registry) -> None:
    for label in ("canary", "shadow"):
        registry.set_label("imdb", label, 2)
    assert share_of(registry.labels("imdb")["canary"]) == 0.05
    assert share_of(registry.labels("imdb")["shadow"]) == 0.1
    with pytest.raises(StoreError, match="takes no share"):
        registry.set_label("imdb", "stable", 2, 0.5)


def test_a_label_can_be_taken_away_but_never_the_stable_one(registry: Registry) -> None:
    registry.set_label("imdb", "canary", 2)
    registry.set_label("imdb", "canary", None)
    assert registry.labels("imdb") == {"stable": 1}
    with pytest.raises(StoreError, match="cannot be taken away"):
        registry.set_label("imdb", "stable", None)
    with pytest.raises(ModelNotFound):
        registry.set_label("imdb", "canary", None)


def test_a_damaged_entry_is_named(registry: Registry) -> None:
    entry_file(registry, 1).write_text("{")
    with pytest.raises(StoreError, match=r"000001\.json"):
        registry.history("imdb")


@pytest.mark.parametrize("stray", ["000012 (copy).json", "000012.json.orig", "7", "9.txt", "\u00b2.json"])
def test_a_stray_file_in_the_history_is_nobodys_entry(registry: Registry, stray: str) -> None:
    entry_file(registry, 1).with_name(stray).write_text("{")
    registry.set_label("imdb", "stable", 2)
    assert [each["number"] for each in registry.history("imdb")] == [1, 2]


@pytest.mark.parametrize("label", ["canary", "shadow"])
@pytest.mark.parametrize(("tried", "stable"), [(1, 2), (2, 2)])
def test_a_trial_ends_when_stable_moves_from_or_to_its_version(
    registry: Registry, label: str, tried: int, stable: int
) -> None:
    registry.set_label("imdb", label, tried, 0.2)
    assert [*registry.set_label("imdb", "stable", stable)] == [label]
    assert registry.labels("imdb") == {"stable": stable}
    assert registry.history("imdb")[-1]["labels"] == {"stable": stable}


def test_a_trial_of_a_third_version_goes_on_when_stable_moves(registry: Registry) -> None:
    registry.set_label("imdb", "champion", 2)
    registry.set_label("imdb", "canary", 3)
    assert registry.set_label("imdb", "stable", 2) == {}
    assert {*registry.labels("imdb")} == {"stable", "champion", "canary"}
