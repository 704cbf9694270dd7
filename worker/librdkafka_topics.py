"""Waiting for what librdkafka's admin client was asked about topics. Imports no client itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from worker.client_errors import ClientError, translated
from worker.errors import AccessDenied, BatchExpired, KafkaAway, StopWorker, TopicMissing
from worker.librdkafka_reader import Complaints

_MOMENT_SECONDS = 0.02


class TopicAnswers:
    """The answers to one request, by topic. Raises AccessDenied as soon as Kafka refuses us, KafkaAway when it is late.

    `admin` is a `confluent_kafka.admin.AdminClient`, which tells of refusals only when it is polled.
    """

    def __init__(
        self, admin: Any, complaints: Complaints, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._admin = admin
        self._complaints = complaints
        self._seconds = seconds
        self._clock = clock

    def partition_numbers(self, answers: Mapping[str, Future[Any]]) -> dict[str, list[int]]:
        """The partitions of described topics. Raises TopicMissing."""
        numbers = {}
        for topic, answer in answers.items():
            if (failure := self._failure(answer)) is None:
                numbers[topic] = [partition.id for partition in answer.result().partitions]
            elif isinstance(translated(failure), TopicMissing):
                raise TopicMissing(f"topic {topic} does not exist: create it (worker run --create-topics)")
            else:
                raise KafkaAway(f"Kafka does not describe topic {topic}: {failure.str()}")
        return numbers

    def created(self, answers: Mapping[str, Future[Any]]) -> None:
        """Wait until these topics are there, made now or before. Raises StopWorker where Kafka does not want one."""
        for topic, answer in answers.items():
            failure = self._failure(answer)
            if failure is not None and failure.name() != "TOPIC_ALREADY_EXISTS":
                raise StopWorker(f"topic {topic} cannot be created: {failure.str()}")

    def _failure(self, answer: Future[Any]) -> ClientError | None:
        until = self._clock() + self._seconds
        while not answer.done():
            self._admin.poll(_MOMENT_SECONDS)
            self._complaints.check()
            if self._clock() > until:
                raise KafkaAway("Kafka does not answer")
        if (exception := answer.exception()) is None:
            return None
        failure: ClientError = exception.args[0]
        problem = translated(failure)
        if isinstance(problem, AccessDenied):
            raise problem
        if isinstance(problem, BatchExpired):
            raise KafkaAway(str(problem))
        return failure
