import numpy as np
import pytest

from models.padding import pad
from models.text import Tokens
from trainer.batches import LengthBucketedBatches


def tokens(lengths: list[int]) -> Tokens:
    ids = np.concatenate([np.full(length, place + 2) for place, length in enumerate(lengths)]).astype(np.int32)
    return Tokens(ids, np.array(lengths, np.int32), np.ones(len(lengths), np.float32))


def test_texts_are_padded_on_the_right_to_the_longest_of_them() -> None:
    assert pad(tokens([1, 3, 2]), np.array([2, 0])).tolist() == [[4, 4], [2, 0]]


@pytest.mark.parametrize("seed", [None, 1])
def test_an_epoch_has_every_text_once_with_its_label(seed: int | None) -> None:
    lengths = [1 + place % 7 for place in range(101)]
    batches = LengthBucketedBatches(tokens(lengths), np.arange(101, dtype=np.int32), 4, seed)
    seen = [
        (int(row[0]) - 2, int(label[0]))
        for ids, given in batches.epoch()
        for row, label in zip(ids, given, strict=True)
    ]
    assert sorted(seen) == [(place, place) for place in range(101)]


def test_texts_of_one_batch_are_of_similar_length() -> None:
    lengths = np.random.default_rng(1).integers(1, 300, 800).tolist()
    batches = LengthBucketedBatches(tokens(lengths), np.zeros(800, np.int32), 16, seed=1)
    padded = sum(ids.size for ids, _ in batches.epoch())
    assert padded < 1.1 * sum(lengths)


def test_epochs_differ_and_the_same_seed_repeats_them() -> None:
    first, second = (LengthBucketedBatches(tokens([1] * 50), np.arange(50, dtype=np.int32), 50, 3) for _ in range(2))
    (_, one), (_, two) = *first.epoch(), *first.epoch()
    assert one.tolist() == next(labels for _, labels in second.epoch()).tolist()
    assert one.tolist() != two.tolist()


@pytest.mark.parametrize("count", [1, 15, 16, 17, 800, 801, 817])
@pytest.mark.parametrize("seed", [None, 1])
def test_the_number_of_batches_is_known_before_they_are_made(count: int, seed: int | None) -> None:
    batches = LengthBucketedBatches(tokens([1] * count), np.zeros(count, np.int32), 16, seed)
    assert len(batches) == len(list(batches.epoch()))
