"""Dead letters in a Kafka in memory, made the way the worker makes them."""

from worker.dead_letters import dead_letter
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import Message, Record


def write_dead_letters(
    memory: MemoryKafka, *records: Record, reason: str = "invalid", error: str = "text: Field required"
) -> list[Record]:
    """Set records aside; what then stands in the dead-letter topic."""
    return [memory.append(dead_letter(record, "reviews.dead-letter", reason, error)) for record in records]


def sent(memory: MemoryKafka, *values: bytes, topic: str = "reviews") -> list[Record]:
    """Write values to the input topic, each under a key of its own."""
    headers = [("traceparent", b"00-1")]
    return [memory.append(Message(topic, b"key of " + value[:9], value, headers)) for value in values]
