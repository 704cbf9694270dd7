"""New versions come into service while the stream runs: nothing is lost, duplicated, reordered or of no version."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.local.kafka import LocalKafka
from models.artifact import NETWORK_FILE
from models.registry.labels import LABELS_FILE
from models.registry.registry import Registry
from tests.kafka.stream import Stream
from tests.kafka.topics import committed
from tests.kafka.waiting import eventually
from tests.kafka.workers import Worker
from tests.versions import BREAKS, NAME, OPPOSITE, add_version
from worker.commands.rolling_check.checker import Verdict

SWAPS = 50


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two versions, the first one stable."""
    for _ in range(2):
        add_version(tmp_path)
    return tmp_path


@pytest.fixture
def bound_by_permissions() -> list[str]:
    """What a command line begins with so that permissions of files stop the program, which is root's here."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("without setpriv root may read everything")
    without = "-dac_override,-dac_read_search"
    return ["setpriv", f"--inh-caps={without}", f"--bounding-set={without}", "--"]


@pytest.fixture
def updated(kafka: LocalKafka, client: str, store: Path) -> Iterator[Stream]:
    """A stream whose workers look at that store ten times a second."""
    settings = {"model_store": str(store), "model_name": NAME, "model_poll_seconds": "0.1"}
    with Stream(kafka, client, **settings) as stream:
        yield stream


def wait_for_version(worker: Worker, version: int) -> None:
    eventually(
        lambda: worker.metric("model_info", label="stable", version=str(version)) == 1,
        30,
        lambda: f"{worker.name} never took version {version}:\n{worker.log}",
    )


def test_a_new_version_comes_into_service_and_goes_again_under_load(updated: Stream, store: Path) -> None:
    workers = updated.ready_workers(2)
    with updated.load():
        for version in (2, 1):
            updated.wait_for_results(300)
            Registry(store).set_label(NAME, "stable", version)
            for worker in workers:
                wait_for_version(worker, version)
        updated.wait_for_results(300)
    assert updated.verdict(versions=(1, 2)) == Verdict()
    order = {result.version for result, _ in updated.sentiments()}
    assert order == {1, 2}


@pytest.mark.parametrize("client", ["librdkafka"])
def test_two_changes_in_a_row_end_with_the_last(updated: Stream, store: Path) -> None:
    last = add_version(store)
    workers = updated.ready_workers(2)
    with updated.load():
        updated.wait_for_results(100)
        for version in (2, last):
            Registry(store).set_label(NAME, "stable", version)
        for worker in workers:
            wait_for_version(worker, last)
        updated.wait_for_results(100)
    assert updated.verdict(versions=(1, 2, last)) == Verdict()


@pytest.mark.parametrize("client", ["librdkafka"])
def test_no_broken_version_stops_or_changes_anything(updated: Stream, store: Path) -> None:
    broken = {how: add_version(store) for how in BREAKS}
    for how, version in broken.items():
        BREAKS[how](store / NAME / str(version))
    [worker] = updated.ready_workers(1)
    with updated.load(100):
        for how, version in broken.items():
            (store / NAME / "labels.json").write_text(json.dumps({"stable": version}))
            reported = partial(worker.metric, "model_refused", version=str(version))
            eventually(lambda reported=reported: reported() == 1, 30, f"nothing was said of a version that is {how}")  # type: ignore[misc]
        updated.wait_for_results(100)
    assert worker.metric("model_loads_total", outcome="failed") >= len(BREAKS)
    assert updated.verdict(versions=(1,)) == Verdict()


@pytest.mark.parametrize("client", ["kafka-python"])
def test_what_the_worker_may_not_read_stops_nothing_and_is_told_once(
    updated: Stream, store: Path, bound_by_permissions: list[str]
) -> None:
    home, last = store / NAME, add_version(store)
    worker = updated.worker(prefix=bound_by_permissions)
    worker.wait_until_ready()
    with updated.load(100):
        for closed, version in ((home / "2" / NETWORK_FILE, 2), (home / str(last), last)):
            closed.chmod(0)
            Registry(store).set_label(NAME, "stable", version)
            # Twice, for the second time is not told again.
            tried = worker.metric("model_loads_total", outcome="failed") + 2
            eventually(
                lambda tried=tried: worker.metric("model_loads_total", outcome="failed") >= tried,  # type: ignore[misc]
                30,
                f"version {version} was not refused twice",
            )
            assert worker.metric("model_refused", version=str(version), label="stable") == 1
            updated.wait_for_results(100)
        (home / LABELS_FILE).chmod(0)
        eventually(lambda: worker.metric("model_store_up") == 0, 30, "nothing was said of labels that cannot be read")
        updated.wait_for_results(100)
        for closed in (home / LABELS_FILE, home / str(last)):
            closed.chmod(0o755)
        wait_for_version(worker, last)
    refused = worker.events("a version cannot be used")
    assert [each["version"] for each in refused] == [2, last]
    [unread] = worker.events("the store's labels cannot be read; what they said last holds")
    assert all("Permission denied" in each["why"] for each in [*refused, unread])
    assert updated.verdict(versions=(1, last)) == Verdict()


@pytest.mark.parametrize("client", ["kafka-python"])
def test_a_store_that_vanishes_and_comes_back_stops_nothing(updated: Stream, store: Path) -> None:
    [worker] = updated.ready_workers(1)
    with updated.load(100):
        elsewhere = (store / NAME).rename(store / "elsewhere")
        eventually(lambda: worker.metric("model_store_up") == 0, 30, "nothing was said of a store that is gone")
        updated.wait_for_results(100)
        elsewhere.rename(store / NAME)
        Registry(store).set_label(NAME, "stable", 2)
        wait_for_version(worker, 2)
    assert updated.verdict(versions=(1, 2)) == Verdict()


@pytest.mark.parametrize("client", ["librdkafka"])
def test_a_canary_scores_its_keys_alone(updated: Stream, store: Path) -> None:
    opposite = add_version(store, OPPOSITE)
    Registry(store).change_labels(NAME, {"stable": 1}, {"stable": 1, "canary": {"version": opposite, "share": 0.3}}, {})
    updated.ready_workers(2)
    updated.send_reviews(2_000)
    assert updated.verdict(versions=(1, opposite)) == Verdict()
    versions_of_key: dict[bytes | None, set[int | None]] = {}
    for result, _ in updated.sentiments():
        versions_of_key.setdefault(result.key, set()).add(result.version)
    assert {frozenset(versions) for versions in versions_of_key.values()} == {frozenset({1}), frozenset({opposite})}


def canary_of(kafka: LocalKafka, client: str, store: Path, version: int) -> Stream:
    """A stream with that version as its canary, which has to prove itself for two seconds."""
    registry = Registry(store)
    registry.set_label(NAME, "canary", version, 0.5)
    quick = {"canary_min_records": "150", "canary_min_seconds": "2", "trial_budget_ratio": "1"}
    where = {"model_store": str(store), "model_name": NAME, "model_poll_seconds": "0.5"}
    return Stream(kafka, client, **where, **quick)


def wait_for_decision(store: Path, decision: str) -> dict[str, Any]:
    history = lambda: [each for each in Registry(store).history(NAME) if each.get("decision")]  # noqa: E731
    eventually(lambda: bool(history()), 60, "nothing was decided")
    [verdict] = history()
    assert verdict["decision"] == decision, verdict
    return verdict


def test_a_worse_canary_is_rolled_back_by_itself(kafka: LocalKafka, client: str, store: Path) -> None:
    opposite = add_version(store, OPPOSITE)
    with canary_of(kafka, client, store, opposite) as stream:
        stream.ready_workers(2)
        with stream.load(200):
            verdict = wait_for_decision(store, "roll_back")
            stream.wait_for_results(200)
        assert Registry(store).labels(NAME) == {"stable": 1}
        assert "sentiments differ" in " ".join(verdict["reasons"])
        assert stream.verdict(versions=(1, opposite)) == Verdict()


@pytest.mark.parametrize("client", ["kafka-python"])
def test_a_good_canary_is_promoted_by_itself_on_all_workers(kafka: LocalKafka, client: str, store: Path) -> None:
    with canary_of(kafka, client, store, 2) as stream:
        workers = stream.ready_workers(2)
        with stream.load(200):
            verdict = wait_for_decision(store, "promote")
            for worker in workers:
                wait_for_version(worker, 2)
        assert Registry(store).labels(NAME) == {"stable": 2}
        assert verdict["figures"]["compared"] >= 150
        assert stream.verdict(versions=(1, 2)) == Verdict()


@pytest.mark.parametrize("client", ["kafka-python"])
def test_a_shadow_writes_to_its_topic_and_changes_no_result(
    kafka: LocalKafka, client: str, store: Path, make_topic: Callable[..., str]
) -> None:
    opposite, topic = add_version(store, OPPOSITE), make_topic("shadow")
    Registry(store).set_label(NAME, "shadow", opposite, 0.5)
    settings = {"model_store": str(store), "model_name": NAME, "shadow_topic": topic, "trial_budget_ratio": "1"}
    with Stream(kafka, client, **settings) as stream:
        stream.ready_workers(1)
        with stream.load(200):
            eventually(lambda: len(committed(kafka, topic)) > 100, 60, "the shadow said nothing")
        assert stream.verdict(versions=(1,)) == Verdict()
        said = json.loads(committed(kafka, topic)[0].value)
        assert (said["served"]["version"], said["other"]["version"]) == (1, opposite)


def settled_memory(worker: Worker) -> int:
    """The least of a second: right after a swap the old version is still there."""
    process, sizes = psutil.Process(worker.process_id), []
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        sizes.append(process.memory_info().rss)
        time.sleep(0.05)
    return min(sizes)


@pytest.mark.slow
@pytest.mark.parametrize("client", ["kafka-python"])
def test_swaps_leave_no_memory_behind(updated: Stream, store: Path) -> None:
    [worker] = updated.ready_workers(1)
    used = {}
    with updated.load(100):
        for swap in range(1, SWAPS + 1):
            Registry(store).set_label(NAME, "stable", 1 + swap % 2)
            wait_for_version(worker, 1 + swap % 2)
            if swap in (2, SWAPS):
                used[swap] = settled_memory(worker)
    assert used[SWAPS] < 1.1 * used[2], f"{used[2] / 1e6:.0f} MB grew to {used[SWAPS] / 1e6:.0f} MB"
