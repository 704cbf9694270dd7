"""The labelled sample of real reviews that comes with the project."""

from functools import cache
from pathlib import Path

from trainer.data import LabelledTexts
from trainer.readers import read_labelled

SAMPLE_FILE = Path(__file__).parents[1] / "deploy" / "local" / "sample_reviews.tsv.gz"


@cache
def sample() -> LabelledTexts:
    return read_labelled(SAMPLE_FILE)
