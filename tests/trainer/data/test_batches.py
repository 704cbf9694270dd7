from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from models.engines.padding import pad
from models.text import Tokens
from trainer.data.batches import LengthBucketedBatches


def tokens(lengths: list[int]) -> Tokens:
    ids = np.concatenate([np.full(length, index + 2) for index, length in enumerate(lengths)]).astype(np.int32)
    return Tokens(ids, np.array(lengths, np.int32), np.ones(len(lengths), np.float32))


def batches_of(lengths: list[int], batch_size: int, seed: int | None = None) -> LengthBucketedBatches:
    targets = np.arange(len(lengths), dtype=np.float32)[:, None]
    return LengthBucketedBatches(tokens(lengths), targets, batch_size, seed)


def epoch_of(batches: LengthBucketedBatches, number: int) -> list[tuple[Any, Any]]:
    return [(ids.tolist(), targets.tolist()) for ids, targets in batches.epoch(number)]


def test_texts_are_padded_on_the_right_to_the_longest_of_them() -> None:
    assert pad(tokens([1, 3, 2]), np.array([2, 0])).tolist() == [[4, 4], [2, 0]]


@pytest.mark.parametrize("seed", [None, 1])
def test_an_epoch_has_every_text_once_with_its_targets(seed: int | None) -> None:
    targets = np.stack([np.arange(101), -np.arange(101)], axis=1).astype(np.float32)
    batches = list(LengthBucketedBatches(tokens([1 + index % 7 for index in range(101)]), targets, 4, seed).epoch())
    texts = np.concatenate([ids[:, 0] - 2 for ids, _ in batches])
    given = np.concatenate([each for _, each in batches])
    assert sorted(texts.tolist()) == list(range(101))
    assert given.tolist() == targets[texts].tolist()


def test_texts_of_one_batch_are_of_similar_length() -> None:
    lengths = np.random.default_rng(1).integers(1, 300, 800).tolist()
    padded = sum(ids.size for ids, _ in batches_of(lengths, batch_size=16, seed=1).epoch())
    assert padded < 1.1 * sum(lengths)


def test_without_a_seed_texts_come_in_order_of_their_length_every_time() -> None:
    batches = batches_of([3, 1, 2, 3, 1, 2, 9], batch_size=2)
    assert [rows.tolist() for rows in batches.draw(0)] == [[1, 4], [2, 5], [0, 3], [6]]
    assert [rows.tolist() for rows in batches.draw(5)] == [[1, 4], [2, 5], [0, 3], [6]]


def test_the_same_seed_and_epoch_give_the_same_batches_whatever_was_drawn_before() -> None:
    lengths = [1 + index % 9 for index in range(500)]
    one, other = (batches_of(lengths, batch_size=16, seed=3) for _ in range(2))
    for epoch in range(7):
        list(one.epoch(epoch))
    assert epoch_of(one, 7) == epoch_of(other, 7)
    assert epoch_of(one, 0) == epoch_of(other, 0)


def test_epochs_and_seeds_differ_in_the_texts_of_a_batch_and_in_the_order_of_batches() -> None:
    lengths = [1 + index % 9 for index in range(2_000)]
    draws = [batches_of(lengths, batch_size=16, seed=seed).draw(epoch) for seed in (1, 2) for epoch in (0, 1)]
    assert len({tuple(draw[0].tolist()) for draw in draws}) == 4
    for first, second in pairwise(draws):
        assert {frozenset(rows.tolist()) for rows in first} != {frozenset(rows.tolist()) for rows in second}


def test_batches_do_not_come_sorted_by_length() -> None:
    longest = [ids.shape[1] for ids, _ in batches_of(list(range(1, 801)), batch_size=16, seed=1).epoch()]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


@pytest.mark.parametrize("count", [1, 15, 16, 17, 800, 801, 817])
@pytest.mark.parametrize("seed", [None, 1])
def test_the_number_of_batches_is_known_before_they_are_made(count: int, seed: int | None) -> None:
    batches = batches_of([1] * count, batch_size=16, seed=seed)
    assert len(batches) == len(list(batches.epoch()))


def test_tensorflow_gets_the_batches_of_the_epoch() -> None:
    batches = batches_of([1 + index % 9 for index in range(100)], batch_size=16, seed=1)
    given = [(ids.numpy().tolist(), targets.numpy().tolist()) for ids, targets in batches.dataset(4)]
    assert given == epoch_of(batches, 4)
