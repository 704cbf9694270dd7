"""Bad records among good ones: each has one dead letter or one sentiment, and the stream goes on."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.kafka import LocalKafka
from tests.kafka.conftest import CLIENTS
from tests.kafka.load import reviews
from tests.kafka.poison import CASES, FIVE_MEGABYTES
from tests.kafka.stream import Stream
from worker.commands.rolling_check.checker import Verdict

GOOD = 300
BAD = {case.name: case for case in CASES if case.reason}
FINE = {case.name: case for case in CASES if not case.reason}
REASONS = sorted({case.reason for case in CASES if case.reason})


class Poisoned:
    """What became of a stream of good reviews with every case in between; by the case's name."""

    def __init__(self, stream: Stream) -> None:
        drafts = list(itertools.islice(reviews("good"), GOOD))
        for location, case in enumerate(CASES):
            drafts.insert(10 * location, case.draft)
        [self.worker] = stream.ready_workers(1)
        stream.send(*drafts)
        stream.wait_until_done()
        self.counted = {name: self.worker.metric("dead_letters_total", reason=name) for name in REASONS}
        self.verdict = stream.verdict()
        self.sent = _by_case(stream.records(stream.input))
        self.dead_letters = _by_case(stream.records(stream.dead_letters))
        self.sentiments = _by_case(stream.records(stream.output))


def _by_case(records: list[Any]) -> dict[str, Any]:
    cases = ((dict(record.headers).get("case"), record) for record in records)
    return {case.decode(): record for case, record in cases if case is not None}


@pytest.fixture(scope="module", params=CLIENTS)
def poisoned(kafka: LocalKafka, request: pytest.FixtureRequest) -> Iterator[Poisoned]:
    with Stream(kafka, request.param) as stream:
        yield Poisoned(stream)


def test_each_record_has_exactly_one_sentiment_or_dead_letter(poisoned: Poisoned) -> None:
    assert poisoned.verdict == Verdict()
    assert poisoned.dead_letters.keys() == BAD.keys()
    assert poisoned.sentiments.keys() == FINE.keys()


def test_dead_letters_say_why_and_whence(poisoned: Poisoned) -> None:
    locations = {
        name: (sent.topic, sent.partition, sent.offset, sent.timestamp) for name, sent in poisoned.sent.items()
    }
    for name, dead_letter in poisoned.dead_letters.items():
        headers = {key: value.decode() for key, value in dead_letter.headers}
        reported = tuple(headers[f"dead-letter-{part}"] for part in ("topic", "partition", "offset", "timestamp"))
        assert (name, reported) == (name, tuple(map(str, locations[name])))
        assert (name, headers["dead-letter-reason"]) == (name, BAD[name].reason)
        assert headers["dead-letter-error"]
        assert headers["dead-letter-attempts"] == "1"


def test_dead_letters_hold_the_record_as_it_came(poisoned: Poisoned) -> None:
    came = {name: (poisoned.sent[name].key, poisoned.sent[name].value or b"") for name in BAD}
    assert {
        name: (dead_letter.key, dead_letter.value or b"") for name, dead_letter in poisoned.dead_letters.items()
    } == came


def test_what_cannot_be_written_as_it_came_is_told_by_a_header(poisoned: Poisoned) -> None:
    nothing = poisoned.dead_letters["neither key nor value"]
    assert (nothing.value, dict(nothing.headers)["dead-letter-value-was-null"]) == (b"", b"true")
    assert poisoned.dead_letters["no value"].value is None
    for record in (poisoned.dead_letters["not JSON, with a null header"], poisoned.sentiments["a null header"]):
        headers = dict(record.headers)
        assert (headers["trace"], headers["null-headers"]) == (b"", b"trace")


def test_a_record_of_five_megabytes_is_kept_whole(poisoned: Poisoned) -> None:
    assert poisoned.dead_letters["five megabytes"].value == FIVE_MEGABYTES


def test_headers_of_a_review_are_copied_to_its_sentiment(poisoned: Poisoned) -> None:
    assert dict(poisoned.sentiments["a null header"].headers)["traceparent"] == b"00-ab-cd-01"


def test_dead_letters_are_counted_by_reason(poisoned: Poisoned) -> None:
    assert poisoned.counted == {name: sum(case.reason == name for case in CASES) for name in REASONS}
