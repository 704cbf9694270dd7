"""Topics, offsets and the cluster, asked through librdkafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from worker.errors import AccessDenied, BatchExpired, KafkaAway, StopWorker, TopicMissing
from worker.kafka.admin import (
    GroupFacts,
    PartitionFacts,
    Server,
    TopicFacts,
    TransactionFacts,
    has_members,
    offsets_or_ends,
)
from worker.kafka.error_mapping import ClientError, translated
from worker.kafka.librdkafka.consumer import Reasons
from worker.kafka.types import EARLIEST, LATEST, CommittedOffset, Partition, Topic


class Inspection:
    """See `worker.kafka.admin.Inspector`.

    `client` is the package `confluent_kafka`, `admin` its AdminClient; `failure` waits for an answer and returns why
    there is none, raising KafkaAway and AccessDenied itself.
    """

    knows_transactions = False

    def __init__(
        self, client: Any, admin: Any, failure: Callable[[Future[Any]], ClientError | None], seconds: float
    ) -> None:
        self._client = client
        self._admin = admin
        self._failure = failure
        self._seconds = seconds

    def servers(self) -> Sequence[Server]:
        described = self._answer(self._admin.describe_cluster(request_timeout=self._seconds), "its servers")
        return [Server(node.id, node.host, node.port) for node in described.nodes]

    def topic_names(self) -> Sequence[str]:
        try:
            return list(self._admin.list_topics(timeout=self._seconds).topics)
        except self._client.KafkaException as error:
            raise KafkaAway(f"Kafka does not list its topics: {error.args[0].str()}") from error

    def topic(self, name: str) -> TopicFacts:
        asked = self._client.TopicCollection([name])
        answers = self._admin.describe_topics(asked, include_authorized_operations=True, request_timeout=self._seconds)
        described = self._answer(answers[name], f"topic {name}")
        partitions = [
            PartitionFacts(
                each.leader is not None and each.leader.id >= 0,
                [node.id for node in each.replicas],
                [node.id for node in each.isr],
            )
            for each in described.partitions
        ]
        return TopicFacts.of(name, partitions, frozenset(each.name for each in described.authorized_operations or ()))

    def topic_settings(self, name: str) -> Mapping[str, str]:
        return self._settings("topic", name)

    def server_settings(self) -> Mapping[str, str]:
        return self._settings("broker", str(self.servers()[0].number))

    def group(self, group_id: str) -> GroupFacts:
        answers = self._admin.describe_consumer_groups([group_id], request_timeout=self._seconds)
        described = self._answer(answers[group_id], f"group {group_id}")
        return GroupFacts(
            described.state.name.capitalize(), tuple(each.host.removeprefix("/") for each in described.members)
        )

    def transaction(self, transactional_id: str) -> TransactionFacts | None:
        return None

    def _settings(self, kind: str, name: str) -> Mapping[str, str]:
        resource = self._client.admin.ConfigResource(kind, name)
        answers = self._admin.describe_configs([resource], request_timeout=self._seconds)
        found = self._answer(answers[resource], f"the settings of {kind} {name}")
        return {key: entry.value for key, entry in found.items() if entry.value is not None}

    def _answer(self, answer: Future[Any], what: str) -> Any:
        if (failure := self._failure(answer)) is None:
            return answer.result()
        problem = translated(failure)
        if isinstance(problem, StopWorker):
            raise problem
        raise KafkaAway(f"Kafka does not describe {what}: {failure.str()}")


_MOMENT_SECONDS = 0.02


class Topics:
    """Asks and waits. Raises AccessDenied as soon as Kafka refuses us, KafkaAway when the answer is late.

    `client` is the package `confluent_kafka`, `admin` its AdminClient, which tells of refusals only when it is polled.
    """

    def __init__(
        self,
        client: Any,
        admin: Any,
        reasons: Reasons,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._admin = admin
        self._reasons = reasons
        self._seconds = seconds
        self._clock = clock

    def partition_numbers(self, topics: Collection[str]) -> dict[str, list[int]]:
        """The partitions of topics. Raises TopicMissing."""
        if not topics:
            return {}
        asked = self._client.TopicCollection(list(topics))
        numbers = {}
        for topic, answer in self._admin.describe_topics(asked, request_timeout=self._seconds).items():
            if (failure := self._failure(answer, f"topic {topic}: ")) is None:
                numbers[topic] = [partition.id for partition in answer.result().partitions]
            elif isinstance(translated(failure), TopicMissing):
                raise TopicMissing(f"topic {topic} does not exist: create it (worker run --create-topics)")
            else:
                raise KafkaAway(f"Kafka does not describe topic {topic}: {failure.str()}")
        return numbers

    def create(self, topics: Sequence[Topic]) -> None:
        """See Broker.create_topics. Raises StopWorker where Kafka does not want one."""
        make = self._client.admin.NewTopic
        new = [make(t.name, t.partitions, t.replication, config=dict(t.configs)) for t in topics]
        answers = self._admin.create_topics(new, request_timeout=self._seconds) if new else {}
        for topic, answer in answers.items():
            failure = self._failure(answer, f"topic {topic}: ")
            if failure is not None and failure.name() != "TOPIC_ALREADY_EXISTS":
                raise StopWorker(f"topic {topic} cannot be created: {failure.str()}")

    def offsets(self, group_id: str, topic: str) -> dict[Partition, CommittedOffset]:
        """See Broker.group_offsets."""
        asked = [self._client.ConsumerGroupTopicPartitions(group_id)]
        answer = self._admin.list_consumer_group_offsets(asked, request_timeout=self._seconds)[group_id]
        self._require(answer, f"the positions of group {group_id}")
        return {
            Partition(part.topic, part.partition): CommittedOffset(part.offset, part.metadata or "")
            for part in answer.result().topic_partitions
            if part.topic == topic and part.offset >= 0
        }

    def set_positions(self, group_id: str, offsets: Mapping[Partition, CommittedOffset]) -> None:
        """See Broker.set_group_offsets."""
        make = self._client.TopicPartition
        asked = [make(*part, offset, metadata) for part, (offset, metadata) in offsets.items()]
        groups = [self._client.ConsumerGroupTopicPartitions(group_id, asked)]
        answer = self._admin.alter_consumer_group_offsets(groups, request_timeout=self._seconds)[group_id]
        self._require(answer, f"whether it set the positions of group {group_id}")
        for error in [part.error for part in answer.result().topic_partitions if part.error]:
            if error.name() == "UNKNOWN_MEMBER_ID":
                raise StopWorker(has_members(group_id))
            problem = translated(error)
            if isinstance(problem, StopWorker):
                raise problem
            raise KafkaAway(f"Kafka does not set the positions of group {group_id}: {error.str()}")

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        """See Broker.offsets_at."""
        numbers = self.partition_numbers([topic])[topic]
        return offsets_or_ends(lambda moment: self._offsets(topic, numbers, moment), start)

    def inspector(self) -> Inspection:
        """See CachedAdmin.inspector."""
        return Inspection(self._client, self._admin, self._failure, self._seconds)

    def _offsets(self, topic: str, numbers: Collection[int], start: int) -> dict[Partition, int]:
        spec = self._client.admin.OffsetSpec
        moment = {EARLIEST: spec.earliest, LATEST: spec.latest}.get(start, spec.for_timestamp)
        at = moment(start) if start >= 0 else moment()
        asked = {self._client.TopicPartition(topic, number): at for number in numbers}
        level = self._client.IsolationLevel.READ_COMMITTED
        answers = self._admin.list_offsets(asked, isolation_level=level, request_timeout=self._seconds)
        for answer in answers.values():
            self._require(answer, f"the offsets of topic {topic}")
        return {Partition(topic, part.partition): answer.result().offset for part, answer in answers.items()}

    def _require(self, answer: Future[Any], what: str) -> None:
        if (failure := self._failure(answer)) is not None:
            raise KafkaAway(f"Kafka does not tell {what}: {failure.str()}")

    def _failure(self, answer: Future[Any], about: str = "") -> ClientError | None:
        until = self._clock() + self._seconds
        while not answer.done():
            self._admin.poll(_MOMENT_SECONDS)
            self._reasons.check()
            if self._clock() > until:
                raise KafkaAway("Kafka does not answer")
        if (exception := answer.exception()) is None:
            return None
        failure: ClientError = exception.args[0]
        problem = translated(failure)
        if isinstance(problem, AccessDenied):
            raise AccessDenied(f"{about}{problem}", problem.resource)
        if isinstance(problem, BatchExpired):
            raise KafkaAway(str(problem))
        return failure
