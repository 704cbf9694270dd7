import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.artifact import (
    GOLDEN_FILE,
    NETWORK_FILE,
    STOP_WORDS_FILE,
    VOCABULARY_FILE,
    read_manifest,
    record_files,
    write_manifest,
    write_words,
)
from models.engines.weights import WEIGHTS_FILE, write_weights
from models.errors import BrokenArtifact, ModelNotFound
from models.registry.registry import Registry
from models.scorer import Scorer
from models.text import TextSettings
from tests.reviews import sample
from tests.trainer.miniatures import NETWORKS, random_weights
from trainer.evaluate import evaluate
from trainer.networks.export import export_onnx

INVARIANCE = 1e-5


def change_golden(artifact: Path, **changes: object) -> None:
    lines = (artifact / GOLDEN_FILE).read_text().splitlines()
    lines[3] = json.dumps(json.loads(lines[3]) | changes)
    (artifact / GOLDEN_FILE).write_text("\n".join(lines) + "\n")


@pytest.fixture
def large(artifact: Path) -> Path:
    """A version with all that a network and its text form can have: two directions, three classes, symbols, a tail."""
    network, weights = NETWORKS["reviews"], random_weights(NETWORKS["reviews"], classes=3)
    weights["embedding"] = weights["embedding"].astype(np.float16)
    export_onnx(network, weights, artifact / NETWORK_FILE)
    write_weights(artifact / WEIGHTS_FILE, weights)
    write_words(artifact / VOCABULARY_FILE, ["movie", "good", "bad", "film", "10", "!", "."])
    write_words(artifact / STOP_WORDS_FILE, ["the"])
    manifest = dataclasses.replace(
        read_manifest(artifact),
        classes=("negative", "neutral", "positive"),
        text=TextSettings(7, 20, tail_length=15, keep_digits=True, symbols="!?."),
        network=network.to_json(),
        files=record_files(artifact),
    )
    write_manifest(artifact, manifest)
    return artifact


def test_the_packaged_model_tells_good_from_bad(scorer: Scorer) -> None:
    scores = scorer.score(["A wonderful film, I loved it.", "Boring, awful, a waste of time."])
    assert [scorer.classes[index] for index in scores.probabilities.argmax(axis=1)] == ["positive", "negative"]


def test_the_packaged_model_is_good_on_reviews_it_never_saw(scorer: Scorer) -> None:
    assert evaluate(scorer, sample()).f1 >= 0.84


def test_scores_have_the_shapes_and_types_that_are_promised(scorer: Scorer) -> None:
    scores = scorer.score(["good", "", "bad movie"])
    assert scores.probabilities.shape == (3, 2)
    assert scores.probabilities.dtype == scores.coverage.dtype == np.float32
    assert scores.probabilities.sum(axis=1) == pytest.approx(1)
    assert scores.coverage.tolist() == [1, 0, 1]
    assert 0 <= scores.padding_ratio < 1
    assert scores.tokens == 4


def test_a_review_scores_the_same_alone_as_in_a_batch_of_512(scorer: Scorer) -> None:
    texts = sample().texts[:512]
    together = scorer.score(texts).probabilities
    alone = np.concatenate([scorer.score([text]).probabilities for text in texts])
    assert np.abs(together - alone).max() < INVARIANCE


def test_a_review_scores_the_same_beside_much_longer_ones(scorer: Scorer) -> None:
    texts = sample().texts[:64]
    longest = "wonderful acting " * 400
    beside = np.concatenate([scorer.score([text, longest]).probabilities[:1] for text in texts])
    assert np.abs(beside - scorer.score(texts).probabilities).max() < INVARIANCE


@given(st.permutations(range(100)))
@settings(max_examples=10)
def test_scores_come_in_the_order_of_the_texts(scorer: Scorer, order: list[int]) -> None:
    texts = sample().texts[:100]
    expected = scorer.score(texts).probabilities[order]
    assert np.abs(scorer.score([texts[index] for index in order]).probabilities - expected).max() < INVARIANCE


@given(st.lists(st.text(st.characters() | st.just("\ud800")), max_size=5))
def test_any_text_gets_a_score(scorer: Scorer, texts: list[str]) -> None:
    scores = scorer.score(texts)
    assert len(scores) == len(texts)
    assert np.isfinite(scores.probabilities).all()


def test_no_texts_give_no_scores(scorer: Scorer) -> None:
    assert scorer.score([]).probabilities.shape == (0, 2)
    assert scorer.score([]).padding_ratio == 0


def test_scoring_in_two_steps_is_scoring(scorer: Scorer) -> None:
    texts = sample().texts[:10]
    tokens = scorer.tokenize(texts)
    assert len(tokens) == 10
    assert scorer.infer(tokens).probabilities.tolist() == scorer.score(texts).probabilities.tolist()


def test_a_version_knows_who_it_is(scorer: Scorer) -> None:
    assert (scorer.name, scorer.version) == ("imdb", Registry().resolve("imdb").version)
    assert scorer.classes == ("negative", "positive")
    assert scorer.engine == "numpy"


def test_a_warm_scorer_scores_as_before(scorer: Scorer) -> None:
    before = scorer.score(["good movie"]).probabilities.tolist()
    scorer.warm_up()
    assert scorer.score(["good movie"]).probabilities.tolist() == before


def test_threads_do_not_change_scores(artifact: Path, scorer: Scorer) -> None:
    texts = sample().texts[:100]
    two_threads = Scorer.load(artifact, threads=2).score(texts).probabilities
    assert np.abs(two_threads - scorer.score(texts).probabilities).max() < INVARIANCE


def test_engines_agree(artifact: Path, scorer: Scorer) -> None:
    reference = Scorer.load(artifact, engine="onnxruntime")
    assert reference.engine == "onnxruntime"
    expected = reference.score(sample().texts).probabilities
    assert np.abs(scorer.score(sample().texts).probabilities - expected).max() < INVARIANCE


def test_engines_agree_on_a_network_with_all_that_there_can_be(large: Path) -> None:
    texts = [*sample().texts[:300], "", "!", "10/10!!", "zebra"]
    scorers = {name: Scorer.load(large, name, verify=False) for name in ("numpy", "onnxruntime")}
    scores = {name: scorer.score(texts) for name, scorer in scorers.items()}
    assert scores["numpy"].probabilities.shape == (304, 3)
    assert np.abs(scores["numpy"].probabilities - scores["onnxruntime"].probabilities).max() < INVARIANCE
    assert scores["numpy"].coverage.tolist()[-4:] == [0, 0, 1, 0]


def test_there_too_a_review_scores_the_same_alone_as_among_others(large: Path) -> None:
    scorer, texts = Scorer.load(large, verify=False), sample().texts[:200]
    assert scorer.engine == "numpy"
    alone = np.concatenate([scorer.score([text]).probabilities for text in texts])
    assert np.abs(scorer.score(texts).probabilities - alone).max() < INVARIANCE


@pytest.mark.parametrize("network", [{"kind": "transformer"}, {"kind": "lstm"}, {}])
def test_a_network_that_only_onnx_runtime_knows_runs_there(artifact: Path, network: dict[str, object]) -> None:
    write_manifest(artifact, dataclasses.replace(read_manifest(artifact), network=network))
    assert Scorer.load(artifact).engine == "onnxruntime"
    with pytest.raises(ModelNotFound, match="cannot run this network"):
        Scorer.load(artifact, engine="numpy")


def test_without_its_weights_a_version_runs_on_onnx_runtime(artifact: Path) -> None:
    manifest = read_manifest(artifact)
    files = {name: record for name, record in manifest.files.items() if name != WEIGHTS_FILE}
    write_manifest(artifact, dataclasses.replace(manifest, files=files))
    assert Scorer.load(artifact).engine == "onnxruntime"


def test_an_unknown_engine_is_not_found(artifact: Path) -> None:
    with pytest.raises(ModelNotFound, match="onnxruntime"):
        Scorer.load(artifact, engine="abacus")


@pytest.mark.parametrize("changes", [{"probabilities": [0.4, 0.6]}, {"coverage": 0.123}, {"text": "awful"}])
def test_a_golden_set_that_does_not_hold_breaks_the_version(artifact: Path, changes: dict[str, object]) -> None:
    change_golden(artifact, **changes)
    with pytest.raises(BrokenArtifact, match="golden set"):
        Scorer.load(artifact, verify=False).check_golden()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"text": "a", "probabilities": 1, "coverage": 0}', "{"])
def test_a_malformed_golden_set_breaks_the_version(artifact: Path, content: str) -> None:
    (artifact / GOLDEN_FILE).write_text(content)
    with pytest.raises(BrokenArtifact):
        Scorer.load(artifact, verify=False).check_golden()
