import keras
import numpy as np

from models.engines.word_pairs import sum_pairs
from models.text import Tokens
from tests.trainer.miniatures import IDS
from trainer.calibrate import calibrate
from trainer.networks.networks import LstmNetwork, build
from trainer.pretraining.linear_part import fit_linear_part

BUCKETS = 1_009
NETWORK = LstmNetwork(4, 3, pair_buckets=BUCKETS)


def texts(*rows: tuple[int, ...]) -> Tokens:
    ids = np.array([number for row in rows for number in row], np.int32)
    return Tokens(ids, np.array([len(row) for row in rows], np.int32), np.ones(len(rows), np.float32))


def decided_by_a_pair(count: int) -> tuple[Tokens, np.ndarray]:
    """Texts of the same words, of which `2 3` is good and `3 2` is bad."""
    rows = [(5, 2, 3, 6) if index % 2 else (5, 3, 2, 6) for index in range(count)]
    return texts(*rows), (np.arange(count) % 2).astype(np.float32)[:, None]


def test_a_pair_decides_where_single_words_cannot() -> None:
    tokens, labels = decided_by_a_pair(40)
    sums = sum_pairs(tokens, fit_linear_part(tokens, labels, BUCKETS, seed=1))
    assert ((sums > 0) == (labels > 0.5)).all()


def test_texts_without_labels_count_for_rarity_only() -> None:
    tokens, labels = decided_by_a_pair(40)
    assert fit_linear_part(tokens, labels[:20], BUCKETS, seed=1).shape == (BUCKETS, 1)


def test_each_class_of_three_has_weights_of_its_own() -> None:
    tokens = texts(*[(2, 3), (4, 5), (6, 7)] * 20)
    labels = np.tile(np.eye(3, dtype=np.float32), (20, 1))
    sums = sum_pairs(tokens, fit_linear_part(tokens, labels, BUCKETS, seed=1))
    assert (sums.argmax(axis=1) == labels.argmax(axis=1)).all()


def test_calibration_joins_both_parts_to_what_fits_the_held_out_texts_best() -> None:
    keras.utils.set_random_seed(1)
    network = build(NETWORK, IDS, 2)
    tokens, labels = decided_by_a_pair(60)
    calibrate(network, tokens, labels, fit_linear_part(tokens, labels, BUCKETS, seed=1))
    positive = np.asarray(network(tokens.ids.reshape(60, 4)))
    assert positive[labels > 0.5].min() > 0.9
    assert positive[labels < 0.5].max() < 0.1


def test_what_the_network_learnt_of_pairs_itself_is_kept_beside_it() -> None:
    keras.utils.set_random_seed(1)
    network = build(NETWORK, IDS, 2)
    tokens, labels = decided_by_a_pair(60)
    own = fit_linear_part(tokens, labels, BUCKETS, seed=1)
    network.get_layer("word_pairs").set_weights([own])
    calibrate(network, tokens, labels, np.zeros_like(own))
    kept = network.get_layer("word_pairs").get_weights()[0]
    assert np.corrcoef(kept[:, 0], own[:, 0])[0, 1] > 0.999
