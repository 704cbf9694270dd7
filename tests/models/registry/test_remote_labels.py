"""Labels and their history behind s3://, on a real S3 server."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.errors import LabelsChanged, StoreError
from tests.models.remote import VERDICT, Open, write_packaged
from tests.s3_server import Bucket


def test_labels_change_only_from_what_was_seen(bucket: Bucket, remote: Open) -> None:
    registry = remote(bucket)
    for _ in range(2):
        registry.publish("imdb", write_packaged)
    registry.change_labels("imdb", {"stable": 1}, {"stable": 2}, VERDICT)
    with pytest.raises(LabelsChanged):
        registry.change_labels("imdb", {"stable": 1}, {"stable": 1}, VERDICT)
    assert [each["labels"] for each in remote(bucket).history("imdb")] == [{"stable": 1}, {"stable": 2}]


def test_of_many_that_change_the_same_labels_at_once_one_wins(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)

    def change(number: int) -> bool:
        labels = {"stable": 1, f"label-{number}": 1}
        try:
            remote(bucket).change_labels("imdb", {"stable": 1}, labels, VERDICT)
        except LabelsChanged:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(change, range(6))) == 1
    assert [each["took_effect"] for each in remote(bucket).history("imdb")] == [True, True]


def test_people_who_set_different_labels_at_once_all_succeed(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: remote(bucket).set_label("imdb", f"label-{number}", 1), range(4)))
    assert set(remote(bucket).labels("imdb")) == {"stable", *(f"label-{number}" for number in range(4))}


def test_labels_are_never_changed_from_what_was_seen_last(own_bucket: Bucket, remote: Open) -> None:
    remote(own_bucket).publish("imdb", write_packaged)
    assert remote(own_bucket).labels("imdb") == {"stable": 1}
    own_bucket.server.stop()
    with pytest.raises(StoreError):
        remote(own_bucket).set_label("imdb", "canary", 1)


def test_malformed_labels_are_named_and_not_remembered(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)
    bucket.write("imdb/labels.json", b'{"canary": 1}')
    with pytest.raises(StoreError, match=r"s3://.*/imdb/labels\.json gives the label canary no share"):
        remote(bucket).labels("imdb")


def test_access_denied_is_said(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)
    bucket.deny("s3:PutObject")
    with pytest.raises(StoreError, match=r"Cannot write s3://.*: .*(Forbidden|Denied)"):
        remote(bucket).set_label("imdb", "champion", 1)


def test_a_store_that_ignores_conditions_is_not_written_to(own_bucket: Bucket, remote: Open) -> None:
    remote(own_bucket).publish("imdb", write_packaged)
    own_bucket.server.forgets_conditions = True
    with pytest.raises(StoreError, match="ignores the conditions"):
        remote(own_bucket).set_label("imdb", "champion", 1)
    assert remote(own_bucket).labels("imdb") == {"stable": 1}


def test_a_change_whose_answer_is_lost_is_not_tried_again_and_told_as_it_was(own_bucket: Bucket, remote: Open) -> None:
    registry = remote(own_bucket)
    for _ in range(2):
        registry.publish("imdb", write_packaged)
    own_bucket.server.loses_answers = "labels.json"
    with pytest.raises(StoreError, match=r"Cannot write s3://.*labels\.json"):
        registry.change_labels("imdb", {"stable": 1}, {"stable": 2}, VERDICT)
    assert registry.labels("imdb") == {"stable": 2}
    last = registry.history("imdb")[-1]
    assert (last["labels"], last["took_effect"], last["verdict"]) == ({"stable": 2}, True, "promote")
