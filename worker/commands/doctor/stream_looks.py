"""Looks at the input topic and the workers' group, without joining it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from worker.broker import EARLIEST, LATEST, Record, Source
from worker.commands import connect
from worker.commands.doctor import stream
from worker.commands.doctor.findings import Finding, skipped
from worker.commands.doctor.known import Known, patiently
from worker.errors import AccessDenied, BadReview
from worker.messages import ReviewDecoder

SAMPLE_RECORDS = 200
_SAMPLE_BYTES = 16_000_000
_READ_SECONDS = 5.0
_POLL_SECONDS = 0.5
# A worker at work ends a transaction every few milliseconds, one with little to do every second or so.
_INSTANCE_LOOKS = 8
_INSTANCE_PAUSE_SECONDS = 0.15


def look_at_arrivals(known: Known) -> list[Finding]:
    """How many reviews come, how many are left to read, and how they are dated."""
    ask, topic, now = known.broker.offsets_at, known.chosen.input_topic, time.time()
    known.stream = stream.InputFacts(
        begins=ask(topic, EARLIEST),
        ends=ask(topic, LATEST),
        windows={seconds: ask(topic, int((now - seconds) * 1000)) for seconds in stream.WINDOWS_SECONDS},
        ahead=ask(topic, int((now + stream.CLOCK_SECONDS) * 1000)),
    )
    known.seen_rate, arrivals = stream.judge_arrivals(known.stream, known.expected_rate)
    return [arrivals, stream.judge_clock(known.stream)]


def look_at_group(known: Known) -> list[Finding]:
    """Who is in the workers' group, and where it stands."""
    chosen = known.chosen
    try:
        group = patiently(lambda: known.inspector.group(chosen.kafka_group_id))
        positions = patiently(lambda: known.broker.group_positions(chosen.kafka_group_id, chosen.input_topic))
    except AccessDenied:
        return [skipped("group", f"our principal may not see group {chosen.kafka_group_id}")]
    findings = [stream.judge_group(group, chosen.kafka_group_id)]
    if known.stream is not None:
        offsets = {part: position.next_offset for part, position in positions.items()}
        # Asked once more: a group at work has gone on since, and is past where the topic ended then.
        facts = replace(known.stream, ends=known.broker.offsets_at(chosen.input_topic, LATEST))
        findings += stream.judge_positions(facts, offsets, chosen.start)
    return findings


def look_at_instance(known: Known) -> list[Finding]:
    """Whether another process writes under our own name."""
    chosen = known.chosen
    if chosen.delivery != "exactly_once" or chosen.instance_id is None:
        return []
    if not known.inspector.knows_transactions:
        return [skipped("instance id", f"{chosen.kafka_client} cannot ask whether another process uses it")]
    own_id = f"{chosen.kafka_group_id}-{chosen.instance_id}"
    seen = []
    try:
        for _ in range(_INSTANCE_LOOKS):
            seen.append(patiently(lambda: known.inspector.transaction(own_id)))
            time.sleep(_INSTANCE_PAUSE_SECONDS)
    except AccessDenied:
        return [skipped("instance id", "our principal may not see its transactions")]
    return [stream.judge_instance(chosen.instance_id, seen, known.worker_runs_here)]


def look_at_reviews(known: Known) -> list[Finding]:
    """Whether what stands in the input topic can be read, and is what a worker takes for reviews."""
    if known.stream is None or not known.stream.records:
        return [skipped("reviews", f"topic {known.chosen.input_topic} is empty")]
    records = _read(known, known.stream)
    if not records:
        return [skipped("reviews", f"no committed record could be read within {_READ_SECONDS:g} s")]
    decoder = ReviewDecoder(known.chosen.id_field, known.chosen.text_field, known.chosen.max_record_bytes)
    texts, problems = [], []
    for record in records:
        try:
            texts.append(decoder.decode(record).text)
        except BadReview as bad:
            problems.append(f"{bad.detail} (partition {record.partition}, offset {record.offset})")
    known.texts = texts
    return [stream.judge_sample(len(records), problems, sum(record.key is None for record in records))]


def _read(known: Known, facts: stream.InputFacts) -> Sequence[Record]:
    source = Source(known.chosen.input_topic, None, _where_to_begin(facts, time.time()))
    records: list[Record] = []
    size = 0
    with connect.connected(known.chosen, source) as broker:
        until = time.monotonic() + _READ_SECONDS
        while len(records) < SAMPLE_RECORDS and size < _SAMPLE_BYTES and time.monotonic() < until:
            polled = broker.poll(SAMPLE_RECORDS - len(records), _POLL_SECONDS).records
            if not polled and records:
                break
            records += polled
            size += sum(len(record.value or b"") for record in polled)
    return records


def _where_to_begin(facts: stream.InputFacts, now: float) -> int:
    """The latest moment behind which there is a sample, in milliseconds, or the beginning."""
    for seconds, rate in facts.rates().items():
        if rate * seconds >= SAMPLE_RECORDS:
            return int((now - seconds) * 1000)
    return EARLIEST
