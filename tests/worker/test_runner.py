import threading
from collections.abc import Callable

import pytest

from worker.errors import BatchExpired, BatchRefused, KafkaAway, StopWorker
from worker.kafka.types import Connection
from worker.observability.health import Health
from worker.observability.metrics import Metrics
from worker.runner import Runner


class Steps:
    """A pipeline and its broker whose calls do what is written here; told to stop when nothing is left."""

    def __init__(self, turns: list[Exception | bool], rewinds: list[Exception | None] | None = None) -> None:
        self.turns, self.rewinds = turns, rewinds or []
        self.rewound = self.started_over = 0
        self.stopping = threading.Event()
        self.metrics, self.health = Metrics(), Health()

    def turn(self) -> bool:
        outcome = self.turns.pop(0)
        if not self.turns:
            self.stopping.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def start_over(self) -> None:
        self.started_over += 1

    def rewind(self) -> None:
        self.rewound += 1
        if self.rewinds and (problem := self.rewinds.pop(0)):
            raise problem

    def run(self, answers: Callable[[], bool] = lambda: True) -> None:
        runner = Runner(self, Connection("kafka:9092"), self.metrics, self.health, self.stopping, lambda _: answers())  # type: ignore[arg-type]
        runner.run(self)  # type: ignore[arg-type]

    def count(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"sentiment_{name}_total", labels)


def test_a_refused_batch_is_done_again_after_a_rewind() -> None:
    steps = Steps([BatchRefused("rebalance"), True, True])
    steps.run()
    assert (steps.rewound, steps.started_over) == (1, 1)
    assert steps.count("transactions", outcome="refused") == 1


def test_one_expired_batch_is_done_again() -> None:
    steps = Steps([BatchExpired("5 s"), True, BatchExpired("5 s"), True, True])
    steps.run()
    assert steps.rewound == 2


def test_two_expired_batches_in_a_row_end_the_process_when_kafka_answers() -> None:
    with pytest.raises(StopWorker, match="two batches in a row"):
        Steps([BatchExpired("5 s"), BatchExpired("5 s"), True]).run()


def test_while_no_server_answers_expired_batches_do_not_end_it() -> None:
    steps = Steps([BatchExpired("5 s")] * 4 + [True, True])
    steps.run(answers=lambda: False)
    assert steps.rewound == 4


def test_an_outage_is_counted_once_and_known_to_the_probes() -> None:
    answers = iter([False, False, False])
    steps = Steps([BatchRefused("away"), True, True], [KafkaAway("away")] * 3)
    steps.run(lambda: next(answers, True))
    assert steps.count("kafka_outages") == 1
    assert steps.rewound == 4
    assert steps.health.kafka_answers


def test_the_metrics_tell_an_outage_while_it_lasts() -> None:
    steps, seen = Steps([BatchRefused("away"), True, True], [KafkaAway("away"), None]), []
    up = steps.metrics.registry.get_sample_value

    def answers() -> bool:
        seen.append(up("sentiment_kafka_up"))
        return len(seen) > 2

    steps.rewinds.insert(0, KafkaAway("away"))
    steps.run(answers)
    assert (seen, up("sentiment_kafka_up")) == ([1, 0], 1)


def test_a_rewind_that_stays_refused_though_kafka_answers_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.runner._RECOVERY_LIMIT_SECONDS", 0.2)
    with pytest.raises(StopWorker, match="no way back"):
        Steps([BatchRefused("fenced"), True], [BatchRefused("fenced")] * 50).run()


def test_being_told_to_stop_ends_the_waiting_for_kafka() -> None:
    steps = Steps([KafkaAway("away"), True], [KafkaAway("away")] * 1_000)
    threading.Timer(0.3, steps.stopping.set).start()
    steps.run(answers=lambda: False)
    assert steps.stopping.is_set()
