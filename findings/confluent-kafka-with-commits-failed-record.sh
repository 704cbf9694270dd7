#!/usr/bin/env bash
# An exception that leaves `with Consumer(...)` of confluent-kafka commits the record that could not be processed.
#
# Expected: whoever starts again after the error gets the record that failed once more; a database's `with` rolls back
#           where an exception passes through. kafka-python's `with KafkaConsumer` commits nothing then.
# Happens:  the end of the block closes the consumer, and closing commits whatever poll() has handed out, the failed
#           record among it (enable.auto.commit is on by default, and offsets are stored by poll). The next start skips
#           it.
# Do:       set enable.auto.offset.store to False and call store_offsets(message=...) after the work; or commit by hand.
# Versions: confluent-kafka 2.16.1, kafka-python 3.0.12, Apache Kafka 4.3.1, Python 3.11
# Seen:     2026-12-01
# Output:   confluent-kafka: record 3 failed, committed 4, the next start begins with record 4
#           kafka-python: record 3 failed, committed None, the next start begins with record 0
set -euo pipefail
source "$(dirname "$0")/lib/kafka.sh"
set_up kafka-python==3.0.12 confluent-kafka==2.16.1

run_python << 'EOF'
import os, sys, time
from importlib.metadata import version
from confluent_kafka import Consumer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

address, TOPIC, FAILS_AT = os.environ["KAFKA"], "reviews", 3

def work(offset, fails):
    """What a consumer would do; returns whether it is done."""
    if offset == fails:
        raise ValueError
    return fails is None

def with_confluent_kafka(fails):
    settings = {"bootstrap.servers": address, "group.id": "confluent-kafka", "auto.offset.reset": "earliest"}
    until = time.monotonic() + 30
    with Consumer(settings) as consumer:
        consumer.subscribe([TOPIC])
        while time.monotonic() < until:
            message = consumer.poll(0.2)
            if message is not None and not message.error() and work(message.offset(), fails):
                return message.offset()

def with_kafka_python(fails):
    with KafkaConsumer(bootstrap_servers=address, group_id="kafka-python", auto_offset_reset="earliest",
                       consumer_timeout_ms=30_000) as consumer:
        consumer.partitions_for_topic(TOPIC)
        consumer.subscribe([TOPIC])
        for record in consumer:
            if work(record.offset, fails):
                return record.offset

admin = KafkaAdminClient(bootstrap_servers=address)
admin.create_topics([NewTopic(TOPIC, 1, 1)])
with KafkaProducer(bootstrap_servers=address) as producer:
    for number in range(10):
        producer.send(TOPIC, b"%d" % number)

PACKAGES = ("confluent-kafka", "kafka-python")
print(*(f"{name} {version(name)}" for name in PACKAGES), "Kafka", os.environ["KAFKA_VERSION"])
seen = {}
for group, read in (("confluent-kafka", with_confluent_kafka), ("kafka-python", with_kafka_python)):
    try:
        read(FAILS_AT)
        sys.exit("The record was not reached: this says nothing about the behaviour.")
    except ValueError:
        committed = admin.list_group_offsets({group: None})[group].get(TopicPartition(TOPIC, 0))
    seen[group] = committed and committed.offset, read(None)
    print(f"{group}: record {FAILS_AT} failed, committed {seen[group][0]},",
          f"the next start begins with record {seen[group][1]}")
if seen != {"confluent-kafka": (FAILS_AT + 1, FAILS_AT + 1), "kafka-python": (None, 0)}:
    sys.exit("The behaviour has changed.")
EOF
