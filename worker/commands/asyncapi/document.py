"""The topics and their messages as an AsyncAPI 3.0 document, from the models of messages and the settings."""

from __future__ import annotations

from collections.abc import Iterable

from models.installation import version
from worker.commands.asyncapi.messages import BINDING_VERSION, Json, messages, schemas
from worker.kafka.types import MAX_MESSAGE_BYTES
from worker.settings.settings import Settings

# Of the messages: the first number changes when a reader or writer of them must.
MESSAGES_VERSION = "1.0.0"
_DELIVERY = {
    "exactly_once": "exactly once for those who read with isolation.level=read_committed.",
    "at_least_once": "at least once.",
}
_SASL = {"PLAIN": "plain", "SCRAM-SHA-256": "scramSha256", "SCRAM-SHA-512": "scramSha512"}


def document(settings: Settings) -> Json:
    """What a worker with these settings reads and writes."""
    channels = {
        "reviews": _channel("review", settings.input_topic, "reviews to be scored"),
        "sentiments": _channel("sentiment", settings.output_topic, "the sentiment of each review"),
        "deadLetters": _channel("deadLetter", settings.dead_letter_topic, "records that hold no valid review"),
        "shadow": _channel("shadow", settings.shadow_topic, "what a shadow version says; only where it has a topic"),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "kafka-sentiment",
            "version": version(),
            "description": "Workers score reviews from one Kafka topic and write each sentiment to another, "
            + _DELIVERY[settings.delivery],
            "x-messages-version": MESSAGES_VERSION,
        },
        "defaultContentType": "application/json",
        "servers": _servers(settings),
        "channels": channels,
        "operations": _operations(channels, settings.kafka_group_id),
        "components": {"messages": messages(settings), "schemas": schemas()},
    }


def _servers(settings: Settings) -> Json:
    secure = settings.kafka_security_protocol.endswith("SSL")
    server: Json = {"protocol": "kafka-secure" if secure else "kafka"}
    if settings.kafka_sasl_mechanism in _SASL:
        server["security"] = [{"type": _SASL[settings.kafka_sasl_mechanism]}]
    hosts = enumerate(settings.kafka_bootstrap_servers.split(","), start=1)
    return {f"kafka-{number}": {"host": host.strip(), **server} for number, host in hosts}


def _channel(message: str, topic: str | None, description: str) -> Json:
    binding: Json = {"topicConfiguration": {"max.message.bytes": MAX_MESSAGE_BYTES}, "bindingVersion": BINDING_VERSION}
    return {
        "address": topic,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {"kafka": ({"topic": topic} if topic else {}) | binding},
    }


def _operations(channels: Iterable[str], group_id: str) -> Json:
    operations: Json = {}
    for name in channels:
        action = "receive" if name == "reviews" else "send"
        operations[f"{action}{name[0].upper()}{name[1:]}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
        }
    group = {"type": "string", "const": group_id}
    operations["receiveReviews"]["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING_VERSION}}
    return operations
