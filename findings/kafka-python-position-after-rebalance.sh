#!/usr/bin/env bash
# Through a rebalance that revokes all partitions, a kafka-python consumer keeps its positions on those it gets back.
#
# Expected: revoked and assigned again means: go on at the committed offset, as librdkafka does. Records that were read
#           and not committed come again.
# Happens:  kafka-python tells the listener that all were revoked, then goes on behind the last record that it handed
#           out. Whoever drops unfinished work when partitions are revoked loses those records: nothing reads them
#           again.
# Do:       in on_partitions_assigned (or before the next poll) seek each partition to its committed offset, or to its
#           start where there is none.
# Versions: kafka-python 3.0.12, confluent-kafka 2.16.1, Apache Kafka 4.3.1, Python 3.11
# Seen:     2026-12-01
# Output:   Librdkafka: [('revoked', 2), ('assigned', 1)]; of 20 uncommitted records ... it read 20 again
#           KafkaPython: [('revoked', 2), ('assigned', 1)]; of 20 uncommitted records ... it read 0 again
set -euo pipefail
source "$(dirname "$0")/lib/kafka.sh"
set_up kafka-python==3.0.12 confluent-kafka==2.16.1

run_python << 'EOF'
import os, sys, time
from importlib.metadata import version
import confluent_kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.consumer.subscription_state import ConsumerRebalanceListener

address, EACH = os.environ["KAFKA"], 20

class Listener(ConsumerRebalanceListener):
    def __init__(self, events):
        self.events = events
    def on_partitions_revoked(self, revoked):
        self.events.append(("revoked", sorted(part.partition for part in revoked)))
    def on_partitions_assigned(self, assigned):
        self.events.append(("assigned", sorted(part.partition for part in assigned)))

class KafkaPython:
    topic = "kafka-python"
    def __init__(self, events):
        self.consumer = KafkaConsumer(bootstrap_servers=address, group_id="group", enable_auto_commit=False,
                                      auto_offset_reset="earliest", heartbeat_interval_ms=200)
        self.consumer.partitions_for_topic(self.topic)
        self.consumer.subscribe([self.topic], listener=Listener(events))
    def read(self):
        return [(r.partition, r.offset) for found in self.consumer.poll(100).values() for r in found]

class Librdkafka:
    topic = "librdkafka"
    def __init__(self, events):
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": address, "group.id": "other-group", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "heartbeat.interval.ms": 200})
        note = lambda name: lambda _, parts: events.append((name, sorted(part.partition for part in parts)))
        self.consumer.subscribe([self.topic], on_assign=note("assigned"), on_revoke=note("revoked"))
    def read(self):
        return [(m.partition(), m.offset()) for m in self.consumer.consume(100, 0.1) if not m.error()]

def read_until(done, *members):
    until = time.monotonic() + 30
    while not done():
        if time.monotonic() > until:
            sys.exit("The group did not get so far: this says nothing about the behaviour.")
        for member, records in members:
            records += member.read()

def first_after_rebalance(client):
    """What the first member's listener heard last, by numbers of partitions, and how many old records came again."""
    events, before, again, others = [], [], [], []
    admin.create_topics([NewTopic(client.topic, 2, 1)])
    for number in range(2 * EACH):
        producer.send(client.topic, b"old", partition=number % 2)
    producer.flush()
    first = client(events)
    read_until(lambda: len(before) == 2 * EACH, (first, before))
    events.clear()
    second = client([])
    read_until(lambda: others, (first, again), (second, others))
    heard = [(name, len(numbers)) for name, numbers in events[-2:]]
    [kept] = events[-1][1]
    # Now a new record on the partition that was kept: all that comes before it came again.
    producer.send(client.topic, b"new", partition=kept).get(20)
    read_until(lambda: any(offset >= EACH for _, offset in again), (first, again), (second, others))
    first.consumer.close(), second.consumer.close()
    return heard, sum(offset < EACH for _, offset in again)

admin = KafkaAdminClient(bootstrap_servers=address)
producer = KafkaProducer(bootstrap_servers=address)
PACKAGES = ("kafka-python", "confluent-kafka")
print(*(f"{name} {version(name)}" for name in PACKAGES), "Kafka", os.environ["KAFKA_VERSION"])
seen = {client.__name__: first_after_rebalance(client) for client in (Librdkafka, KafkaPython)}
for name, (heard, again) in seen.items():
    print(f"{name}: {heard}; of {EACH} uncommitted records on the partition that it got back it read {again} again")
heard = [("revoked", 2), ("assigned", 1)]
if seen != {"Librdkafka": (heard, EACH), "KafkaPython": (heard, 0)}:
    sys.exit("The behaviour has changed.")
EOF
