"""How kafka-python's admin client is asked about the set-up. It is handed the client and imports none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from worker.errors import AccessDenied, KafkaAway, RetryBatch, TopicMissing
from worker.inspection import GroupFacts, PartitionFacts, Server, TopicFacts, TransactionFacts
from worker.kafka_python_reader import Calls

Result = TypeVar("Result")

_NO_LEADER = -1


class Ask(Protocol):
    """Puts a question to an open admin client."""

    def __call__(self, question: Callable[[Any], Result]) -> Result:
        """What the question returns. Raises KafkaAway, StopWorker."""


class Inspection:
    """See `worker.inspection.Inspector`. `client` is the package `kafka`."""

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
