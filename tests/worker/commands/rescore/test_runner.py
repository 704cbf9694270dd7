"""The loop of `rescore` on a Kafka in memory, as several processes one after the other would run it."""

from collections import Counter

import pytest

from tests.worker.commands.rescore.processes import JOB, Processes, numbered, unseen
from worker.commands.rescore.job import State, remembered, state_of, with_both
from worker.commands.rescore.offsets import bound
from worker.commands.rescore.start import for_range
from worker.kafka.types import Message


def records_of(state: State) -> int:
    return sum(each.records for each in state.progress.values())


def test_everything_up_to_the_end_is_scored_once(processes: Processes) -> None:
    processes.send_numbered(200)
    state = processes()
    assert (state.remaining, records_of(state), processes.ids()) == (0, 200, numbered(200))


def test_a_sentiment_is_what_the_worker_would_have_written(processes: Processes) -> None:
    [sent] = processes.send({"text": "A wonderful film.", "attributes": {"shop": "7"}})
    processes()
    [result], [record] = processes.results(), processes.memory.read("again")
    expected = processes.scorer.score(["A wonderful film."]).probabilities[0].tolist()
    assert (result["id"], result["attributes"]) == (f"reviews-{sent.partition}-0", {"shop": "7"})
    assert list(result["scores"].values()) == pytest.approx(expected, abs=1e-5)
    assert (result["model"], result["version"], result["sentiment"]) == ("imdb", 1, "positive")
    assert (record.key, list(record.headers)) == (sent.key, [("traceparent", b"00-1")])


def test_what_is_no_review_is_counted_and_skipped(processes: Processes) -> None:
    processes.send({"id": "a", "text": "good"}, b"{", {"id": "b"}, b"[]", {"id": "c", "text": "x" * 200_001})
    state = processes()
    skipped = sum((Counter(each.skipped) for each in state.progress.values()), Counter[str]())
    assert (records_of(state), processes.ids()) == (5, Counter("a"))
    assert skipped == {"not_json": 1, "invalid": 2, "too_large": 1}


def test_nothing_outside_the_range_is_scored(processes: Processes) -> None:
    processes.send_numbered(200)
    processes(bound("5"), bound("0:20,1:6"))
    scored = Counter(record.partition for record in processes.memory.read("again"))
    assert scored == {0: 15, 1: 1}


def test_what_is_sent_meanwhile_is_not_in_the_range(processes: Processes) -> None:
    processes.send_numbered(200)
    run = processes.start()
    run.step(unseen)
    processes.send_numbered(50, "late-")
    run.to_end(unseen)
    assert processes.ids() == numbered(200)


def test_the_next_process_goes_on_with_the_same_range(processes: Processes) -> None:
    processes.send_numbered(200)
    first = processes.start()
    while not processes.ids():
        first.step(unseen)
    processes.broker.close()
    processes.send_numbered(50, "late-")
    assert 0 < len(processes.ids()) < 200
    state = processes()
    assert (records_of(state), processes.ids()) == (200, numbered(200))


def test_a_finished_range_stays_finished(processes: Processes) -> None:
    processes.send_numbered(20)
    processes()
    processes.send_numbered(20, "late-")
    state = remembered(processes.opened(), for_range(JOB, None, None))
    assert state is not None
    assert (state.remaining, records_of(state)) == (0, 20)


def test_the_marker_of_a_transaction_at_the_end_is_passed(processes: Processes) -> None:
    messages = [Message("reviews", b"k%d" % n, b'{"id":"r%d","text":"good"}' % n, []) for n in range(9)]
    processes.memory.append_all(messages, in_transaction=True)
    assert processes().remaining == 0
    state = remembered(processes.opened(), JOB)
    assert state is not None
    assert (state.remaining, processes.ids()) == (0, numbered(9))


@pytest.mark.parametrize("stored", [True, False])
def test_a_commit_without_an_answer_doubles_nothing(processes: Processes, stored: bool) -> None:
    processes.send_numbered(200)
    run = processes.start()
    processes.memory.expire_next_commit(stored=stored)
    run.to_end(unseen)
    assert (records_of(run.state), processes.ids()) == (200, numbered(200))


def test_two_processes_share_the_partitions(processes: Processes) -> None:
    processes.send_numbered(300)
    runs = [processes.start(instance="one"), processes.start(instance="two")]
    for _ in range(20):
        for run in runs:
            run.step(unseen)
    assert processes.ids() == numbered(300)
    assert all(run.state.remaining > 0 for run in runs)
    assert with_both(runs[0].state, runs[1].state).remaining == 0


def test_the_state_travels_in_positions(processes: Processes) -> None:
    processes.send_numbered(20)
    state = processes()
    offsets = {part: each.at(state.next_offsets[part]) for part, each in state.progress.items()}
    assert state_of(for_range(JOB, None, None), offsets) == state
    assert all(len(committed_offset.metadata) < 500 for committed_offset in offsets.values())
