#!/usr/bin/env bash
# After one record that Kafka refuses, a kafka-python producer writes nothing more, to no topic.
#
# Expected: a record too large for its topic fails by itself; the next one, of a byte, is stored. librdkafka does that,
#           and so does kafka-python with enable_idempotence=False.
# Happens:  with its defaults (idempotence is on since 3.0) every later record fails with the first one's error, also
#           one to another topic. A timestamp that Kafka refuses (more than an hour ahead) does the same.
# Do:       after a send that failed, close the producer and make a new one; or look at sizes and times before sending.
# Versions: kafka-python 3.0.12, confluent-kafka 2.16.1, Apache Kafka 4.3.1, Python 3.11
# Seen:     2026-12-01
# Output:   kafka-python: small stored; large MessageSizeTooLargeError; small MessageSizeTooLargeError; other topic
#           MessageSizeTooLargeError
#           librdkafka, idempotent: small stored; large MSG_SIZE_TOO_LARGE; small stored; other topic stored
set -euo pipefail
source "$(dirname "$0")/lib/kafka.sh"
set_up kafka-python==3.0.12 confluent-kafka==2.16.1

run_python << 'EOF'
import os, sys
from importlib.metadata import version
from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError

address = os.environ["KAFKA"]
SMALL, LARGE = b"x", b"x" * 2000

def outcome(producer, topic, value):
    try:
        producer.send(topic, value).get(20)
    except KafkaError as error:
        return type(error).__name__
    return "stored"

def confluent_outcome(producer, topic, value):
    found = []
    producer.produce(topic, value, on_delivery=lambda error, _: found.append(error.name() if error else "stored"))
    producer.flush(20)
    return found[0]

with KafkaAdminClient(bootstrap_servers=address) as admin:
    admin.create_topics([NewTopic("narrow", 1, 1, topic_configs={"max.message.bytes": "1000"}), NewTopic("wide", 1, 1)])

seen = {}
for name, producer, send in (
    ("kafka-python", KafkaProducer(bootstrap_servers=address), outcome),
    ("kafka-python, not idempotent", KafkaProducer(bootstrap_servers=address, enable_idempotence=False), outcome),
    ("librdkafka, idempotent", Producer({"bootstrap.servers": address, "enable.idempotence": True}), confluent_outcome),
):
    seen[name] = [send(producer, "narrow", value) for value in (SMALL, LARGE, SMALL)] + [send(producer, "wide", SMALL)]

PACKAGES = ("kafka-python", "confluent-kafka")
print(*(f"{name} {version(name)}" for name in PACKAGES), "Kafka", os.environ["KAFKA_VERSION"])
for name, outcomes in seen.items():
    print(f"{name}: small {outcomes[0]}; large {outcomes[1]};", f"small {outcomes[2]}; other topic {outcomes[3]}")

refused = "MessageSizeTooLargeError"
expected = [
    ["stored", refused, refused, refused],
    ["stored", refused, "stored", "stored"],
    ["stored", "MSG_SIZE_TOO_LARGE", "stored", "stored"],
]
if list(seen.values()) != expected:
    sys.exit("The behaviour has changed.")
EOF
