"""The loop of `rescore` on a Kafka in memory, as several processes one after the other would run it."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from models.registry import Registry
from models.scorer import Scorer
from worker.broker import EARLIEST, Message, Partition, Position, Record
from worker.commands.rescore_batch import Rescorer
from worker.commands.rescore_begin import begin, for_range, make_job
from worker.commands.rescore_brakes import Brakes
from worker.commands.rescore_plan import Job, State, remembered, state_of, with_both
from worker.commands.rescore_range import Bound, bound
from worker.commands.rescore_run import Run
from worker.errors import BadUse, StopWorker, TopicMissing
from worker.memory_broker import MemoryBroker
from worker.memory_kafka import MemoryKafka
from worker.messages import ReviewDecoder
from worker.settings import Settings

Opened = Callable[..., MemoryBroker]
SETTINGS = Settings(max_batch_records=50)
JOB = make_job(SETTINGS, ("imdb", 1), "again", None)


def unseen(done: int, live_lag: int | None = None) -> None:
    """Shows nothing."""


class Processes:
    """Runs rescorings on the same Kafka, each in a process of its own as it were."""

    def __init__(self, memory: MemoryKafka, opened: Opened) -> None:
        self.memory = memory
        self.opened = opened
        self.scorer = Scorer.load(Registry().resolve("imdb").path, verify=False)
        memory.create("again", partitions=3)

    def send(self, *values: object) -> list[Record]:
        """Write review objects, or bytes as they are, to the input topic."""
        made = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
        keys = [b"key-%d" % number for number in range(len(made))]
        return [
            self.memory.append(Message("reviews", key, value, [("traceparent", b"00-1")]))
            for key, value in zip(keys, made, strict=True)
        ]

    def send_numbered(self, count: int, prefix: str = "r") -> None:
        self.send(*({"id": f"{prefix}{number}", "text": f"a fine film {number}"} for number in range(count)))

    def start(
        self, since: Bound | None = None, until: Bound | None = None, job: Job = JOB, instance: str = "one"
    ) -> Run:
        job = for_range(job, since, until)
        state = begin(self.opened(), job, since, until)
        self.broker = self.opened("reviews", job.group, EARLIEST, f"{job.group}-{instance}")
        rescorer = Rescorer(self.scorer, ReviewDecoder(), job.to)
        return Run(self.broker, rescorer, job, state, Brakes(lambda: 0, 1), SETTINGS)

    def __call__(self, since: Bound | None = None, until: Bound | None = None) -> State:
        run = self.start(since, until)
        run.to_end(unseen)
        self.broker.close()
        return run.state

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in self.memory.read("again")]

    def ids(self) -> Counter[str]:
        return Counter(result["id"] for result in self.results())


@pytest.fixture
def processes(memory: MemoryKafka, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> Processes:
    monkeypatch.setattr("worker.commands.rescore_run._PAUSE_SECONDS", 0.0)
    return Processes(memory, opened)


def records_of(state: State) -> int:
    return sum(each.records for each in state.progress.values())


def numbered(count: int) -> Counter[str]:
    return Counter(f"r{number}" for number in range(count))


def test_everything_up_to_the_end_is_scored_once(processes: Processes) -> None:
    processes.send_numbered(200)
    state = processes()
    assert (state.left, records_of(state), processes.ids()) == (0, 200, numbered(200))


def test_of_two_that_begin_at_once_the_second_joins_in(processes: Processes) -> None:
    processes.send_numbered(50)
    asking, late = processes.opened(), processes.opened()

    def set_later(group: str, positions: Mapping[Partition, Position]) -> None:
        processes.start().to_end(unseen)  # it was faster, and is still a member
        late.set_group_positions(group, positions)

    asking.set_group_positions = set_later  # type: ignore[method-assign]
    assert begin(asking, for_range(JOB, None, None), None, None).left == 0
    assert processes.ids() == numbered(50)


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
    assert (state.left, records_of(state)) == (0, 20)


def test_the_marker_of_a_transaction_at_the_end_is_passed(processes: Processes) -> None:
    messages = [Message("reviews", b"k%d" % n, b'{"id":"r%d","text":"good"}' % n, []) for n in range(9)]
    processes.memory.append_all(messages, in_transaction=True)
    assert processes().left == 0
    state = remembered(processes.opened(), JOB)
    assert state is not None
    assert (state.left, processes.ids()) == (0, numbered(9))


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
    assert all(run.state.left > 0 for run in runs)
    assert with_both(runs[0].state, runs[1].state).left == 0


def test_another_range_needs_another_group(processes: Processes) -> None:
    processes.send_numbered(20)
    processes()
    with pytest.raises(BadUse, match=r"rescores another range \(from the beginning until the end, imdb@1 into again\)"):
        processes(until=bound("5"))


def test_positions_of_other_programs_are_not_touched(processes: Processes) -> None:
    processes.send_numbered(20)
    positions = {Partition("reviews", 0): Position(3, '{"seen":1}')}
    processes.opened().set_group_positions(JOB.group, positions)
    with pytest.raises(BadUse, match="has positions that no rescoring made: name another with --group"):
        processes()
    assert processes.opened().group_positions(JOB.group, "reviews") == positions


def test_an_empty_range_is_refused_before_anything_is_remembered(processes: Processes) -> None:
    processes.send_numbered(20)
    with pytest.raises(StopWorker, match="topic reviews holds nothing from 3 until 3"):
        processes(bound("3"), bound("3"))
    assert processes.opened().group_positions(JOB.group, "reviews") == {}


def test_a_missing_target_is_named_with_what_makes_it(processes: Processes, opened: Opened) -> None:
    job = make_job(SETTINGS, ("imdb", 1), "not-there", None)
    with pytest.raises(TopicMissing, match="topic not-there does not exist: --create-topic makes it"):
        processes.start(job=job)


def test_the_state_travels_in_positions(processes: Processes) -> None:
    processes.send_numbered(20)
    state = processes()
    positions = {part: each.at(state.next_offsets[part]) for part, each in state.progress.items()}
    assert state_of(for_range(JOB, None, None), positions) == state
    assert all(len(position.metadata) < 500 for position in positions.values())
