"""What is in labelled texts: told before training, and drawn in reports."""

from collections import Counter
from copy import copy
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models.text import PINNED_STOP_WORDS, Encoder, Tokens, respell_stop_words, split_words
from trainer.data.texts import LabelledTexts

QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "longest": 1.0}
HISTOGRAM_BINS = 40
HISTOGRAM_END = 0.99  # longer texts share the last bin, so that a few huge ones do not flatten the rest
TYPICAL_WORDS = 150
TYPICAL_WORD_LETTERS = 2
PRIOR_WORDS = 1_000.0  # how many words of prior knowledge, spread as all texts' words are, each class starts with


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long texts are, in words, stop words included.

    `quantiles` in words by name: p5, p25, p50, p75, p95, longest. `edges` in words, rising, one more than bins;
    `counts` has each class's texts per bin, and the last bin holds everything longer too. `cut_ratio` is the share of
    texts of which the encoder's `max_length` ids leave something out.
    """

    quantiles: dict[str, int]
    edges: tuple[int, ...]
    counts: dict[str, tuple[int, ...]]
    max_length: int
    cut_ratio: float


@dataclass(frozen=True, slots=True)
class DataSummary:
    """`duplicates` were dropped before, and are not among the `texts`.

    `unknown_words_ratio` is 1 minus the texts' mean coverage by the encoder, each text weighted with its number of
    words. `typical_words` has up to TYPICAL_WORDS words of each class with their weights, heaviest first (see
    `typical_words`). `sha256` is the hash of the texts and labels.
    """

    texts: int
    duplicates: int
    class_counts: dict[str, int]
    lengths: Lengths
    unknown_words_ratio: float
    typical_words: dict[str, dict[str, float]]
    sha256: str

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        lengths = Lengths(**values["lengths"])
        counts = {name: tuple(bins) for name, bins in lengths.counts.items()}
        return cls(**{**values, "lengths": replace(lengths, edges=tuple(lengths.edges), counts=counts)})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise(data: LabelledTexts, encoder: Encoder, duplicates: int) -> DataSummary:
    """Describes at least one text; `duplicates` is how many were dropped before."""
    word_counts = np.zeros(len(data), np.int64)
    words_by_class = [Counter[bytes]() for _ in data.classes]
    for index, (text, label) in enumerate(zip(data.texts, data.labels.tolist(), strict=True)):
        words = split_words(text)
        word_counts[index] = len(words)
        words_by_class[label].update(words)
    one_more = copy(encoder)
    one_more.settings = replace(encoder.settings, max_length=encoder.settings.max_length + 1)
    tokens = one_more.encode(data.texts)
    covered = float(np.average(tokens.coverage, weights=word_counts)) if word_counts.any() else 0.0
    return DataSummary(
        texts=len(data),
        duplicates=duplicates,
        class_counts={name: int((data.labels == index).sum()) for index, name in enumerate(data.classes)},
        lengths=_lengths(data, word_counts, tokens, encoder.settings.max_length),
        unknown_words_ratio=round(1 - covered, 4),
        typical_words=typical_words(dict(zip(data.classes, words_by_class, strict=True))),
        sha256=data.sha256(),
    )


def _lengths(data: LabelledTexts, word_counts: NDArray[np.int64], tokens: Tokens, max_length: int) -> Lengths:
    width = int(np.quantile(word_counts, HISTOGRAM_END)) // HISTOGRAM_BINS + 1
    bins = np.minimum(word_counts // width, HISTOGRAM_BINS - 1)
    counts = [np.bincount(bins[data.labels == index], minlength=HISTOGRAM_BINS) for index in range(len(data.classes))]
    return Lengths(
        quantiles={name: int(np.quantile(word_counts, share)) for name, share in QUANTILES.items()},
        edges=tuple(range(0, (HISTOGRAM_BINS + 1) * width, width)),
        counts={name: tuple(each.tolist()) for name, each in zip(data.classes, counts, strict=True)},
        max_length=max_length,
        cut_ratio=round(float(np.mean(tokens.lengths > max_length)), 4),
    )


def typical_words(words_by_class: dict[str, Counter[bytes]]) -> dict[str, dict[str, float]]:
    """Words that stand in texts of one class more often than in the others', without stop words and single letters.

    The weight is the z-score of the log-odds ratio between the class and all others, with the words of all texts as
    the prior (Monroe, Colaresi and Quinn, Fightin' Words, Political Analysis 2008); always above 0.
    """
    stop_words = respell_stop_words(PINNED_STOP_WORDS.read_text(encoding="utf-8").split())
    spelled = {word.decode(): word for word in sorted(set().union(*words_by_class.values()))}
    kept = [text for text in spelled if len(text) >= TYPICAL_WORD_LETTERS and text not in stop_words]
    if len(kept) < 2:
        return {name: {} for name in words_by_class}
    counts = np.array([[counter[spelled[text]] for text in kept] for counter in words_by_class.values()], np.float64)
    settings = {}
    for name, scores in zip(words_by_class, _log_odds(counts), strict=True):
        heaviest = np.argsort(-scores, kind="stable")[:TYPICAL_WORDS].tolist()
        weights = {kept[index]: round(float(scores[index]), 2) for index in heaviest}
        settings[name] = {word: weight for word, weight in weights.items() if weight > 0}
    return settings


def _log_odds(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts (classes, words), each word at least once -> z-scores of the log-odds ratios (classes, words)."""
    total = counts.sum(axis=0)
    prior = PRIOR_WORDS * total / total.sum()
    inside, outside = counts + prior, total - counts + prior
    odds = [np.log(each / (each.sum(axis=1, keepdims=True) - each)) for each in (inside, outside)]
    scores: NDArray[np.float64] = (odds[0] - odds[1]) / np.sqrt(1 / inside + 1 / outside)
    return scores


def print_summary(summary: DataSummary, console: Console) -> None:
    """A compact table of the texts, their classes, lengths and unknown words."""
    table = Table(show_header=False)
    lengths = summary.lengths
    table.add_row("texts", f"{summary.texts:,} ({summary.duplicates:,} duplicates dropped)")
    for name, count in summary.class_counts.items():
        table.add_row(name, f"{count:,} ({count / summary.texts:.1%})")
    reported = (f"{name} {lengths.quantiles[name]:,}" for name in ("p50", "p95", "longest"))
    table.add_row("words a text", ", ".join(reported))
    table.add_row(f"cut at {lengths.max_length:,} ids", f"{lengths.cut_ratio:.1%} of texts")
    table.add_row("unknown words", f"{summary.unknown_words_ratio:.1%}")
    console.print(table)
