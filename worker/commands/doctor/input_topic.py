"""The input topic as a stream: how much is left of it, and how fast it grows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from worker.commands.common import connect
from worker.commands.common.formatting import printable, rough_duration
from worker.commands.doctor.context import CLOCK_SECONDS, WINDOWS_SECONDS, CheckContext, InputFacts
from worker.commands.doctor.results import Finding, fails, ok, skipped, warning
from worker.errors import BadReview
from worker.kafka.types import EARLIEST, LATEST, Record, Subscription
from worker.messages import ReviewDecoder

SAMPLE_RECORDS = 200
_SAMPLE_BYTES = 16_000_000
_READ_SECONDS = 5.0
_POLL_SECONDS = 0.5


def evaluate_arrivals(facts: InputFacts, expected: float | None) -> tuple[float | None, Finding]:
    """The rate to be ready for, in records a second, and what is said about it."""
    rates = facts.rates()
    seen = ", ".join(f"{_rate(rate)}/s in the last {rough_duration(seconds)}" for seconds, rate in rates.items())
    if expected is not None:
        return expected, ok("arrivals", f"{_rate(expected)}/s expected (--rate); seen: {seen or 'too few to tell'}")
    if not rates:
        return None, skipped(
            "arrivals", "too few records in the last day to tell how many come", "say so with --rate N"
        )
    busiest = max(rates.values())
    return busiest, ok("arrivals", f"{seen}; more to come? --rate N")


def evaluate_clock(facts: InputFacts) -> Finding:
    """About the clock, by records that are dated ahead of ours."""
    ahead = sorted(part.number for part, offset in facts.ahead.items() if offset < facts.ends.get(part, 0))
    if not facts.records:
        return skipped("clock", "the input topic holds no record to compare with")
    if ahead:
        return warning(
            "clock",
            f"partitions {listed(ahead)} hold records dated more than {CLOCK_SECONDS:g} s ahead of this machine's "
            "clock",
            "set this machine's and the producers' clocks by NTP; until then times from end to end are wrong",
        )
    return ok("clock", f"no record is dated more than {CLOCK_SECONDS:g} s ahead of this machine's clock")


def evaluate_sample(read: int, problems: Sequence[str], without_key: int) -> Finding:
    """About records that were read: why each of those that hold no valid review does not."""
    if not problems:
        keys = f", {without_key} without a key" if without_key else ""
        return ok("reviews", f"read {read}, all valid{keys}")
    found = f"{len(problems)} of {read} read would be dead-lettered, such as: {printable(problems[0])}"
    advice = "set SENTIMENT_TEXT_FIELD and SENTIMENT_ID_FIELD to where text and id stand"
    return (fails if len(problems) == read else warning)("reviews", found, advice)


def listed(numbers: Iterator[int] | Mapping[int, int] | Sequence[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def check_arrivals(context: CheckContext) -> list[Finding]:
    """How many reviews come, how many are left to read, and how they are dated."""
    ask, topic, now = context.broker.offsets_at, context.settings.input_topic, time.time()
    context.stream = InputFacts(
        begins=ask(topic, EARLIEST),
        ends=ask(topic, LATEST),
        windows={seconds: ask(topic, int((now - seconds) * 1000)) for seconds in WINDOWS_SECONDS},
        ahead=ask(topic, int((now + CLOCK_SECONDS) * 1000)),
    )
    context.seen_rate, arrivals = evaluate_arrivals(context.stream, context.expected_rate)
    return [arrivals, evaluate_clock(context.stream)]


def check_reviews(context: CheckContext) -> list[Finding]:
    """Whether what stands in the input topic can be read, and is what a worker takes for reviews."""
    if context.stream is None or not context.stream.records:
        return [skipped("reviews", f"topic {context.settings.input_topic} is empty")]
    records = _read(context, context.stream)
    if not records:
        return [skipped("reviews", f"no committed record could be read within {_READ_SECONDS:g} s")]
    decoder = ReviewDecoder(context.settings.id_field, context.settings.text_field, context.settings.max_record_bytes)
    texts, problems = [], []
    for record in records:
        try:
            texts.append(decoder.decode(record).text)
        except BadReview as bad:
            problems.append(f"{bad.detail} (partition {record.partition}, offset {record.offset})")
    context.texts = texts
    return [evaluate_sample(len(records), problems, sum(record.key is None for record in records))]


def _read(context: CheckContext, facts: InputFacts) -> Sequence[Record]:
    source = Subscription(context.settings.input_topic, None, _where_to_start(facts, time.time()))
    records: list[Record] = []
    size = 0
    with connect.connected(context.settings, source) as broker:
        until = time.monotonic() + _READ_SECONDS
        while len(records) < SAMPLE_RECORDS and size < _SAMPLE_BYTES and time.monotonic() < until:
            polled = broker.poll(SAMPLE_RECORDS - len(records), _POLL_SECONDS).records
            if not polled and records:
                break
            records += polled
            size += sum(len(record.value or b"") for record in polled)
    return records


def _where_to_start(facts: InputFacts, now: float) -> int:
    """The latest moment behind which there is a sample, in milliseconds, or the beginning."""
    for seconds, rate in facts.rates().items():
        if rate * seconds >= SAMPLE_RECORDS:
            return int((now - seconds) * 1000)
    return EARLIEST
