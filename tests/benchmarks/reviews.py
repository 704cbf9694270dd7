"""The reviews that a benchmark sends: a labelled file, repeated with ids of their own until there are enough."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from models.scorer import Scorer
from tests.benchmarks.environment import ROOT
from trainer.data.readers import read_labelled

SAMPLE = ROOT / "deploy" / "local" / "demo" / "sample_reviews.tsv.gz"


class Reviews:
    """Texts and the score that each must get: the probability of the last class, from the scorer without Kafka.

    `scored_per_cpu_second` is how many of them the scorer did alone: what the network and the text cost on this
    machine at this moment, to tell a slow machine from a slow worker.
    """

    def __init__(self, path: Path, model: Path) -> None:
        self.texts = read_labelled(path).texts
        scorer = Scorer.load(model)
        scorer.warm_up()
        started = time.process_time()
        self._expected: list[float] = scorer.score(self.texts).probabilities[:, -1].tolist()
        self.scored_per_cpu_second = len(self.texts) / (time.process_time() - started)

    def messages(self, count: int) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of `count` reviews; the ids are `0`, `1`, ..."""
        encode = msgspec.json.encode
        for number, text in zip(range(count), itertools.cycle(self.texts), strict=False):
            yield str(number).encode(), encode({"id": str(number), "text": text})

    def expected(self, review_id: str) -> float:
        """The score that the review of this id must get."""
        return self._expected[int(review_id) % len(self._expected)]
