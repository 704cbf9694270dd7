"""From a fitted network to a version's directory: export, check against the network, golden set, evaluate."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as framework_version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.artifact import (
    KERAS_FILE,
    NETWORK_FILE,
    STOP_WORDS_FILE,
    VOCABULARY_FILE,
    GoldenText,
    Manifest,
    record_files,
    write_golden,
    write_manifest,
    write_words,
)
from models.engines.padding import pad
from models.engines.weights import WEIGHTS_FILE, write_weights
from models.scorer import Scorer
from models.text import Encoder, Tokens
from trainer.data.texts import LabelledTexts
from trainer.errors import NotGoodEnough
from trainer.evaluate import Evaluation, evaluate
from trainer.networks.export import export_onnx, named_weights, set_named_weights
from trainer.networks.networks import build
from trainer.profile import measure_profile, with_profile
from trainer.recipes import Recipe

LARGE_WEIGHTS = ("embedding", "pairs")
NOT_PUBLISHED = 0  # the version of a directory that no store has numbered yet
PARITY_TOLERANCE = 1e-4
HALF_PRECISION_TOLERANCE = 1e-2  # how much the rounding of an embedding may change a probability
PARITY_TEXTS = 1_000
GOLDEN_REVIEWS = 20
FRAMEWORKS = ("keras", "numpy", "onnx", "onnxruntime", "tensorflow")
EDGE_TEXTS = (
    "",
    " \n\t ",
    "...!!! 123 456",
    "This is soo sad",
    "the and of not",
    "Qwertyuiop zxcvbnm",
    "GREAT great GrEaT!",
    "It wasn't bad.<br /><br />It wasn\u2019t good.",
    "na\u00efve clich\u00e9d caf\u00e9 cafe\u0301",
    "\uff27\uff52\uff45\uff41\uff54 \U0001f600\U0001f600 movie",
    "\u041e\u0447\u0435\u043d\u044c \u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c",
    "nul\x00byte \ud800 wonderful",
    "wonderful " * 2_000,
    "boring " * 400 + "excellent",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted network (a keras.Model) with all that its manifest tells; `training` is how it was fitted."""

    recipe: Recipe
    model: str
    network: Any
    encoder: Encoder
    stop_words: Sequence[str]
    classes: tuple[str, ...]
    training: dict[str, Any]
    data_sha256: str
    parent_version: int | None = None


def write_artifact(directory: Path, candidate: Candidate, data: dict[str, LabelledTexts]) -> dict[str, Evaluation]:
    """Writes a complete version's directory that waits for its number, and returns the evaluations in its manifest.

    `data` maps names to labelled texts that the network has not learnt from: `held_out` gives the golden set its
    reviews and the manifest its profile. Raises NotGoodEnough when the exported network and the Keras one differ.
    """
    directory.mkdir(parents=True, exist_ok=True)
    portable = _write_network(directory, candidate)
    write_words(directory / VOCABULARY_FILE, candidate.encoder.vocabulary.words)
    write_words(directory / STOP_WORDS_FILE, candidate.stop_words)
    manifest = _manifest(candidate, portable.count_params())
    write_manifest(directory, manifest)
    scorer = Scorer.load(directory, verify=False)
    texts = [*EDGE_TEXTS, *data["held_out"].texts[:PARITY_TEXTS]]
    check_parity(portable, scorer, texts, PARITY_TOLERANCE)
    rounded = candidate.recipe.half_precision
    check_parity(candidate.network, scorer, texts, HALF_PRECISION_TOLERANCE if rounded else PARITY_TOLERANCE)
    write_golden(directory, make_golden(scorer, texts[: len(EDGE_TEXTS) + GOLDEN_REVIEWS]))
    # With the files on record the scorer takes its fastest engine, the one that workers will use.
    write_manifest(directory, replace(manifest, files=record_files(directory)))
    scorer = Scorer.load(directory)
    evaluations = {name: evaluate(scorer, each) for name, each in data.items()}
    metrics = {name: each.to_json() for name, each in evaluations.items()}
    training = with_profile(manifest.training, measure_profile(scorer, data["held_out"]))
    write_manifest(directory, replace(manifest, training=training, metrics=metrics, files=record_files(directory)))
    return evaluations


def _write_network(directory: Path, candidate: Candidate) -> Any:
    """Writes the network in all its forms and returns the one that needs nothing but Keras."""
    weights = named_weights(candidate.network)
    stored = dict(weights)
    if candidate.recipe.half_precision:
        stored |= {name: weights[name].astype(np.float16) for name in LARGE_WEIGHTS if name in weights}
    portable = build(
        candidate.recipe.network, candidate.encoder.vocabulary.ids, len(candidate.classes), keras.layers.LSTM
    )
    set_named_weights(portable, {name: array.astype(np.float32) for name, array in stored.items()})
    export_onnx(candidate.recipe.network, stored, directory / NETWORK_FILE)
    write_weights(directory / WEIGHTS_FILE, stored)
    portable.save(directory / KERAS_FILE)
    portable.export(directory, format="tf_saved_model", verbose=False)
    return portable


def _manifest(candidate: Candidate, parameters: int) -> Manifest:
    """A manifest that lacks the metrics and the files."""
    recipe = candidate.recipe
    return Manifest(
        name=candidate.model,
        version=NOT_PUBLISHED,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        classes=candidate.classes,
        text=recipe.text,
        network={**recipe.network.to_json(), "parameters": parameters},
        training={"recipe": recipe.name, **recipe.training.to_json(), **candidate.training},
        data_sha256=candidate.data_sha256,
        metrics={},
        parent_version=candidate.parent_version,
        frameworks={"python": platform.python_version(), **{name: framework_version(name) for name in FRAMEWORKS}},
    )


def check_parity(network: Any, scorer: Scorer, texts: Sequence[str], tolerance: float = PARITY_TOLERANCE) -> float:
    """The largest difference between a Keras network's and the scorer's probabilities, at most `tolerance`."""
    tokens = scorer.tokenize(texts)
    difference = float(np.abs(scorer.infer(tokens).probabilities - keras_probabilities(network, tokens)).max())
    if not difference <= tolerance:
        raise NotGoodEnough(f"The exported network differs from the trained one by {difference:.2g}.")
    return difference


def keras_probabilities(network: Any, tokens: Tokens) -> NDArray[np.float32]:
    """What the Keras network itself gives: float32 (texts, classes), padded to the longest text."""
    output = network.predict(pad(tokens, np.arange(len(tokens))), batch_size=128, verbose=0)
    return np.concatenate([1 - output, output], axis=1).astype(np.float32) if output.shape[1] == 1 else output


def make_golden(scorer: Scorer, texts: Sequence[str]) -> list[GoldenText]:
    scores = scorer.score(texts)
    return [
        GoldenText(text, tuple(probabilities.tolist()), float(coverage))
        for text, probabilities, coverage in zip(texts, scores.probabilities, scores.coverage, strict=True)
    ]
