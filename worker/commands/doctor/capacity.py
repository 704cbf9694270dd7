"""How many reviews a second this machine scores, and whether that suffices for the topic."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.scorer import Scorer
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.results import Finding, fails, ok, skipped, warning

# What a worker does for a review beside scoring it, in seconds of a core: the difference between the whole worker and
# its scorer alone in tests/benchmarks (reviews of 1.3 kB, exactly once, Redis).
_YIELD_SECONDS = {"kafka-python": 45e-6, "librdkafka": 15e-6}
# A worker that is busier than this falls behind with every wave, and after each restart for long.
TARGET_UTILISATION = 0.7

# Fewer texts than these say little about the others.
_TEXTS_TO_MEASURE = 50
# Larger batches are not faster, and a slow model would take long for one.
_TEXTS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured: reviews scored, and the seconds of one core that it took. `texts` says on what."""

    reviews: int
    cpu_seconds: float
    texts: str

    @property
    def scored_per_second(self) -> float:
        return self.reviews / self.cpu_seconds

    def worker_per_second(self, client: str) -> float:
        """Reviews that one worker gets done in a second of one core, all its other work included."""
        return 1 / (1 / self.scored_per_second + _YIELD_SECONDS[client])


def measure(
    scorer: Scorer,
    texts: Sequence[str],
    source: str,
    batch: int,
    least_seconds: float = 1.0,
    clock: Callable[[], float] = time.process_time,
) -> Speed:
    """Scores the texts again and again in batches of that size, for at least so many seconds of processor time."""
    copies = [texts[number % len(texts)] for number in range(batch)]
    scorer.score(copies)  # the first time pays for new shapes
    reviews, started = 0, clock()
    while (spent := clock() - started) < least_seconds:
        scorer.score(copies)
        reviews += len(copies)
    return Speed(reviews, spent, source)


def workers_for(rate: float, per_worker: float, utilisation: float = TARGET_UTILISATION) -> int:
    """How many workers, each with a core to itself, take so many reviews a second."""
    return max(1, math.ceil(rate / (per_worker * utilisation)))


def sharing(rate: float, per_worker: float, partitions: int) -> int | None:
    """How many workers take so many reviews a second of a topic with so many partitions; None: more than there are.

    Partitions do not divide: the worker that has most of them decides.
    """
    fits = (
        workers
        for workers in range(1, partitions + 1)
        if rate * _largest_share(workers, partitions) <= per_worker * TARGET_UTILISATION
    )
    return next(fits, None)


def evaluate(speed: Speed, client: str, rate: float | None, partitions: int | None) -> list[Finding]:
    """Whether workers are fast enough, and how many it takes; `partitions` are those of the input topic, if known."""
    each = speed.worker_per_second(client)
    measured = ok(
        "speed",
        f"scores {speed.scored_per_second:,.0f} reviews per CPU-second ({speed.texts}): about {each:,.0f}/s a worker",
    )
    if rate is None:
        return [measured, skipped("workers", "how many reviews come is not known", "say so with --rate N")]
    wanted = workers_for(rate, each)
    if partitions is None:
        return [measured, ok("workers", f"{_needs(rate, wanted)}, busy {rate / (wanted * each):.0%}")]
    if (enough := sharing(rate, each, partitions)) is not None:
        return [measured, ok("workers", f"{_needs(rate, enough)}, {_shared(enough, partitions, rate / each)}")]
    needs = _needs(rate, wanted)
    advice = f"give the input topic at least {wanted} partitions, or use a faster model (models/README.md)"
    if workers_for(rate, each, utilisation=1.0) > partitions:
        return [
            measured,
            fails("workers", f"{needs}; of an input topic with {_partitions(partitions)} no more can work", advice),
        ]
    return [
        measured,
        warning("workers", f"{needs} to have a reserve; the input topic has {_partitions(partitions)}", advice),
    ]


def _needs(rate: float, workers: int) -> str:
    return f"{rate:,.0f} reviews/s take {workers} worker{'' if workers == 1 else 's'} (one core each)"


def _shared(workers: int, partitions: int, cores: float) -> str:
    """How busy the workers are that together need so many cores; where they differ, how many would not."""
    busy = f"{cores * _largest_share(workers, partitions):.0%}"
    if partitions % workers == 0:
        return f"busy {busy}"
    most = math.ceil(partitions / workers)
    even = next(more for more in range(workers, partitions + 1) if partitions % more == 0)
    return f"the one with {most} of {_partitions(partitions)} busy {busy}; {even} would have as many each"


def _largest_share(workers: int, partitions: int) -> float:
    return math.ceil(partitions / workers) / partitions


def _partitions(number: int) -> str:
    return f"{number} partition{'' if number == 1 else 's'}"


def check_speed(context: CheckContext) -> list[Finding]:
    """How fast the model is here, and how many workers the arrivals take."""
    settings, scorer = context.settings, context.scorer
    assert scorer is not None
    texts, source = context.golden, "its golden texts"
    if len(context.texts) >= _TEXTS_TO_MEASURE:
        texts, source = context.texts, f"{len(context.texts)} reviews of the topic"
    speed = measure(scorer, texts, source, min(settings.max_batch_records, _TEXTS_AT_ONCE))
    facts = context.topics.get(settings.input_topic)
    return evaluate(speed, settings.kafka_client, context.rate, facts.partitions if facts else None)
