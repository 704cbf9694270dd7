"""The broker of the Kafka client that the settings name."""

from __future__ import annotations

from models.errors import how_to_install
from worker.errors import BadUse
from worker.kafka.broker import Broker
from worker.kafka.types import Connection, Subscription


def open_broker(
    client: str, connection: Connection, subscription: Subscription | None, transactional_id: str | None
) -> Broker:
    """A broker on one of the Kafka clients, not connected yet. Raises BadUse when the client is not installed."""
    if client == "kafka-python":
        from worker.kafka.kafka_python.broker import KafkaPythonBroker

        return KafkaPythonBroker(connection, subscription, transactional_id)
    try:
        from worker.kafka.librdkafka.broker import LibrdkafkaBroker
    except ImportError as error:
        raise BadUse(
            f"SENTIMENT_KAFKA_CLIENT={client}: it is not installed ({error}): {how_to_install(client)}"
        ) from None
    return LibrdkafkaBroker(connection, subscription, transactional_id)
