#!/usr/bin/env bash
# An exception that leaves `with KafkaProducer(...)` leaves the transaction open, and readers of committed records wait.
#
# Expected: the end of the block aborts what is open, as the end of confluent-kafka's `with Producer` does.
# Happens:  kafka-python closes the producer and says nothing to the coordinator. The transaction stays open until its
#           time-out (60 s by default), and meanwhile nobody who reads committed records sees anything that comes after
#           it on that partition, not even what was written without any transaction.
# Do:       call abort_transaction() in an except clause inside the block.
# Versions: kafka-python 3.0.12, confluent-kafka 2.16.1, Apache Kafka 4.3.1, Python 3.11
# Seen:     2026-12-01
# Output:   kafka-python: transaction Ongoing, committed records that can be read: []
#           confluent-kafka: transaction CompleteAbort, committed records that can be read: [b'later']
set -euo pipefail
source "$(dirname "$0")/lib/kafka.sh"
set_up kafka-python==3.0.12 confluent-kafka==2.16.1

run_python << 'EOF'
import os, sys, time
from importlib.metadata import version
from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

address = os.environ["KAFKA"]
ENOUGH_SECONDS = 5

def fail_with_kafka_python(name):
    with KafkaProducer(bootstrap_servers=address, transactional_id=name) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(name, b"unfinished").get(20)
        raise ValueError

def fail_with_confluent_kafka(name):
    with Producer({"bootstrap.servers": address, "transactional.id": name}) as producer:
        producer.init_transactions(20)
        producer.begin_transaction()
        producer.produce(name, b"unfinished")
        producer.flush(20)
        raise ValueError

def state_of(name):
    """The transaction's state once it is aborted, or what it still is after a while."""
    until = time.monotonic() + ENOUGH_SECONDS
    while True:
        state = admin.describe_transactions([name])[name].state.value
        if state == "CompleteAbort" or time.monotonic() > until:
            return state
        time.sleep(0.1)

def visible(name):
    consumer = KafkaConsumer(bootstrap_servers=address, isolation_level="read_committed", auto_offset_reset="earliest")
    consumer.assign([TopicPartition(name, 0)])
    until, values = time.monotonic() + ENOUGH_SECONDS, []
    while not values and time.monotonic() < until:
        values = [record.value for found in consumer.poll(200).values() for record in found]
    consumer.close()
    return values

PACKAGES = ("kafka-python", "confluent-kafka")
print(*(f"{name} {version(name)}" for name in PACKAGES), "Kafka", os.environ["KAFKA_VERSION"])
seen = {}
with KafkaAdminClient(bootstrap_servers=address) as admin, KafkaProducer(bootstrap_servers=address) as other:
    for name, fail in (("kafka-python", fail_with_kafka_python), ("confluent-kafka", fail_with_confluent_kafka)):
        admin.create_topics([NewTopic(name, 1, 1)])
        try:
            fail(name)
        except ValueError:
            state = state_of(name)
        other.send(name, b"later").get(20)
        seen[name] = state, visible(name)
        print(f"{name}: transaction {state}, committed records that can be read: {seen[name][1]}")
if seen != {"kafka-python": ("Ongoing", []), "confluent-kafka": ("CompleteAbort", [b"later"])}:
    sys.exit("The behaviour has changed.")
EOF
