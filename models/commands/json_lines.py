"""JSON lines for the command line: one input object a line in, one output object a line out."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from models.errors import ModelError
from models.scorer import Scorer
from models.timing import utc_timestamp

MAX_ID_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 200_000


class BadLine(ModelError):
    """A line that is no valid input object; the message says why."""


@dataclass(frozen=True, slots=True)
class Review:
    """One input: what to score, and what goes unchanged to the output."""

    id: str
    text: str
    attributes: dict[str, str]


def parse_review(line: str, default_id: str) -> Review:
    """The review in one line of JSON; raises BadLine. Fields that are not known are ignored."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadLine("not a JSON object")
    review_id, text = value.get("id", default_id), value.get("text")
    attributes = value.get("attributes", {})
    if not isinstance(text, str) or len(text) > MAX_TEXT_CHARACTERS:
        raise BadLine(f"text must be a string of at most {MAX_TEXT_CHARACTERS:,} characters")
    if not isinstance(review_id, str) or not 1 <= len(review_id) <= MAX_ID_CHARACTERS:
        raise BadLine(f"id must be a string of 1 to {MAX_ID_CHARACTERS} characters")
    if not isinstance(attributes, dict) or not all(isinstance(each, str) for each in attributes.values()):
        raise BadLine("attributes must be an object of strings")
    return Review(review_id, text, attributes)


def score_reviews(scorer: Scorer, reviews: list[Review]) -> list[dict[str, Any]]:
    """One output object a review, in order."""
    scores = scorer.score([review.text for review in reviews])
    scored_at = utc_timestamp()
    rows = zip(reviews, scores.probabilities.tolist(), scores.coverage.tolist(), strict=True)
    return [
        {
            "id": review.id,
            "sentiment": scorer.classes[probabilities.index(max(probabilities))],
            "scores": {name: round(share, 6) for name, share in zip(scorer.classes, probabilities, strict=True)},
            "coverage": round(coverage, 6),
            "model": scorer.name,
            "version": scorer.version,
            "attributes": review.attributes,
            "scored_at": scored_at,
        }
        for review, probabilities, coverage in rows
    ]


def in_groups(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The items in order, in lists of `size`; the last one may be shorter."""
    group: list[Any] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
