"""The labelled sample of real reviews that comes with the project."""

from functools import cache
from pathlib import Path

from trainer.data.readers import read_labelled
from trainer.data.texts import LabelledTexts

SAMPLE_FILE = Path(__file__).parents[1] / "deploy" / "local" / "demo" / "sample_reviews.tsv.gz"


@cache
def sample() -> LabelledTexts:
    return read_labelled(SAMPLE_FILE)
