import os
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from models.artifact import NETWORK_FILE
from models.registry.registry import LABELS_FILE
from tests.kafka.waiting import eventually
from tests.versions import BREAKS, NAME, add_version, truncate
from tests.worker.serving.watched import Watched
from worker.errors import StopWorker


def test_the_labelled_version_serves_from_the_start(watched: Watched) -> None:
    assert watched.watch.active_versions().stable.version == 1
    assert watched.in_use() == {"stable": "1"}


def test_a_label_that_moves_is_followed_there_and_back(watched: Watched) -> None:
    for version in (2, 1):
        watched.point(stable=version)
        assert watched.watch.active_versions().stable.version == version
        assert watched.in_use() == {"stable": str(version)}


def test_a_version_is_loaded_once_however_often_one_looks(watched: Watched) -> None:
    for _ in range(3):
        watched.point(stable=2)
    assert watched.loads == [1, 2]


def test_the_old_version_is_released(watched: Watched) -> None:
    old = weakref.ref(watched.watch.active_versions().stable)
    watched.point(stable=2)
    assert old() is None


def test_of_two_changes_in_a_row_the_last_one_counts(watched: Watched) -> None:
    add_version(watched.store)
    # The label moves on while version 2 is being loaded.
    watched.while_loading = lambda: (watched.store / NAME / LABELS_FILE).write_text('{"stable": 3}')
    watched.point(stable=2)
    assert watched.loads == [1, 2, 3]
    assert watched.in_use() == {"stable": "3"}


def test_a_version_is_loaded_in_small_pieces_beside_the_stream(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("worker.serving.versions.time.sleep", pauses.append)
    watched.watch.watch(1_000)
    watched.point(stable=2)
    assert len(pauses) > 50


@pytest.mark.parametrize("how", BREAKS)
def test_a_version_that_cannot_be_used_leaves_the_last_good_one(watched: Watched, how: str) -> None:
    BREAKS[how](watched.store / NAME / "2")
    with capture_logs() as logs:
        for _ in range(3):
            watched.now += 100
            watched.point(stable=2)
    assert watched.watch.active_versions().stable.version == 1
    assert watched.value("model_loads_total", outcome="failed") == 3
    assert watched.value("model_refused", model=NAME, version="2", label="stable") == 1
    assert [line["version"] for line in logs if line["event"] == "a version cannot be used"] == [2]


def test_a_refused_version_is_taken_once_it_is_whole(watched: Watched, tmp_path: Path) -> None:
    network = watched.file(2, NETWORK_FILE)
    whole = network.rename(tmp_path / "elsewhere")
    watched.point(stable=2)
    whole.rename(network)
    watched.watch.look()
    assert watched.watch.active_versions().stable.version == 1, "it was just tried"
    watched.now += 100
    watched.watch.look()
    assert watched.watch.active_versions().stable.version == 2
    assert watched.value("model_refused", model=NAME, version="2", label="stable") is None


def test_a_refusal_is_forgotten_with_the_label(watched: Watched) -> None:
    truncate(watched.file(2, NETWORK_FILE))
    watched.point(stable=2)
    watched.point(stable=1)
    assert watched.value("model_refused", model=NAME, version="2", label="stable") is None


@pytest.mark.parametrize(
    "vanish",
    [
        lambda home: shutil.rmtree(home.parent),
        lambda home: (home / LABELS_FILE).unlink(),
        lambda home: (home / LABELS_FILE).write_text("{"),
        lambda home: (home / LABELS_FILE).write_text('{"stable": "two"}'),
    ],
)
def test_a_store_that_cannot_be_read_changes_nothing(watched: Watched, vanish: Callable[[Path], object]) -> None:
    vanish(watched.store / NAME)
    with capture_logs() as logs:
        for _ in range(3):
            watched.watch.look()
    assert watched.watch.active_versions().stable.version == 1
    assert watched.value("model_store_up") == 0
    assert len([line for line in logs if line["log_level"] == "error"]) == 1


def test_a_store_that_comes_back_is_followed_again(watched: Watched) -> None:
    labels = watched.store / NAME / LABELS_FILE
    labels.rename(labels.with_name("away"))
    watched.watch.look()
    labels.with_name("away").rename(labels)
    watched.point(stable=2)
    assert watched.watch.active_versions().stable.version == 2
    assert watched.value("model_store_up") == 1


def broken_stable(store: Path) -> Watched:
    for _ in range(3):
        add_version(store)
    (store / NAME / LABELS_FILE).write_text('{"stable": 2}')
    truncate(store / NAME / "2" / NETWORK_FILE)
    return Watched(store)


def test_a_worker_does_not_start_with_a_broken_stable_version(tmp_path: Path) -> None:
    with pytest.raises(StopWorker, match=r"model\.onnx is not the file that was published"):
        broken_stable(tmp_path).watch.open()


def test_a_worker_falls_back_to_the_newest_good_version_where_it_may(tmp_path: Path) -> None:
    watched = broken_stable(tmp_path)
    watched.watch.open(fall_back=True)
    assert watched.watch.active_versions().stable.version == 3
    assert watched.value("model_refused", model=NAME, version="2", label="stable") == 1


def test_the_newest_version_to_fall_back_to_has_a_manifest(tmp_path: Path) -> None:
    watched = broken_stable(tmp_path)
    (tmp_path / NAME / "7").mkdir()
    watched.watch.open(fall_back=True)
    assert watched.loads == [2, 3]


def test_a_store_that_has_gone_is_told_from_a_label_that_nothing_has(tmp_path: Path) -> None:
    add_version(tmp_path / "store")
    watched = Watched(tmp_path / "store")
    labels = tmp_path / "store" / NAME / LABELS_FILE
    labels.write_text('{"champion": 1}')
    with pytest.raises(StopWorker, match=rf"^no version of the model {NAME} is labelled stable$"):
        watched.watch.open()
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(StopWorker, match=rf"^Cannot read the model store {tmp_path}/store: No such file"):
        watched.watch.open()


def test_without_any_good_version_nothing_starts(tmp_path: Path) -> None:
    watched = broken_stable(tmp_path)
    for version in (1, 3):
        os.truncate(watched.file(version, NETWORK_FILE), 10)
    with pytest.raises(StopWorker, match=r"/2/model\.onnx"):
        watched.watch.open(fall_back=True)


def test_a_label_that_names_nothing_stops_the_start(tmp_path: Path) -> None:
    add_version(tmp_path)
    with pytest.raises(StopWorker, match="labelled next"):
        Watched(tmp_path, label="next").watch.open()


def test_it_looks_by_itself(watched: Watched) -> None:
    watched.watch.watch(0.01)
    (watched.store / NAME / LABELS_FILE).write_text('{"stable": 2}')
    eventually(lambda: watched.watch.active_versions().stable.version == 2, 10, "the label was not followed")
