import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from models.engines.padding import pad
from models.engines.weights import LAST, MAXIMUM, MEAN, LstmShape
from tests.trainer.miniatures import IDS, NETWORKS, random_tokens, random_weights
from trainer.networks.export import set_named_weights
from trainer.networks.fused_lstm import FusedLstm
from trainer.networks.networks import LstmNetwork, MaskedMaxPooling1D, build, directions

TOKENS = random_tokens(12)
PADDED = pad(TOKENS, np.arange(12))


def network_of(name: str, classes: int = 2, lstm_layer: Any = FusedLstm) -> keras.Model:
    model = build(NETWORKS[name], IDS, classes, lstm_layer)
    set_named_weights(model, random_weights(NETWORKS[name], classes))
    return model


def test_padding_takes_no_part_in_the_maximum() -> None:
    steps = np.array([[[-3.0], [-2.0], [5.0]]], np.float32)
    mask = np.array([[True, True, False]])
    assert np.asarray(MaskedMaxPooling1D()(steps, mask=mask)).tolist() == [[-2.0]]
    assert np.asarray(MaskedMaxPooling1D()(steps)).tolist() == [[5.0]]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("lstm_layer", [FusedLstm, keras.layers.LSTM])
def test_padding_does_not_change_a_score(name: str, lstm_layer: Any) -> None:
    network = network_of(name, 2, lstm_layer)
    alone = [np.asarray(network(row[None, :length])) for row, length in zip(PADDED, TOKENS.lengths, strict=True)]
    more_padding = np.pad(PADDED, ((0, 0), (0, 7)))
    assert np.asarray(network(more_padding)) == pytest.approx(np.concatenate(alone), abs=1e-6)


@pytest.mark.parametrize(("classes", "outputs"), [(2, 1), (3, 3), (5, 5)])
def test_two_classes_share_one_output_and_more_have_one_each(classes: int, outputs: int) -> None:
    probabilities = np.asarray(network_of("imdb-c", classes)(PADDED))
    assert probabilities.shape == (12, outputs)
    assert (probabilities >= 0).all()
    assert (probabilities.sum(axis=1) <= 1 + 1e-6).all()
    assert outputs == 1 or probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("name", NETWORKS)
def test_both_kinds_of_lstm_layer_have_the_same_weights_in_the_same_order(name: str) -> None:
    fused, plain = (network_of(name, 2, layer) for layer in (FusedLstm, keras.layers.LSTM))
    assert [weight.shape for weight in fused.weights] == [weight.shape for weight in plain.weights]
    assert np.asarray(fused(PADDED)) == pytest.approx(np.asarray(plain(PADDED)), abs=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_its_directions_and_the_fused_layer_where_it_can(name: str) -> None:
    layers = directions(network_of(name))
    assert len(layers) == (2 if NETWORKS[name].bidirectional else 1)
    assert [layer.go_backwards for layer in layers] == [False, True][: len(layers)]
    assert {isinstance(layer, FusedLstm) for layer in layers} == {not NETWORKS[name].recurrent_dropout_ratio}


@pytest.mark.parametrize(
    "dropout",
    ["word_dropout_ratio", "input_dropout_ratio", "recurrent_dropout_ratio", "dropout_ratio", "hidden_dropout_ratio"],
)
def test_every_kind_of_dropout_acts_in_training_only(dropout: str) -> None:
    network = LstmNetwork(7, 5, bidirectional=True, hidden_units=(6,), **{dropout: 0.5})
    model, whole = (build(each, IDS, classes=2) for each in (network, LstmNetwork(7, 5, True, hidden_units=(6,))))
    for each in (model, whole):
        set_named_weights(each, random_weights(network))
    assert np.asarray(model(PADDED)) == pytest.approx(np.asarray(whole(PADDED)), abs=1e-6)
    assert np.abs(np.asarray(model(PADDED, training=True)) - np.asarray(whole(PADDED, training=True))).max() > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_keras_own_layers_is_saved_without_pickle_and_scores_the_same(name: str, tmp_path: Path) -> None:
    network = network_of(name, 3, keras.layers.LSTM)
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.asarray(loaded(PADDED)).tolist() == np.asarray(network(PADDED)).tolist()


@pytest.mark.parametrize("pooling", [(), ("attention",), (LAST, MEAN), (MAXIMUM, MAXIMUM), "maximum"])
def test_a_pooling_that_cannot_be_is_refused(pooling: Any) -> None:
    with pytest.raises(ValueError, match="pooling"):
        LstmNetwork(7, 5, pooling=pooling)


def test_a_network_survives_its_json() -> None:
    for network in NETWORKS.values():
        values = json.loads(json.dumps(network.to_json()))
        assert LstmShape.of(values) is not None
        del values["kind"]
        assert LstmNetwork(**values | {name: tuple(values[name]) for name in ("pooling", "hidden_units")}) == network
