from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from tests.worker.commands.dead_letters.letters import sent, write_dead_letters
from worker.commands.dead_letters.plan import Choice, Plan, sentences
from worker.commands.dead_letters.replay import Earlier, execute, make_plan, nothing_earlier
from worker.errors import StopWorker
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import CommittedOffset, Message, Partition, Record
from worker.settings.settings import Settings

Opened = Callable[..., MemoryBroker]


class Replays:
    """Runs replays one after the other, each in a process of its own as it were."""

    def __init__(self, memory: MemoryKafka, opened: Opened) -> None:
        self.memory = memory
        self._opened = opened

    def __call__(self, execute_it: bool = True, earlier: Earlier = nothing_earlier, **choice: object) -> Plan:
        broker = self._opened("reviews.dead-letter", "again", transactional_id="again" if execute_it else None)
        which = Choice(**({"input_topic": "reviews"} | choice))  # type: ignore[arg-type]
        try:
            plan = make_plan(broker, Settings(), which, earlier)
            return execute(broker, which, plan, earlier) if execute_it else plan
        finally:
            broker.close()

    def values(self) -> list[bytes | None]:
        """What came back into the input topic."""
        return [r.value for r in self.memory.read("reviews") if "dead-letter-replays" in dict(r.headers)]


@pytest.fixture
def replay(memory: MemoryKafka, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> Replays:
    monkeypatch.setattr("worker.commands.dead_letters.replay._PAUSE_SECONDS", 0.0)
    return Replays(memory, opened)


def test_a_dry_run_counts_and_changes_nothing(memory: MemoryKafka, replay: Replays) -> None:
    write_dead_letters(memory, *sent(memory, b"a", b"b"))
    assert replay(execute_it=False).replay == {"invalid": 2}
    assert replay(execute_it=False).replay == {"invalid": 2}
    assert replay.values() == []


def test_every_letter_comes_back_once_however_often_it_is_run(memory: MemoryKafka, replay: Replays) -> None:
    values = [b"%d" % number for number in range(777)]
    write_dead_letters(memory, *sent(memory, *values))
    assert replay().replay == {"invalid": 777}
    assert replay().replay == {}
    assert sorted(replay.values()) == sorted(values)  # type: ignore[type-var]


def test_a_later_replay_sends_what_was_buried_since(memory: MemoryKafka, replay: Replays) -> None:
    write_dead_letters(memory, *sent(memory, b"a"))
    replay()
    write_dead_letters(memory, *sent(memory, b"b"))
    assert replay().replay == {"invalid": 1}
    assert replay.values() == [b"a", b"b"] or replay.values() == [b"b", b"a"]


def test_what_comes_back_while_it_runs_waits_for_the_next_replay(memory: MemoryKafka, opened: Opened) -> None:
    write_dead_letters(memory, *sent(memory, b"a"))
    broker = opened("reviews.dead-letter", "again", transactional_id="again")
    plan = make_plan(broker, Settings(), Choice("reviews"), nothing_earlier)
    write_dead_letters(memory, *sent(memory, b"b"))
    assert execute(broker, Choice("reviews"), plan, nothing_earlier).replay == {"invalid": 1}


def test_other_reasons_are_passed_over_for_good(memory: MemoryKafka, replay: Replays) -> None:
    write_dead_letters(memory, *sent(memory, b"a", b"b"), reason="invalid")
    write_dead_letters(memory, *sent(memory, b"c"), reason="scoring_failed")
    done = replay(reasons=["scoring_failed"])
    assert (done.replay, done.passed_over) == ({"scoring_failed": 1}, {"other_reason": 2})
    assert replay.values() == [b"c"]
    assert replay().replay == {}


def test_from_the_beginning_those_come_again_and_new_ones_once(memory: MemoryKafka, replay: Replays) -> None:
    write_dead_letters(memory, *sent(memory, b"a", b"b"))
    replay(reasons=["not_json"])
    write_dead_letters(memory, *sent(memory, b"c"))

    def earlier(committed: Mapping[Partition, CommittedOffset]) -> Iterable[Sequence[Record]]:
        dead_letters = memory.read("reviews.dead-letter")
        locations = [
            (dead_letter, committed.get(Partition(dead_letter.topic, dead_letter.partition)))
            for dead_letter in dead_letters
        ]
        yield [dead_letter for dead_letter, at in locations if at is not None and dead_letter.offset < at.next_offset]

    assert replay(earlier=earlier).replay == {"invalid": 3}
    assert sorted(replay.values()) == [b"a", b"b", b"c"]  # type: ignore[type-var]
    assert replay().replay == {}


def test_a_letter_that_came_back_too_often_is_left_alone(memory: MemoryKafka, replay: Replays) -> None:
    [dead_letter] = write_dead_letters(memory, *sent(memory, b"a"))
    for _ in range(3):
        replay()
        [dead_letter] = write_dead_letters(memory, memory.read("reviews")[-1])
    assert dict(dead_letter.headers)["dead-letter-replays"] == b"3"
    assert dict(dead_letter.headers)["dead-letter-attempts"] == b"4"
    assert replay().passed_over == {"came_back": 1}


def test_what_was_too_large_to_keep_cannot_come_back(memory: MemoryKafka, replay: Replays) -> None:
    write_dead_letters(memory, *sent(memory, b"x" * 9_000_000), reason="too_large")
    assert replay().passed_over == {"without_value": 1}
    assert replay.values() == []


def test_letters_from_another_topic_stop_it_before_anything_is_sent(memory: MemoryKafka, replay: Replays) -> None:
    memory.create("other")
    write_dead_letters(memory, *sent(memory, b"a"), *sent(memory, b"b", topic="other"))
    with pytest.raises(StopWorker, match="1 dead letter came from other, not from the input topic reviews"):
        replay()
    assert replay.values() == []
    assert replay(skip_other_topics=True).passed_over == {"other_topic": 1}
    assert replay.values() == [b"a"]


@pytest.mark.parametrize("stored", [True, False])
def test_a_commit_without_an_answer_doubles_nothing(memory: MemoryKafka, replay: Replays, stored: bool) -> None:
    write_dead_letters(memory, *sent(memory, b"a", b"b", b"c"))
    memory.expire_next_commit(stored=stored)
    assert replay().replay == {"invalid": 3}
    assert sorted(replay.values()) == [b"a", b"b", b"c"]  # type: ignore[type-var]


def test_the_original_key_and_headers_come_back(memory: MemoryKafka, replay: Replays) -> None:
    [record] = sent(memory, b"a")
    write_dead_letters(memory, record)
    replay()
    again = memory.read("reviews")[-1]
    assert (again.key, dict(again.headers)["traceparent"]) == (record.key, b"00-1")


def test_a_plan_is_told_in_sentences(memory: MemoryKafka, replay: Replays) -> None:
    write_dead_letters(memory, *sent(memory, b"a", b"b"), reason="invalid")
    write_dead_letters(memory, *sent(memory, b"c"), reason="scoring_failed")
    choice = Choice("reviews", ["scoring_failed"])
    assert list(sentences(replay(execute_it=False, reasons=["scoring_failed"]), choice, executed=False)) == [
        "Would send 1 dead letter to topic reviews again (1 scoring_failed).",
        "Would pass over for good: 2 with another reason.",
        "Nothing was sent: this was a dry run. The same command with --execute does it.",
    ]


def test_nothing_to_replay_is_said() -> None:
    assert "no dead letters that were not replayed" in next(sentences(Plan(), Choice("reviews"), executed=True))


def test_a_record_of_another_writer_is_foreign(memory: MemoryKafka, replay: Replays) -> None:
    memory.append(Message("reviews.dead-letter", b"k", b"v", []))
    with pytest.raises(StopWorker, match="came from an unnamed topic"):
        replay()
