import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.reviews import sample
from trainer.data import LabelledTexts, read_labelled
from trainer.errors import BadData

WITH_LABELS = 'id\tsentiment\treview\n"1_8"\t1\t"A \\"great\\" film"\n"2_3"\t0\t"Bad<br />film"\n'
WITH_RATINGS = 'id\treview\n"1_8"\t"good"\n"2_4"\t"bad"\n"3_5"\t"good"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "reviews.tsv"


def labelled(*texts: str) -> LabelledTexts:
    return LabelledTexts(texts, np.arange(len(texts), dtype=np.int32) % 2)


def test_labels_come_from_the_sentiment_column(file: Path) -> None:
    file.write_text(WITH_LABELS)
    data = read_labelled(file)
    assert data.texts == ('A "great" film', "Bad<br />film")
    assert data.labels.tolist() == [1, 0]


def test_without_a_sentiment_column_labels_come_from_the_ratings_in_the_ids(file: Path) -> None:
    file.write_text(WITH_RATINGS)
    assert read_labelled(file).labels.tolist() == [1, 0, 1]


def test_a_gzipped_file_reads_like_a_plain_one(file: Path) -> None:
    file.write_bytes(gzip.compress(WITH_LABELS.encode()))
    assert read_labelled(file).texts == ('A "great" film', "Bad<br />film")


def test_the_sample_is_balanced_and_has_no_duplicates() -> None:
    assert len(sample()) == len(sample().without_duplicates()) == 2_000
    assert np.bincount(sample().labels).tolist() == [1_000, 1_000]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "header"),
        (b"a,b\n1,2\n", "header"),
        (b"id\treview\n", "no reviews"),
        (b"review\ngood\n", "header"),
        (b"id\treview\n1_8\n", "line 2: 1 columns"),
        (b"id\treview\nabc\tgood\n", "line 2: no label"),
        (b"id\tsentiment\treview\n1_8\t2\tgood\n", "line 2: no label"),
        (b"id\treview\n1_8\t\xff\n", "not UTF-8"),
        (gzip.compress(WITH_LABELS.encode())[:-12], "cut off or damaged"),
        (b"\x1f\x8bnot gzip", "cut off or damaged"),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(file: Path, content: bytes, sentence: str) -> None:
    file.write_bytes(content)
    with pytest.raises(BadData, match=sentence) as raised:
        read_labelled(file)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="No such file"):
        read_labelled(tmp_path / "nothing.tsv")


def test_the_first_of_equal_texts_is_kept() -> None:
    unique = labelled("a", "b", "a", "c", "b").without_duplicates()
    assert unique.texts == ("a", "b", "c")
    assert unique.labels.tolist() == [0, 1, 1]


def test_the_split_has_the_share_asked_for_and_nothing_on_both_sides() -> None:
    kept, held_out = sample().split(0.2)
    assert len(kept) + len(held_out) == 2_000
    assert 350 < len(held_out) < 450
    assert not set(kept.texts) & set(held_out.texts)


def test_a_text_lands_on_the_same_side_whatever_is_around_it() -> None:
    _, held_out = sample().split(0.2)
    half = sample().take(np.arange(2_000) % 2 == 0)
    assert set(half.split(0.2)[1].texts) == set(held_out.texts) & set(half.texts)


def test_the_hash_changes_with_texts_labels_and_their_order() -> None:
    hashes = {labelled(*texts).sha256() for texts in (("a", "b"), ("b", "a"), ("a",), ("a", "c"))}
    assert len(hashes) == 4
    assert labelled("a", "b").sha256() in hashes
