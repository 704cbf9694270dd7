from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.engines.weights import LAST, MAXIMUM, MEAN, WEIGHTS_FILE, LstmShape, read_weights, write_weights
from models.errors import BrokenArtifact
from models.registry.registry import Registry

LSTM = {"kind": "lstm", "bidirectional": False, "pooling": ["maximum"], "hidden_units": []}


def vectors(names: frozenset[str]) -> dict[str, np.ndarray[Any, Any]]:
    return {name: np.full(3, index, np.float32) for index, name in enumerate(sorted(names))}


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        ({"kind": "max_pool_lstm", "hidden_units": 16}, LstmShape(False, (MAXIMUM,), 1)),
        (LSTM, LstmShape(False, (MAXIMUM,), 0)),
        (LSTM | {"bidirectional": True, "hidden_units": [16, 8]}, LstmShape(True, (MAXIMUM,), 2)),
        (LSTM | {"pooling": ["mean", "maximum"], "parameters": 7}, LstmShape(False, (MEAN, MAXIMUM), 0)),
        (LSTM | {"pooling": ["last"]}, LstmShape(False, (LAST,), 0)),
    ],
)
def test_a_manifest_tells_the_shape(network: dict[str, Any], shape: LstmShape) -> None:
    assert LstmShape.of(network) == shape


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"kind": "transformer"},
        {"kind": "lstm"},
        LSTM | {"pooling": []},
        LSTM | {"pooling": "maximum"},
        LSTM | {"pooling": ["attention"]},
        LSTM | {"pooling": [["maximum"]]},
        LSTM | {"pooling": None},
        LSTM | {"hidden_units": 16},
    ],
)
def test_other_networks_have_none(network: dict[str, Any]) -> None:
    assert LstmShape.of(network) is None


def test_a_shape_names_its_weights() -> None:
    small, large = LstmShape(hidden_layers=0).weight_names(), LstmShape(True, (MAXIMUM, MEAN), 2).weight_names()
    assert small == {"embedding", "kernel", "recurrent", "bias", "output_kernel", "output_bias"}
    backward = {"backward_kernel", "backward_recurrent", "backward_bias"}
    hidden = {f"hidden_{layer}_{part}" for layer in (1, 2) for part in ("kernel", "bias")}
    assert large == small | backward | hidden


def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    shape = LstmShape(True, (LAST,), 2)
    written = vectors(shape.weight_names()) | {"embedding": np.ones((2, 3), np.float16)}
    write_weights(tmp_path / WEIGHTS_FILE, written)
    read = read_weights(tmp_path / WEIGHTS_FILE, shape)
    assert {name: (array.dtype, array.tolist()) for name, array in read.items()} == {
        name: (array.dtype, array.tolist()) for name, array in written.items()
    }


def test_the_first_kind_is_read_by_the_names_of_today() -> None:
    path = Registry().resolve("imdb@1").path / WEIGHTS_FILE
    weights = read_weights(path, LstmShape())
    assert set(weights) == LstmShape().weight_names()
    assert weights["hidden_1_kernel"].shape == (50, 16)
    assert weights["output_bias"].shape == (1,)


@pytest.mark.parametrize("lost", sorted(LstmShape(True).weight_names()))
def test_weights_without_one_of_them_are_refused(tmp_path: Path, lost: str) -> None:
    weights = vectors(LstmShape(True).weight_names())
    del weights[lost]
    write_weights(tmp_path / WEIGHTS_FILE, weights)
    with pytest.raises(BrokenArtifact, match=rf"weights\.npz lacks weights: {lost}\."):
        read_weights(tmp_path / WEIGHTS_FILE, LstmShape(True))


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    weights = vectors(LstmShape().weight_names())
    np.savez(tmp_path / WEIGHTS_FILE, allow_pickle=True, **(weights | {"bias": np.array([{}])}))
    with pytest.raises(BrokenArtifact, match="Cannot read"):
        read_weights(tmp_path / WEIGHTS_FILE, LstmShape())
