"""Topics, offsets and the cluster, asked through kafka-python."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from worker.errors import AccessDenied, KafkaAway, RetryBatch, StopWorker, TopicMissing
from worker.kafka import configuration
from worker.kafka.admin import (
    GroupFacts,
    PartitionFacts,
    Server,
    TopicFacts,
    TransactionFacts,
    has_members,
    offsets_or_ends,
)
from worker.kafka.kafka_python.consumer import Calls
from worker.kafka.probe import require_kafka
from worker.kafka.types import CommittedOffset, Connection, Partition, Topic

Result = TypeVar("Result")

_NO_LEADER = -1


class Ask(Protocol):
    """Puts a question to an open admin client."""

    def __call__(self, question: Callable[[Any], Result]) -> Result:
        """What the question returns. Raises KafkaAway, StopWorker."""


class Inspection:
    """See `worker.kafka.admin.Inspector`. `client` is the package `kafka`."""

    knows_transactions = True

    def __init__(self, client: Any, call: Calls, ask: Ask) -> None:
        self._client = client
        self._call = call
        self._ask = ask

    def servers(self) -> Sequence[Server]:
        described = self._ask(lambda admin: admin.describe_cluster())
        return [
            Server(each["broker_id"], each["host"], each["port"])
            for each in described["brokers"]
            # Kafka lists those that are down as well.
            if not each.get("is_fenced")
        ]

    def topic_names(self) -> Sequence[str]:
        names: list[str] = self._ask(lambda admin: admin.list_topics())
        return names

    def topic(self, name: str) -> TopicFacts:
        [described] = self._ask(lambda admin: admin.describe_topics([name]))
        error = self._client.errors.for_code(described["error_code"])
        if error is self._client.errors.UnknownTopicOrPartitionError:
            raise TopicMissing(f"topic {name} does not exist: create it (worker run --create-topics)")
        if error is not self._client.errors.NoError:
            problem = self._call.translated(error(name))
            raise KafkaAway(str(problem)) if isinstance(problem, RetryBatch) else problem
        partitions = [
            PartitionFacts(each["leader_id"] != _NO_LEADER, each["replica_nodes"], each["isr_nodes"])
            for each in described["partitions"]
        ]
        return TopicFacts.of(name, partitions, frozenset(described["authorized_operations"] or ()))

    def topic_settings(self, name: str) -> Mapping[str, str]:
        return self._settings("TOPIC", name)

    def server_settings(self) -> Mapping[str, str]:
        return self._settings("BROKER", str(self.servers()[0].number))

    def group(self, group_id: str) -> GroupFacts:
        described = self._ask(lambda admin: admin.describe_groups([group_id]))[group_id]
        hosts = tuple(member["client_host"].removeprefix("/") for member in described["members"])
        return GroupFacts(described["group_state"], hosts)

    def transaction(self, transactional_id: str) -> TransactionFacts | None:
        def describe(admin: Any) -> Any:
            with suppress(self._client.errors.TransactionalIdNotFoundError):
                return admin.describe_transactions([transactional_id])[transactional_id]
            return None

        described = self._ask(describe)
        return described and TransactionFacts(described.state.value == "Ongoing", described.producer_epoch)

    def _settings(self, kind: str, name: str) -> Mapping[str, str]:
        resource = self._client.admin.ConfigResource(kind, name)
        found = self._ask(lambda admin: admin.describe_configs([resource], config_filter="all"))[kind.lower()][name]
        if not found:
            # The client drops the reason, of which there is one only where Kafka answers at all.
            raise AccessDenied(f"Kafka does not show the settings of {kind.lower()} {name}: DescribeConfigs is needed")
        return {key: entry["value"] for key, entry in found.items() if entry["value"] is not None}


_READ_COMMITTED = 1


class Topics:
    """Asks through one admin client, which is opened when first needed, and anew after anything went wrong.

    `client` is the package `kafka`.
    """

    def __init__(self, client: Any, call: Calls, connection: Connection) -> None:
        self._client = client
        self._call = call
        self._connection = connection
        self._admin: Any = None

    def create(self, topics: Sequence[Topic]) -> None:
        """See Broker.create_topics."""
        for topic in topics:
            new = self._client.admin.NewTopic(
                topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.configs)
            )
            self._ask(partial(self._create, new))

    def offsets(self, group_id: str, topic: str) -> dict[Partition, CommittedOffset]:
        """See Broker.group_offsets."""
        found = self._ask(lambda admin: admin.list_group_offsets({group_id: None}))[group_id]
        return {
            Partition(*part): CommittedOffset(committed_offset.offset, committed_offset.metadata or "")
            for part, committed_offset in found.items()
            if part.topic == topic and committed_offset.offset >= 0
        }

    def set_positions(self, group_id: str, offsets: Mapping[Partition, CommittedOffset]) -> None:
        """See Broker.set_group_offsets."""
        make = self._client.structs.OffsetAndMetadata
        asked = {self._call.partition(*part): make(offset, metadata) for part, (offset, metadata) in offsets.items()}
        answers = self._ask(lambda admin: admin.alter_group_offsets(group_id, asked))
        for error in set(answers.values()) - {self._client.errors.NoError}:
            if error is self._client.errors.UnknownMemberIdError:
                raise StopWorker(has_members(group_id))
            if error is self._client.errors.UnknownTopicOrPartitionError:
                raise TopicMissing(f"group {group_id} cannot stand on partitions that do not exist")
            problem = self._call.translated(error())
            raise KafkaAway(str(problem)) if isinstance(problem, RetryBatch) else problem

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        """See Broker.offsets_at."""
        [described] = self._ask(lambda admin: admin.describe_topics([topic]))
        numbers = [partition["partition_index"] for partition in described["partitions"]]
        if not numbers:
            raise TopicMissing(f"topic {topic} does not exist, or may not be seen (see worker/docs/permissions.md)")
        return offsets_or_ends(lambda moment: self._offsets(topic, numbers, moment), start)

    def inspector(self) -> Inspection:
        """See CachedAdmin.inspector."""
        return Inspection(self._client, self._call, self._ask)

    def close(self) -> None:
        """Close the client, without waiting for it."""
        admin, self._admin = self._admin, None
        if admin is not None:
            threading.Thread(target=_close, args=(admin, self._call.errors), daemon=True).start()

    def _offsets(self, topic: str, numbers: Sequence[int], start: int) -> dict[Partition, int]:
        asked = {self._call.partition(topic, number): self._client_start(start) for number in numbers}
        answer = self._ask(lambda admin: admin.list_partition_offsets(asked, isolation_level=_READ_COMMITTED))
        return {Partition(*part): found.offset for part, found in answer.items()}

    def _client_start(self, start: int) -> Any:
        return start if start >= 0 else self._client.admin.OffsetSpec(start)

    def _create(self, new: Any, admin: Any) -> None:
        with suppress(self._client.errors.TopicAlreadyExistsError):
            admin.create_topics([new])

    def _ask(self, question: Callable[[Any], Result]) -> Result:
        try:
            if self._admin is None:
                require_kafka(self._connection)
                config = configuration.kafka_python_common(self._connection)
                self._admin = self._call(self._client.admin.KafkaAdminClient, **config)
            return self._call(question, self._admin)
        except RetryBatch as error:
            self.close()
            raise KafkaAway(str(error)) from error


def _close(admin: Any, errors: type[Exception]) -> None:
    with suppress(errors):
        admin.close()
