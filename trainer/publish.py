"""From a trained network to a published version: export, check against the network, golden set, evaluate, rename."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as framework_version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.artifact import (
    KERAS_FILE,
    NETWORK_FILE,
    STOP_WORDS_FILE,
    VOCABULARY_FILE,
    WEIGHTS_FILE,
    GoldenText,
    Manifest,
    record_files,
    write_golden,
    write_manifest,
    write_weights,
    write_words,
)
from models.padding import pad
from models.registry import Registry, Resolved
from models.scorer import Scorer
from models.text import Encoder
from trainer.data import CLASSES, LabelledTexts
from trainer.errors import NotGoodEnough
from trainer.evaluate import evaluate
from trainer.export import export_onnx, named_weights
from trainer.recipes import Recipe

PARITY_TOLERANCE = 1e-4
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
    """A trained network (a keras.Model) with all that its manifest tells; `history` has one value an epoch by name."""

    recipe: Recipe
    network: Any
    encoder: Encoder
    stop_words: Sequence[str]
    history: dict[str, list[float]]
    data_sha256: str


def publish(candidate: Candidate, data: dict[str, LabelledTexts], registry: Registry) -> Resolved:
    """Publishes the network as the next version of its model and returns that.

    `data` maps names to labelled texts that the network has not learnt from: `held_out` gives the golden set its
    reviews, and the metrics on each go into the manifest. Raises NotGoodEnough when the exported network and the Keras
    one differ.
    """

    def write(directory: Path, version: int) -> None:
        manifest = _write_parts(candidate, directory, version, parent=version - 1 or None)
        scorer = Scorer.load(directory, verify=False)
        texts = [*EDGE_TEXTS, *data["held_out"].texts[:PARITY_TEXTS]]
        check_parity(candidate, scorer, texts)
        write_golden(directory, make_golden(scorer, texts[: len(EDGE_TEXTS) + GOLDEN_REVIEWS]))
        metrics = {name: evaluate(scorer, each).to_json() for name, each in data.items()}
        write_manifest(directory, replace(manifest, metrics=metrics, files=record_files(directory)))
        Scorer.load(directory)

    return registry.publish(candidate.recipe.model, write)


def _write_parts(candidate: Candidate, directory: Path, version: int, parent: int | None) -> Manifest:
    """Writes everything but the golden set, and a manifest that lacks the metrics and the files."""
    export_onnx(candidate.network, directory / NETWORK_FILE)
    write_weights(directory / WEIGHTS_FILE, named_weights(candidate.network))
    candidate.network.save(directory / KERAS_FILE)
    write_words(directory / VOCABULARY_FILE, candidate.encoder.vocabulary.words)
    write_words(directory / STOP_WORDS_FILE, candidate.stop_words)
    recipe = candidate.recipe
    manifest = Manifest(
        name=recipe.model,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        classes=CLASSES,
        text=recipe.text,
        network=recipe.network.to_json(),
        training={"recipe": recipe.name, **recipe.training.to_json(), "history": candidate.history},
        data_sha256=candidate.data_sha256,
        metrics={},
        parent_version=parent,
        frameworks={"python": platform.python_version(), **{name: framework_version(name) for name in FRAMEWORKS}},
    )
    write_manifest(directory, manifest)
    return manifest


def check_parity(candidate: Candidate, scorer: Scorer, texts: Sequence[str]) -> float:
    """The largest difference between the Keras network's and the scorer's probabilities, at most PARITY_TOLERANCE."""
    expected = keras_probabilities(candidate.network, candidate.encoder, texts)
    difference = float(np.abs(scorer.score(texts).probabilities - expected).max())
    if not difference <= PARITY_TOLERANCE:
        raise NotGoodEnough(f"The exported network differs from the trained one by {difference:.2g}.")
    return difference


def keras_probabilities(network: Any, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """What the Keras network itself gives: float32 (texts, 2), padded to the longest text."""
    tokens = encoder.encode(texts)
    positive = network.predict(pad(tokens, np.arange(len(tokens))), batch_size=128, verbose=0)
    return np.concatenate([1 - positive, positive], axis=1).astype(np.float32)


def make_golden(scorer: Scorer, texts: Sequence[str]) -> list[GoldenText]:
    scores = scorer.score(texts)
    return [
        GoldenText(text, tuple(probabilities.tolist()), float(coverage))
        for text, probabilities, coverage in zip(texts, scores.probabilities, scores.coverage, strict=True)
    ]
