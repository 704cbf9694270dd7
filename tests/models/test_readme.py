"""What models/README.md tells people is so: every command, the default shares, and the figures of the models."""

import re
from pathlib import Path

import numpy as np
import pytest

from models.__main__ import command_parser
from models.artifact import Manifest, read_manifest
from models.registry.labels import DEFAULT_SHARES
from models.registry.registry import Registry
from tests.pages import ROOT, command_lines, read, rows

README = read(ROOT / "models" / "README.md")
MODELS = {cells[0].strip("`"): cells[1:] for cells in rows(README, "The models that come along")}
# Of each figure in a sentence about quality: the texts that it is of, its name there, and in the manifest.
QUALITY = [
    ("reviews", "test", "F1", "f1"),
    ("reviews", "test", "accuracy", "accuracy"),
    ("reviews", "test", "calibration error", "calibration_error"),
    ("imdb", "test", "F1", "f1"),
    ("airline", "held_out", "accuracy", "accuracy"),
]


def directory(name: str) -> Path:
    return Registry().resolve(name).path


def manifest(name: str) -> Manifest:
    return read_manifest(directory(name))


def test_every_command_is_shown() -> None:
    commands = command_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    assert {words[1] for words in command_lines(README) if words[0] == "models"} == set(commands)


def test_the_default_shares_are_told() -> None:
    for label, share in DEFAULT_SHARES.items():
        assert re.search(rf"^\| `{label}` .*\b{share}\b", README, re.MULTILINE)


def test_every_model_that_comes_along_is_told() -> None:
    assert MODELS.keys() == set(Registry().names())


@pytest.mark.parametrize(("name", "texts", "reported", "metric"), QUALITY)
def test_the_quality_is_that_of_the_manifest(name: str, texts: str, reported: str, metric: str) -> None:
    measured = manifest(name).metrics[texts]
    assert f"{reported} {measured[metric]:.3f}" in MODELS[name][1]
    assert f"{measured['reviews']:,}" in MODELS[name][1]


@pytest.mark.parametrize("name", MODELS)
def test_the_size_is_that_of_the_files_that_workers_need(name: str) -> None:
    files = [path for path in directory(name).iterdir() if path.name not in ("model.keras", "manifest.json")]
    assert MODELS[name][3] == f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB"


@pytest.mark.parametrize("name", MODELS)
def test_the_parameters_are_those_of_the_network(name: str) -> None:
    with np.load(directory(name) / "weights.npz") as weights:
        counted = sum(weights[each].size for each in weights.files)
    reported = int(MODELS[name][2].replace(",", ""))
    assert {counted, manifest(name).network.get("parameters", counted)} == {reported}
