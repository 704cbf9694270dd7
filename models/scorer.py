"""Text in, scores out, by one version of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.artifact import Manifest, check_files, read_encoder, read_golden, read_manifest
from models.engines import DEFAULT_ENGINE, Engine, load_engine
from models.errors import BrokenArtifact
from models.text import PADDING_ID, Encoder, Tokens

BATCH_TEXTS = 32
LENGTH_STEP = 8  # padded lengths are multiples of this: a closed grid, so that an engine meets few shapes
GOLDEN_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """`probabilities` float32 (texts, classes), `coverage` float32 (texts,), ids scored without and with padding."""

    probabilities: NDArray[np.float32]
    coverage: NDArray[np.float32]
    tokens: int
    padded_tokens: int

    def __len__(self) -> int:
        return len(self.coverage)

    @property
    def padding_ratio(self) -> float:
        return 1 - self.tokens / self.padded_tokens if self.padded_tokens else 0.0


class Scorer:
    """One loaded version. A text's scores depend on nothing but the text: not on its batch, nor on padding (1e-5)."""

    def __init__(self, manifest: Manifest, encoder: Encoder, engine: Engine, directory: Path) -> None:
        self.manifest = manifest
        self.name = manifest.name
        self.version = manifest.version
        self.classes = manifest.classes
        self.engine = engine.name
        self._encoder = encoder
        self._engine = engine
        self._directory = directory

    @classmethod
    def load(cls, path: Path, engine: str = DEFAULT_ENGINE, threads: int = 1, verify: bool = True) -> Self:
        """Loads a version's directory; with `verify` its checksums and its golden set must hold.

        Raises BrokenArtifact when it must not be used, ModelNotFound when there is no such engine.
        """
        manifest = read_manifest(path)
        if verify:
            check_files(path, manifest)
        encoder = read_encoder(path, manifest.text)
        scorer = cls(manifest, encoder, load_engine(engine, path, threads), path)
        if verify:
            scorer.check_golden()
        return scorer

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        return self._encoder.encode(texts)

    def infer(self, tokens: Tokens) -> Scores:
        """Scores in the order of the texts; inside, texts of similar length are scored together."""
        probabilities = np.empty((len(tokens), len(self.classes)), np.float32)
        padded_tokens = 0
        order = np.argsort(tokens.lengths, kind="stable")
        lengths = tokens.lengths[order]
        ids = _reorder(tokens, order)
        ends = np.cumsum(lengths)
        start = 0
        for place in range(0, len(order), BATCH_TEXTS):
            rows = slice(place, place + BATCH_TEXTS)
            end = int(ends[rows][-1])
            batch = _pad(ids[start:end], lengths[rows])
            probabilities[order[rows]] = self._engine.run(batch, lengths[rows])
            padded_tokens += batch.size
            start = end
        return Scores(probabilities, tokens.coverage, tokens.tokens, padded_tokens)

    def score(self, texts: Sequence[str]) -> Scores:
        return self.infer(self.tokenize(texts))

    def check_golden(self) -> None:
        """Scores the golden set; raises BrokenArtifact unless it gives what it gave when the version was published."""
        golden = read_golden(self._directory)
        scores = self.score([each.text for each in golden])
        for each, probabilities, coverage in zip(golden, scores.probabilities, scores.coverage, strict=True):
            found = (*probabilities.tolist(), float(coverage))
            expected = (*each.probabilities, each.coverage)
            if len(found) != len(expected) or not np.allclose(found, expected, rtol=0, atol=GOLDEN_TOLERANCE):
                raise BrokenArtifact(
                    f"{self.name} version {self.version} does not score its golden set as when it was published: "
                    f"{expected} expected, {found} found, for the text {each.text[:40]!r}."
                )

    def warm_up(self) -> None:
        """Runs the network once for every length of the grid, so that no later batch pays for a first time."""
        longest = _padded_length(self.manifest.text.max_length)
        for length in range(LENGTH_STEP, longest + 1, LENGTH_STEP):
            ids = np.full((BATCH_TEXTS, length), PADDING_ID, np.int32)
            self._engine.run(ids, np.full(BATCH_TEXTS, length, np.int32))


def _padded_length(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP


def _reorder(tokens: Tokens, order: NDArray[np.intp]) -> NDArray[np.int32]:
    """The texts' ids, one text after the other in the given order."""
    starts = np.cumsum(tokens.lengths) - tokens.lengths
    lengths = tokens.lengths[order]
    shifts = starts[order] - (np.cumsum(lengths) - lengths)
    return tokens.ids[np.repeat(shifts, lengths) + np.arange(tokens.tokens)]


def _pad(ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Texts one after the other, sorted by length -> int32 (texts, padded length)."""
    steps = _padded_length(int(lengths[-1]))
    padded = np.full((len(lengths), steps), PADDING_ID, np.int32)
    padded[np.arange(steps) < lengths[:, None]] = ids
    return padded
