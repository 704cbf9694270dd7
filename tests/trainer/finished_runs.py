"""Directories of training runs, as a real model and real reviews leave them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.artifact import read_encoder
from models.registry.registry import Registry
from models.scorer import Scorer
from tests.reviews import sample
from trainer.data.summary import summarise
from trainer.data.texts import LabelledTexts
from trainer.evaluate import evaluate, evaluation_of
from trainer.runs import Run

REVIEWS = 400
THREE_CLASSES = ("negative", "neutral", "positive")


def reviews(count: int = REVIEWS) -> LabelledTexts:
    return sample().take(np.arange(len(sample())) < count)


def finished_run(root: Path) -> Run:
    """A run that made the packaged model, evaluated on some reviews of the sample."""
    resolved = Registry().resolve("imdb@1")
    scorer = Scorer.load(resolved.path)
    manifest = scorer.manifest
    data = {"training": "/data/train.tsv", "test": "/data/test.tsv", "unlabelled": None}
    settings = {"recipe": "imdb-d", "model": "imdb", "created": manifest.created, "data": data}
    settings |= {"text": manifest.text.to_json(), "network": manifest.network}
    run = Run.create(root, "imdb-d", settings)
    run.history = manifest.training["history"]
    run.data = summarise(reviews(), read_encoder(resolved.path, manifest.text), duplicates=3).to_json()
    run.write_evaluation("held_out", evaluate(scorer, reviews(100)).to_report_json())
    run.write_evaluation("test", evaluate(scorer, reviews()).to_report_json())
    run.result = {"parameters": 407_961, "training_seconds": 634.2, "training_cpu_seconds": 1_201.0}
    shutil.copytree(resolved.path, run.artifact)
    return run


def forest_run(root: Path, text: str = "good", classes: Sequence[str] = THREE_CLASSES) -> Run:
    """A run without history, test file, summary and artifact; every fourth of its answers is wrong."""
    run = Run.create(root, "random-forest", {"recipe": "random-forest", "model": "forest"})
    labels = np.arange(90, dtype=np.int32) % len(classes)
    targets = np.where(np.arange(90) % 4 == 0, (labels + 1) % len(classes), labels)
    probabilities = 0.7 * np.eye(len(classes))[targets] + 0.3 / len(classes)
    data = LabelledTexts(tuple(f"{index} {text}" for index in range(90)), labels, tuple(classes))
    run.write_evaluation("held_out", evaluation_of(probabilities, data, cpu_seconds=0.1).to_report_json())
    run.result = {"parameters": None, "training_seconds": 7_300.0, "training_cpu_seconds": 7_300.0}
    return run


def change_evaluation(run: Run, name: str, **changes: Any) -> None:
    run.write_evaluation(name, run.evaluations[name] | changes)
