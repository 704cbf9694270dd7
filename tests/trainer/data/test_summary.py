import json
from collections import Counter
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from models.text import Encoder, TextSettings, Vocabulary
from tests.reviews import sample
from trainer.data.summary import HISTOGRAM_BINS, TYPICAL_WORDS, DataSummary, print_summary, summarise, typical_words
from trainer.data.texts import LabelledTexts

SETTINGS = TextSettings(max_length=3)
ENCODER = Encoder(SETTINGS, Vocabulary(["good", "bad", "film"]), ["the", "a"])
REVIEWS = LabelledTexts(
    ("The good film", "bad bad bad film", "a strange, strange and strange film"), np.array([1, 0, 0], np.int32)
)


@pytest.fixture(scope="module")
def summary() -> DataSummary:
    return summarise(REVIEWS, ENCODER, duplicates=2)


@pytest.fixture(scope="module")
def sample_summary() -> DataSummary:
    return summarise(sample(), Encoder(TextSettings(), Vocabulary(["film"]), []), duplicates=0)


def test_texts_duplicates_and_classes_are_counted(summary: DataSummary) -> None:
    assert (summary.texts, summary.duplicates) == (3, 2)
    assert summary.class_counts == {"negative": 2, "positive": 1}
    assert summary.sha256 == REVIEWS.sha256()


def test_lengths_are_in_words_stop_words_included(summary: DataSummary) -> None:
    assert summary.lengths.quantiles == {"p5": 3, "p25": 3, "p50": 4, "p75": 5, "p95": 5, "longest": 6}


def test_the_share_of_cut_texts_counts_those_of_which_something_is_left_out(summary: DataSummary) -> None:
    assert summary.lengths.max_length == 3
    assert summary.lengths.cut_ratio == pytest.approx(1 / 3, abs=1e-4)


def test_a_text_exactly_as_long_as_the_limit_is_not_cut() -> None:
    exact = summarise(REVIEWS, Encoder(replace(SETTINGS, max_length=4), ENCODER.vocabulary, ["the"]), 0)
    assert exact.lengths.cut_ratio == 0


def test_the_encoder_still_cuts_as_before(summary: DataSummary) -> None:
    assert ENCODER.settings == SETTINGS
    assert summary.texts == 3
    assert ENCODER.encode(["film " * 9]).lengths.tolist() == [3]


def test_unknown_words_are_weighted_by_the_words_of_their_texts(summary: DataSummary) -> None:
    # Coverage 1 of 3 words, 1 of 4, and 1/5 of 6: "strange" three times and "and" are unknown, "a" is a stop word.
    assert summary.unknown_words_ratio == pytest.approx(1 - (3 + 4 + 6 / 5) / 13, abs=1e-4)


def test_texts_without_any_word_are_summarised_too() -> None:
    empty = summarise(LabelledTexts(("", "123"), np.array([0, 1], np.int32)), ENCODER, 0)
    assert empty.unknown_words_ratio == 1
    assert empty.typical_words == {"negative": {}, "positive": {}}
    assert empty.lengths.quantiles["longest"] == 0


def test_the_histogram_has_every_text_in_its_bin(summary: DataSummary) -> None:
    assert summary.lengths.edges == tuple(range(HISTOGRAM_BINS + 1))
    assert np.flatnonzero(summary.lengths.counts["negative"]).tolist() == [4, 6]
    assert np.flatnonzero(summary.lengths.counts["positive"]).tolist() == [3]


def test_the_last_bin_of_the_histogram_holds_all_longer_texts(sample_summary: DataSummary) -> None:
    lengths = sample_summary.lengths
    assert lengths.edges[-1] < lengths.quantiles["longest"]
    assert {name: sum(counts) for name, counts in lengths.counts.items()} == sample_summary.class_counts


def test_typical_words_of_a_class_are_those_that_the_other_lacks(sample_summary: DataSummary) -> None:
    negative, positive = (list(sample_summary.typical_words[name]) for name in ("negative", "positive"))
    assert {"bad", "worst", "boring", "waste"} <= set(negative[:30])
    assert {"great", "excellent", "wonderful"} <= set(positive[:30])
    assert not set(negative) & set(positive)


def test_typical_words_come_heaviest_first_without_stop_words(sample_summary: DataSummary) -> None:
    for words in sample_summary.typical_words.values():
        assert len(words) == TYPICAL_WORDS
        assert list(words.values()) == sorted(words.values(), reverse=True)
        assert min(words.values()) > 0
        assert not {"the", "not", "dont", "s"} & set(words)


def test_words_as_frequent_in_every_class_are_typical_of_none() -> None:
    same = Counter({b"film": 10, b"actor": 5})
    assert typical_words({"negative": same, "positive": same}) == {"negative": {}, "positive": {}}


def test_a_word_in_many_texts_weighs_more_than_one_in_a_single_text() -> None:
    counts = {"negative": Counter({b"film": 200}), "positive": Counter({b"film": 100, b"great": 99, b"sublime": 1})}
    assert list(typical_words(counts)["positive"]) == ["great", "sublime"]


def test_a_summary_survives_json(summary: DataSummary) -> None:
    assert DataSummary.from_json(json.loads(json.dumps(summary.to_json()))) == summary


def test_a_person_is_told_classes_lengths_and_unknown_words(summary: DataSummary) -> None:
    console = Console(file=StringIO(), width=80)
    print_summary(summary, console)
    reported = console.file.getvalue()
    for part in ("3 (2 duplicates dropped)", "2 (66.7%)", "p50 4, p95 5, longest 6", "33.3% of texts", "36.9%"):
        assert part in reported


def test_three_classes_are_told_apart() -> None:
    data = LabelledTexts(("bad", "film", "good"), np.arange(3, dtype=np.int32), ("negative", "neutral", "positive"))
    three = summarise(data, ENCODER, 0)
    assert three.class_counts == {"negative": 1, "neutral": 1, "positive": 1}
    assert list(three.typical_words["neutral"]) == ["film"]
