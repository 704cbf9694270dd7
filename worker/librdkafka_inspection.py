"""How librdkafka's admin client is asked about the set-up. It is handed the client and imports none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from worker.client_errors import ClientError, translated
from worker.errors import KafkaAway, StopWorker
from worker.inspection import GroupFacts, PartitionFacts, Server, TopicFacts, TransactionFacts


class Inspection:
    """See `worker.inspection.Inspector`.

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
