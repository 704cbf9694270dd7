"""What is known about a training run or a published version, for comparing it with others."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.artifact import MANIFEST_FILE, NEEDED_FILES, NETWORK_FILE, read_manifest
from models.engines.weights import WEIGHTS_FILE
from models.registry.registry import Registry
from models.scorer import Scorer
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.evaluate import evaluate
from trainer.runs import SETTINGS_FILE, Run

GIVEN_DATA = "given"
SERVED_FILES = (*sorted(NEEDED_FILES), MANIFEST_FILE, WEIGHTS_FILE)  # what a worker reads; the rest is for trainers
LEARNING_OPERATORS = ("Gather", "LSTM", "Gemm", "MatMul")  # others have constants only
FLOAT_TYPES = (1, 10, 11, 16)  # float, float16, double and bfloat16 of onnx.TensorProto


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One run or version; what is not known is None.

    `evaluated_on` names the evaluation that the metrics come from: `test`, `held_out`, or `given` for texts that all
    contenders were asked to score, and `data_sha256` is the hash of its texts and labels. `training_sha256` is that of
    what the model learnt from. `artifact_bytes` counts the files that a worker reads.
    """

    name: str
    finished: bool = True
    evaluated_on: str | None = None
    reviews: int | None = None
    data_sha256: str | None = None
    training_sha256: str | None = None
    f1: float | None = None
    f1_interval: list[float] | None = None
    accuracy: float | None = None
    parameters: int | None = None
    training_seconds: float | None = None
    reviews_per_cpu_second: float | None = None
    artifact_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_candidate(reference: str, registry: Registry, data: LabelledTexts | None = None) -> Candidate:
    """`reference` is a run's directory, a version's directory, or NAME, NAME@VERSION or NAME@LABEL in the store.

    With `data` it is evaluated on that anew. Raises BadData when it is none of these or has other classes than the
    data, ModelNotFound for an unknown version, BrokenArtifact for a damaged one.
    """
    path = Path(reference)
    if (path / SETTINGS_FILE).is_file():
        return _read_run(Run.open(path), data)
    if (path / MANIFEST_FILE).is_file():
        return _read_version(reference, path, data)
    if os.sep in reference:
        raise BadData(f"{reference} is the directory neither of a training run nor of a version.")
    resolved = registry.resolve(reference)
    return _read_version(f"{resolved.name}@{resolved.version}", resolved.path, data)


def _read_run(run: Run, data: LabelledTexts | None) -> Candidate:
    result, artifact = run.result, run.artifact if (run.artifact / MANIFEST_FILE).is_file() else None
    return Candidate(
        name=run.name,
        finished=run.finished,
        training_sha256=run.settings.get("data_sha256"),
        parameters=result.get("parameters"),
        training_seconds=result.get("training_seconds"),
        artifact_bytes=_served_bytes(artifact) if artifact else None,
        **_metrics(run.name, run.evaluations, artifact, data),
    )


def _read_version(name: str, directory: Path, data: LabelledTexts | None) -> Candidate:
    manifest = read_manifest(directory)
    return Candidate(
        name=name,
        training_sha256=manifest.data_sha256,
        parameters=manifest.network.get("parameters") or count_parameters(directory),
        training_seconds=manifest.training.get("seconds"),
        artifact_bytes=_served_bytes(directory),
        **_metrics(name, manifest.metrics, directory, data),
    )


def _metrics(
    name: str, known: Mapping[str, Mapping[str, Any]], artifact: Path | None, data: LabelledTexts | None
) -> dict[str, Any]:
    """The fields of a Contender that come from an evaluation; none of them when there is no evaluation."""
    evaluated_on = next((each for each in ("test", "held_out") if each in known), None)
    values = known[evaluated_on] if evaluated_on else {}
    if data:
        evaluated_on, values = (GIVEN_DATA, _evaluate(name, artifact, data)) if artifact else (None, {})
    taken = ("reviews", "data_sha256", "f1", "f1_interval", "accuracy", "reviews_per_cpu_second")
    return {"evaluated_on": evaluated_on, **{each: values.get(each) for each in taken}}


def _evaluate(name: str, artifact: Path, data: LabelledTexts) -> dict[str, Any]:
    try:
        return evaluate(Scorer.load(artifact), data).to_json()
    except BadData as error:
        raise BadData(f"{name} cannot be evaluated: {error}") from error


def count_parameters(directory: Path) -> int:
    """How many numbers a version's network learnt: the sizes of its ONNX operators' weights.

    An ONNX LSTM has two biases of which Keras has the sum: they count once. Raises BadData when the graph cannot be
    read.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        graph = onnx.load(directory / NETWORK_FILE).graph
    except (OSError, DecodeError) as error:
        raise BadData(f"Cannot read {directory / NETWORK_FILE}: {error}.") from error
    sizes = {each.name: int(np.prod(each.dims)) for each in graph.initializer if each.data_type in FLOAT_TYPES}
    used = {name for node in graph.node if node.op_type in LEARNING_OPERATORS for name in node.input}
    biases = {node.input[3] for node in graph.node if node.op_type == "LSTM"}
    return sum(size // 2 if name in biases else size for name, size in sizes.items() if name in used)


def _served_bytes(directory: Path) -> int:
    return sum((directory / name).stat().st_size for name in SERVED_FILES if (directory / name).is_file())
