"""A store in Google Cloud Storage, on an emulator: what differs from S3 is how two people are kept apart."""

import json
import threading
from collections.abc import Iterator

import pytest

from models.errors import LabelsChanged, StoreError
from models.registry.registry import Registry
from models.scorer import Scorer
from tests.gcs_server import GcsServer
from tests.models.remote import VERDICT, Open, write_packaged

NAME = "imdb"

# gcsfs hands bodies of over a megabyte to its HTTP client as they are.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsServer]:
    """An empty bucket, on the server that stores behind gs:// are asked of."""
    with GcsServer() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "project")
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        # The emulator does not speak gRPC, by which gcsfs asks what kind of bucket it is.
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        yield server


def published(registry: Registry, count: int) -> Registry:
    for _ in range(count):
        registry.publish(NAME, write_packaged)
    return registry


def test_a_published_version_is_listed_resolved_and_scores(gcs: GcsServer, remote: Open) -> None:
    published(remote(gcs), 2)
    registry = remote(gcs)
    assert (registry.names(), registry.versions(NAME)) == ([NAME], [1, 2])
    assert Scorer.load(registry.resolve(f"{NAME}@2").path).version == 2


def test_labels_change_only_from_what_was_seen(gcs: GcsServer, remote: Open) -> None:
    registry = published(remote(gcs), 2)
    registry.change_labels(NAME, {"stable": 1}, {"stable": 2}, VERDICT)
    with pytest.raises(LabelsChanged):
        registry.change_labels(NAME, {"stable": 1}, {"stable": 1, "champion": 2}, VERDICT)
    assert registry.labels(NAME) == {"stable": 2}


def test_of_many_that_change_the_same_labels_at_once_one_wins(gcs: GcsServer, remote: Open) -> None:
    published(remote(gcs), 2)
    outcomes = []

    def change() -> None:
        try:
            remote(gcs).change_labels(NAME, {"stable": 1}, {"stable": 2}, VERDICT)
            outcomes.append("won")
        except LabelsChanged:
            outcomes.append("lost")

    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "won" in outcomes
    assert [entry["took_effect"] for entry in remote(gcs).history(NAME)].count(True) == 1 + 1


def test_a_change_between_reading_and_writing_is_not_overwritten(gcs: GcsServer, remote: Open) -> None:
    registry = published(remote(gcs), 1)
    path, before = f"{NAME}/labels.json", json.dumps({"stable": 1})
    registry.set_label(NAME, "champion", 1)
    assert registry._files.replace(path, before.encode(), b"{}") is False
    assert registry.labels(NAME) == {"stable": 1, "champion": 1}


def test_a_change_whose_answer_is_lost_is_told_as_it_was(gcs: GcsServer, remote: Open) -> None:
    registry = published(remote(gcs), 2)
    gcs.loses_answers = "labels.json"
    registry.change_labels(NAME, {"stable": 1}, {"stable": 2}, VERDICT)
    assert registry.labels(NAME) == {"stable": 2}


def test_a_store_that_ignores_conditions_is_not_written_to(gcs: GcsServer, remote: Open) -> None:
    published(remote(gcs), 1)
    gcs.forgets_conditions = True
    with pytest.raises(StoreError, match="ignores the conditions"):
        remote(gcs).set_label(NAME, "champion", 1)
