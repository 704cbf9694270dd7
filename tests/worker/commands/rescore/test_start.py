"""How a rescoring begins, on a Kafka in memory: anew, beside another process, or not at all."""

from collections.abc import Mapping

import pytest

from tests.worker.commands.rescore.processes import JOB, SETTINGS, Processes, numbered, unseen
from worker.commands.rescore.job import Job
from worker.commands.rescore.offsets import bound
from worker.commands.rescore.start import begin, for_range, make_job
from worker.errors import BadUse, StopWorker, TopicMissing
from worker.kafka.types import CommittedOffset, Partition


def test_of_two_that_begin_at_once_the_second_joins_in(processes: Processes) -> None:
    processes.send_numbered(50)
    asking, late = processes.opened(), processes.opened()

    def set_later(group: str, offsets: Mapping[Partition, CommittedOffset]) -> None:
        processes.start().to_end(unseen)  # it was faster, and is still a member
        late.set_group_offsets(group, offsets)

    asking.set_group_offsets = set_later  # type: ignore[method-assign]
    assert begin(asking, for_range(JOB, None, None), None, None).remaining == 0
    assert processes.ids() == numbered(50)


def test_one_that_begins_when_another_has_written_results_joins_in(processes: Processes) -> None:
    processes.send_numbered(200)
    first = processes.start(instance="one")
    while not processes.ids():
        first.step(unseen)
    second = processes.start(instance="two")
    for _ in range(20):
        for run in (first, second):
            run.step(unseen)
    assert processes.ids() == numbered(200)


def test_one_that_looks_just_before_another_has_begun_and_written_joins_in(processes: Processes) -> None:
    processes.send_numbered(50)
    asking = processes.opened()
    ask = asking.offsets_at

    def ask_late(topic: str, start: int) -> dict[Partition, int]:
        if not processes.ids():
            processes.start().to_end(unseen)
        return ask(topic, start)

    asking.offsets_at = ask_late  # type: ignore[method-assign]
    assert begin(asking, for_range(JOB, None, None), None, None).remaining == 0
    assert processes.ids() == numbered(50)


@pytest.mark.parametrize(
    "other", [make_job(SETTINGS, ("imdb", 1), "again", "another"), make_job(SETTINGS, ("imdb", 2), "again", None)]
)
def test_a_topic_that_holds_the_results_of_another_run_is_refused(processes: Processes, other: Job) -> None:
    processes.send_numbered(20)
    processes()
    with pytest.raises(BadUse, match=r"--to: topic again holds records already, .* with --append$"):
        processes.start(job=other)
    assert processes.ids() == numbered(20)
    assert processes.opened().group_offsets(other.group, "reviews") == {}


def test_a_run_whose_positions_are_gone_is_not_begun_again_unless_told_to(processes: Processes) -> None:
    processes.send_numbered(20)
    processes()
    processes.memory.groups[JOB.group].offsets.clear()
    with pytest.raises(BadUse, match="holds records already"):
        processes.start()
    processes.start(append=True).to_end(unseen)
    assert set(processes.ids().values()) == {2}


def test_another_range_needs_another_group(processes: Processes) -> None:
    processes.send_numbered(20)
    processes()
    with pytest.raises(BadUse, match=r"rescores another range \(from the beginning until the end, imdb@1 into again\)"):
        processes(until=bound("5"))


def test_positions_of_other_programs_are_not_touched(processes: Processes) -> None:
    processes.send_numbered(20)
    offsets = {Partition("reviews", 0): CommittedOffset(3, '{"seen":1}')}
    processes.opened().set_group_offsets(JOB.group, offsets)
    with pytest.raises(BadUse, match="has positions that no rescoring made: name another with --group"):
        processes()
    assert processes.opened().group_offsets(JOB.group, "reviews") == offsets


def test_an_empty_range_is_refused_before_anything_is_remembered(processes: Processes) -> None:
    processes.send_numbered(20)
    with pytest.raises(StopWorker, match="topic reviews holds nothing from 3 until 3"):
        processes(bound("3"), bound("3"))
    assert processes.opened().group_offsets(JOB.group, "reviews") == {}


def test_a_missing_target_is_named_with_what_makes_it(processes: Processes) -> None:
    job = make_job(SETTINGS, ("imdb", 1), "not-there", None)
    with pytest.raises(TopicMissing, match="topic not-there does not exist: --create-topic makes it"):
        processes.start(job=job)
