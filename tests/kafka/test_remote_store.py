"""Workers whose models are in a bucket: they follow its labels, outlive it, and take nothing that is not signed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka import LocalKafka
from models.registry.registry import Registry
from models.signatures import read_private_key, signature_of
from tests.kafka.stream import Stream
from tests.kafka.test_model_updates import wait_for_version
from tests.models.keys import make_key, public
from tests.versions import NAME, OPPOSITE, add_version
from worker.commands.rolling_check.checker import Verdict


@pytest.fixture
def stream(kafka: LocalKafka, own_bucket: Any, tmp_path: Path) -> Iterator[Stream]:
    """Workers of a bucket with two versions, the first one stable."""
    for _ in range(2):
        add_version(own_bucket.store)
    settings = {"model_store": own_bucket.store, "model_cache": str(tmp_path / "cache"), "model_name": NAME}
    with Stream(kafka, "librdkafka", model_poll_seconds="0.3", **settings) as stream:
        yield stream


def test_labels_in_a_bucket_are_followed_under_load(stream: Stream, own_bucket: Any) -> None:
    workers = stream.ready_workers(2)
    with stream.load(100):
        Registry(own_bucket.store).set_label(NAME, "stable", 2)
        for worker in workers:
            wait_for_version(worker, 2)
    assert stream.verdict(versions=(1, 2)) == Verdict()


def test_workers_outlive_the_bucket_and_start_without_it(stream: Stream, own_bucket: Any) -> None:
    [first] = stream.ready_workers(1)
    own_bucket.server.stop()
    with stream.load(100):
        first.wait_for_event("the store's labels cannot be read; what they said last holds")
        assert first.metric("model_store_up") == 0
        assert first.stop()[0] == 0
        [second] = stream.ready_workers(1)
        stream.wait_for_results(100)
    assert second.metric("model_info", label="stable", version="1") == 1
    assert stream.verdict(versions=(1,)) == Verdict()


@pytest.mark.parametrize("has_copy", [True, False], ids=["with a copy of it", "without one"])
def test_a_worker_that_starts_without_the_bucket_serves_a_canary_of_which_it_has_a_copy(
    stream: Stream, own_bucket: Any, tmp_path: Path, has_copy: bool
) -> None:
    opposite = add_version(own_bucket.store, OPPOSITE)
    Registry(own_bucket.store).set_label(NAME, "canary", opposite, 0.3)
    [first] = stream.ready_workers(1, canary_decision="off")
    assert first.stop()[0] == 0
    own_bucket.server.stop()
    if not has_copy:
        [copy] = (tmp_path / "cache").glob(f"*/{NAME}/{opposite}")
        shutil.rmtree(copy)
    [second] = stream.ready_workers(1, canary_decision="off")
    assert second.metric("model_refused", label="canary", version=str(opposite)) == (0 if has_copy else 1)
    stream.send_reviews(500)
    assert stream.verdict(versions=(1, opposite)) == Verdict()
    versions_of_key: dict[bytes | None, set[int | None]] = {}
    for result, _ in stream.sentiments():
        versions_of_key.setdefault(result.key, set()).add(result.version)
    expected = {frozenset({1}), frozenset({opposite})} if has_copy else {frozenset({1})}
    assert {frozenset(versions) for versions in versions_of_key.values()} == expected


def test_a_version_that_is_not_signed_is_refused(stream: Stream, own_bucket: Any, tmp_path: Path) -> None:
    key = make_key(tmp_path, "ours")
    registry = Registry(own_bucket.store)
    signed = registry.resolve(f"{NAME}@1")
    manifest = (signed.path / "manifest.json").read_bytes()
    registry.add_signature(signed, signature_of(manifest, read_private_key(key)))
    [worker] = stream.ready_workers(1, model_public_key_file=str(public(key)))
    registry.set_label(NAME, "stable", 2)
    worker.wait_for_event("a version cannot be used")
    assert "is not signed" in worker.events("a version cannot be used")[0]["why"]
    stream.send_reviews(50)
    assert stream.verdict(versions=(1,)) == Verdict()
