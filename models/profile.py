"""What texts that a version did not learn from are like, to compare live traffic with; kept in the manifest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.artifact import Manifest
from models.errors import BrokenArtifact

FIELD = "profile"  # of the manifest's `training`
MOST_BINS = 10
TEXTS_FOR_A_BIN = 50  # with fewer, chance alone moves its share too far
EDGE_STEPS = 100_000  # to one
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of texts: of those below the first edge, from each edge up to the next, and from the last edge on.

    A value that equals an edge counts above it, so that the many texts that are cut at one length, or of which all
    words are known, have a bin of their own.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """Of at least one value: bins at the quantiles, fewer than MOST_BINS where values are few or often equal."""
        bins = min(MOST_BINS, max(2, len(values) // TEXTS_FOR_A_BIN))
        quantiles = np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf")
        # Rounded down, so that a value that equals an edge stays above it however it is rounded afterwards.
        edges = tuple(np.unique(np.floor(quantiles.astype(np.float64) * EDGE_STEPS) / EDGE_STEPS).tolist())
        counts = count_by_bin(np.array(edges), values)
        return cls(edges, tuple(np.round(counts / len(values), DIGITS).tolist()))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `asdict`; raises ValueError when it can be no histogram."""
        edges, shares = tuple(map(float, values["edges"])), tuple(map(float, values["shares"]))
        ascending = all(low < high for low, high in zip((-math.inf, *edges), (*edges, math.inf), strict=True))
        if not edges or not ascending or len(shares) != len(edges) + 1:
            raise ValueError("a histogram needs ascending edges and one more share than edges")
        _check_shares(shares)
        return cls(edges, shares)


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Class mix, length and coverage of texts that a version's training held out, or of another labelled file.

    The texts learnt from would not do: their words made the vocabulary, so their coverage is higher than that of any
    later text. `predicted_class_mix` is what the model itself makes of these texts: live traffic, whose true classes
    nobody knows, is compared with that, so that a model that errs towards one class does not look like drift.
    Lengths are those of `Tokens.lengths`, in ids after cutting.
    """

    texts: int
    class_mix: dict[str, float]  # by their labels
    predicted_class_mix: dict[str, float]
    length: Histogram
    coverage: Histogram

    @classmethod
    def of(
        cls,
        classes: Sequence[str],
        labels: NDArray[np.int32],
        predicted: NDArray[np.integer],
        lengths: NDArray[np.int32],
        coverage: NDArray[np.float32],
    ) -> Self:
        """Of at least one text; all arrays are (texts,), `labels` and `predicted` indices into `classes`."""
        return cls(
            texts=len(labels),
            class_mix=_mix(classes, labels),
            predicted_class_mix=_mix(classes, predicted),
            length=Histogram.of(lengths),
            coverage=Histogram.of(coverage),
        )

    @classmethod
    def from_manifest(cls, manifest: Manifest) -> Self | None:
        """None where the version was published without one; raises BrokenArtifact when it is malformed."""
        values = manifest.training.get(FIELD)
        if values is None:
            return None
        try:
            profile = cls(
                texts=int(values["texts"]),
                class_mix=dict(values["class_mix"]),
                predicted_class_mix=dict(values["predicted_class_mix"]),
                length=Histogram.from_json(values["length"]),
                coverage=Histogram.from_json(values["coverage"]),
            )
            profile._check(manifest.classes)
        except (TypeError, ValueError, KeyError) as error:
            raise BrokenArtifact(f"The manifest's profile is malformed: {error!r}.") from error
        return profile

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def _check(self, classes: tuple[str, ...]) -> None:
        if self.texts < 1:
            raise ValueError("it is of no text")
        for mix in (self.class_mix, self.predicted_class_mix):
            if tuple(mix) != classes:
                raise ValueError("it has other classes than the model")
            _check_shares(tuple(mix.values()))


def count_by_bin(edges: NDArray[np.float64], values: NDArray[Any]) -> NDArray[np.intp]:
    """How many of the values fall into each bin of a histogram: (edges + 1,)."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def _mix(classes: Sequence[str], indices: NDArray[Any]) -> dict[str, float]:
    shares = np.round(np.bincount(indices, minlength=len(classes)) / len(indices), DIGITS)
    return dict(zip(classes, shares.tolist(), strict=True))


def _check_shares(shares: tuple[float, ...]) -> None:
    if not all(0 <= share <= 1 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-3):
        raise ValueError(f"{shares} are no shares of a whole")
