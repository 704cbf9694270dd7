from collections.abc import Iterator

import pytest

from tests.worker.commands.group.workers import Group, TestWorker, started_workers
from worker.commands.group.scrape import Answer, Scrape, Unreachable, parse_address, scrape_all
from worker.commands.group.state import WorkerState, agreement, state_of
from worker.kafka.types import Partition

SILENT = Unreachable("worker-9:8000", "connection refused")


@pytest.fixture
def start() -> Iterator[Group]:
    with started_workers() as start:
        yield start


def scrape(worker: TestWorker) -> Answer:
    [answer] = scrape_all([parse_address(worker.address)], limit_seconds=5)
    return answer


def state(worker: TestWorker) -> WorkerState:
    found = state_of(scrape(worker))
    assert isinstance(found, WorkerState)
    return found


def test_a_worker_tells_what_it_serves_with_since_when_and_how_far_it_is_behind(start: Group) -> None:
    worker = start(version=4, partitions=3)
    worker.metrics.lags({Partition("reviews", 1): 20, Partition("reviews", 2): 5}, {})
    found = state(worker)
    assert (found.main, found.versions[0].since, found.ready, found.alive) == ("reviews 4", 1_000.0, True, True)
    assert found.lags == {0: 0, 1: 20, 2: 5}


def test_sentiments_are_counted_by_version_the_main_one_first(start: Group) -> None:
    worker = start(version=4)
    worker.serve(5, label="canary")
    for version in (3, 4, 5):
        worker.produce(version, positive=version, negative=1)
    found = state(worker)
    assert [(each.name, each.label) for each in found.versions] == [
        ("reviews 4", "stable"), ("reviews 5", "canary"), ("reviews 3", ""),
    ]  # fmt: skip
    assert [each.sentiments["positive"] for each in found.versions] == [4, 5, 3]


def test_another_label_than_stable_can_be_the_main_one(start: Group) -> None:
    worker = start(version=None)
    worker.serve(7, label="candidate")
    worker.serve(8, label="shadow")
    assert state(worker).main == "reviews 7"


def test_a_refused_version_is_told_until_it_is_accepted(start: Group) -> None:
    worker = start()
    worker.metrics.model_refused.labels("reviews", 5, "stable").set(1)
    [refused] = state(worker).refused
    assert (refused.name, refused.label) == ("reviews 5", "stable")
    worker.metrics.model_refused.labels("reviews", 5, "stable").set(0)
    assert state(worker).refused == ()


def test_records_a_second_are_counted_between_two_answers(start: Group) -> None:
    worker = start()
    first = scrape(worker)
    worker.produce(4, positive=50)
    second = scrape(worker)
    assert isinstance(first, Scrape)
    assert isinstance(second, Scrape)
    found = state_of(second, first)
    assert isinstance(found, WorkerState)
    assert found.records_per_second == pytest.approx(50 / (second.at - first.at))


def test_a_worker_that_started_anew_has_no_rate_yet(start: Group) -> None:
    before = start()
    before.produce(4, positive=50)
    found = state_of(scrape(start()), scrape(before))
    assert isinstance(found, WorkerState)
    assert found.records_per_second is None


def test_one_version_everywhere_is_agreement(start: Group) -> None:
    one, two = state(start()), state(start())
    assert agreement([one]) == (True, "1 worker, on reviews 4")
    assert agreement([one, two]) == (True, "2 workers, all on reviews 4")


def test_two_versions_are_counted(start: Group) -> None:
    states = [state(start(version)) for version in (4, 3, 4, 4)]
    assert agreement(states) == (False, "mixed versions: reviews 4 on 3 workers, reviews 3 on 1 worker")


def test_a_worker_that_cannot_be_reached_may_run_anything(start: Group) -> None:
    assert agreement([state(start()), SILENT]) == (False, "1 worker, on reviews 4; 1 more cannot be reached")
    assert agreement([SILENT]) == (False, "no worker can be reached")


def test_a_worker_without_a_model_agrees_with_nobody(start: Group) -> None:
    empty = state(start(version=None))
    assert agreement([empty]) == (False, "1 worker, without a model")
    assert not agreement([empty, state(start())])[0]


def test_a_refused_version_that_should_serve_is_no_agreement(start: Group) -> None:
    worker = start()
    worker.metrics.model_refused.labels("reviews", 5, "stable").set(1)
    sentence = "2 workers, all on reviews 4; reviews 5 (stable) is refused by 1 worker"
    assert agreement([state(worker), state(start())]) == (False, sentence)


def test_a_refused_canary_is_no_agreement_and_a_refused_shadow_is_one(start: Group) -> None:
    worker = start()
    worker.metrics.model_refused.labels("reviews", 5, "shadow").set(1)
    assert agreement([state(worker)]) == (True, "1 worker, on reviews 4; reviews 5 (shadow) is refused by 1 worker")
    worker.metrics.model_refused.labels("reviews", 5, "shadow").set(0)
    worker.metrics.model_refused.labels("reviews", 5, "canary").set(1)
    assert agreement([state(worker)]) == (False, "1 worker, on reviews 4; reviews 5 (canary) is refused by 1 worker")


def test_a_canary_in_service_is_told_with_its_share(start: Group) -> None:
    workers = [start(), start()]
    workers[0].serve(5, label="canary", share=0.5)
    sentence = (
        "2 workers, all on reviews 4; mixed canaries: canary 5 on 50% of the keys on 1 worker, no canary on 1 worker"
    )
    assert agreement([state(each) for each in workers]) == (False, sentence)
    workers[1].serve(5, label="canary", share=0.5)
    sentence = "2 workers, all on reviews 4, canary 5 on 50% of the keys"
    assert agreement([state(each) for each in workers]) == (True, sentence)


def test_what_workers_wait_for_is_no_agreement(start: Group) -> None:
    one, two = start(), start()
    one.metrics.kafka_up.set(0)
    two.metrics.kafka_up.set(0)
    two.metrics.model_store_up.set(0)
    outages = "Kafka does not answer (2 workers); the labels in the model store cannot be followed (1 worker)"
    assert agreement([state(one), state(two)]) == (False, f"2 workers, all on reviews 4; {outages}")
    assert state(one).outages == ("Kafka does not answer",)


def test_before_a_worker_has_a_model_nothing_is_said_of_the_store(start: Group) -> None:
    assert state(start(version=None)).outages == ()


def test_only_the_version_that_is_asked_for_is_agreement(start: Group) -> None:
    worker = start(4)
    worker.serve(5, label="shadow")
    states = [state(worker), state(start(4))]
    assert agreement(states, 4) == (True, "2 workers, all on reviews 4")
    assert agreement(states, 5) == (False, "2 workers, all on reviews 4; none serves with version 5")
