"""What `top` says of a real group: rates, lags, stages and limits as they are."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.local.kafka import LocalKafka
from tests.kafka.load import reviews
from tests.kafka.stream import PARTITIONS, Stream
from tests.kafka.topics import unique
from tests.kafka.workers import PROJECT, Worker

CHECKS = 120
RATE = 100.0
Check = dict[str, Any]


@pytest.fixture
def stream(kafka: LocalKafka) -> Iterator[Stream]:
    with Stream(kafka, "kafka-python", max_batch_records="64") as stream:
        yield stream


@contextmanager
def watched(workers: list[Worker]) -> Iterator[Callable[[Callable[[Check], bool]], Check]]:
    """A function that looks at the group until something holds, and returns that look."""
    addresses = ",".join(f"127.0.0.1:{worker.events('starting')[-1]['http_port']}" for worker in workers)
    command = [sys.executable, "-m", "worker", "top", "--json", "--every", "500ms", "--over", "3s"]
    with subprocess.Popen(
        [*command, "--workers", addresses], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None

        def until(holds: Callable[[Check], bool]) -> Check:
            look: Check = {}
            for look in (json.loads(line) for line, _ in zip(process.stdout or (), range(CHECKS), strict=False)):
                if holds(look):
                    return dict(look)
            raise AssertionError(f"{CHECKS} looks, and it never held: {look}")

        try:
            yield until
        finally:
            process.terminate()


def test_top_follows_a_group_through_calm_load_and_the_loss_of_a_worker(stream: Stream) -> None:
    workers = stream.ready_workers(2)
    with watched(workers) as until:
        with stream.load(RATE):
            calm = until(lambda look: abs((look["arriving_per_second"] or 0) - RATE) < 0.2 * RATE)
        assert (calm["agree"], len(calm["partitions"])) == (True, PARTITIONS)
        assert [0 < sum(each["shares"].values()) < 1.01 for each in calm["workers"]] == [True, True]
        assert all(each["cores"] > 0 for each in calm["workers"])
        stream.send_reviews(6_000)
        loaded = until(lambda look: look["drain"]["course"] in ("draining", "never"))
        assert loaded["lag"] > loaded["records_per_second"]
        assert loaded["limit"]["by"] != "input"
        assert loaded["workers_needed"] >= 1
        until(lambda look: look["lag"] == 0 and look["limit"]["by"] == "input")
        assert workers[0].stop()[0] == 0
        alone = until(lambda look: len(look["partitions"]) == PARTITIONS and not look["workers"][0]["reachable"])
        assert [each["reachable"] for each in alone["workers"]] == [False, True]


def test_top_names_the_partition_that_keeps_one_worker_busy_and_leaves_the_other_idle(stream: Stream) -> None:
    workers = stream.ready_workers(2)
    drafts = itertools.islice(reviews(unique("hot")), 20_000)
    with watched(workers) as until:
        stream.send(*(draft._replace(key=b"one for all") for draft in drafts))
        limited = until(lambda look: look["limit"]["by"] == "partitions")
    [hot] = [each["partition"] for each in limited["partitions"] if each["lag"] == limited["lag"] > 0]
    reason = f"partition {hot} has 100% of all that is left, while 1 of 2 workers has time to spare"
    assert limited["limit"]["reason"] == reason
