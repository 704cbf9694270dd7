"""Text in, scores out, by one version of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from models.artifact import (
    MANIFEST_FILE,
    UNCHECKED,
    GoldenText,
    Manifest,
    check_files,
    parse_manifest,
    read_encoder,
    read_golden,
    read_part,
)
from models.engines.engine import FASTEST, Engine, load_engine
from models.engines.padding import BATCH_TEXTS, LENGTH_STEP
from models.errors import BrokenArtifact
from models.registry.registry import Resolved
from models.signatures import check_signature
from models.text import UNKNOWN_ID, Encoder, Tokens
from models.timing import YieldCpu, never_yield

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GOLDEN_TOLERANCE = 1e-4
GOLDEN_COPIES = 2  # make a batch large enough for the engine that a busy worker's batches go to
LARGE_BATCH_TEXTS = 128


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
        self._golden: list[GoldenText] = []

    @classmethod
    def load(
        cls,
        path: Path,
        engine: str = FASTEST,
        threads: int = 1,
        verify: bool = True,
        public_keys: "Sequence[Ed25519PublicKey]" = (),
        yield_cpu: YieldCpu = never_yield,
    ) -> Self:
        """Loads a version's directory; with `verify` its checksums and its golden set must hold.

        With keys, one of them must have signed it. `yield_cpu` is called between pieces of work. Raises BrokenArtifact
        when it must not be used, ModelNotFound when there is no such engine.
        """
        content = read_part(path / MANIFEST_FILE)
        if public_keys:
            check_signature(path, content, public_keys)
        manifest = parse_manifest(content, str(path))
        records = manifest.files if verify or public_keys else UNCHECKED
        if verify:
            check_files(path, manifest)
            yield_cpu()
        encoder = read_encoder(path, manifest.text, records)
        yield_cpu()
        scorer = cls(manifest, encoder, load_engine(engine, path, manifest, threads, yield_cpu, records), path)
        yield_cpu()
        if verify:
            scorer._golden = read_golden(path, records)
            scorer.check_golden(yield_cpu)
        return scorer

    @classmethod
    def load_version(
        cls,
        resolved: Resolved,
        engine: str = FASTEST,
        threads: int = 1,
        public_keys: "Sequence[Ed25519PublicKey]" = (),
        yield_cpu: YieldCpu = never_yield,
    ) -> Self:
        """As `load`; also raises BrokenArtifact when another version lies where the resolved one should be."""
        scorer = cls.load(resolved.path, engine, threads, public_keys=public_keys, yield_cpu=yield_cpu)
        if (scorer.name, scorer.version) != (resolved.name, resolved.version):
            raise BrokenArtifact(f"What lies in {resolved.path} is {scorer.name} version {scorer.version}.")
        return scorer

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        return self._encoder.encode(texts)

    def infer(self, tokens: Tokens) -> Scores:
        """Scores in the order of the texts; inside, texts of similar length are scored together."""
        probabilities, padded_tokens = self._engine.infer(tokens)
        return Scores(probabilities, tokens.coverage, tokens.tokens, padded_tokens)

    def score(self, texts: Sequence[str]) -> Scores:
        return self.infer(self.tokenize(texts))

    def check_golden(self, yield_cpu: YieldCpu = never_yield) -> None:
        """Scores the golden set, together and one by one: engines may run small batches in another way than large ones.

        Raises BrokenArtifact unless it gives what it gave when the version was published.
        """
        # Kept: a worker checks its engine again when a batch fails, whatever has become of the files by then.
        golden = self._golden = self._golden or read_golden(self._directory)
        for group in (golden * GOLDEN_COPIES, *([each] for each in golden)):
            scores = self.score([each.text for each in group])
            for each, probabilities, coverage in zip(group, scores.probabilities, scores.coverage, strict=True):
                found, expected = (*probabilities.tolist(), float(coverage)), (*each.probabilities, each.coverage)
                if len(found) != len(expected) or not np.allclose(found, expected, rtol=0, atol=GOLDEN_TOLERANCE):
                    raise BrokenArtifact(
                        f"{self.name} version {self.version} does not score its golden set as when it was published: "
                        f"{expected} expected, {found} found, for the text {each.text[:40]!r}."
                    )
            yield_cpu()

    def warm_up(self, yield_cpu: YieldCpu = never_yield) -> None:
        """Runs the network on every shape of the grid of small batches and on a large one of all lengths.

        So no later batch pays for a first time. `yield_cpu` is called between them.
        """
        longest = -(-self.manifest.text.max_length // LENGTH_STEP) * LENGTH_STEP
        for length in range(LENGTH_STEP, longest + 1, LENGTH_STEP):
            self._run_unknown(np.full(BATCH_TEXTS, min(length, self.manifest.text.max_length), np.int32))
            yield_cpu()
        self._run_unknown(np.linspace(1, self.manifest.text.max_length, LARGE_BATCH_TEXTS).astype(np.int32))
        yield_cpu()

    def _run_unknown(self, lengths: NDArray[np.int32]) -> None:
        ids = np.full(lengths.sum(), UNKNOWN_ID, np.int32)
        self.infer(Tokens(ids, lengths, np.zeros(len(lengths), np.float32)))
