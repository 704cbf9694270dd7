#!/usr/bin/env bash
# A kafka-python consumer that was put out of its group can still commit offsets in a transaction, as nobody.
#
# Expected: send_offsets_to_transaction(offsets, consumer.group_metadata()) is refused once the group has gone on
#           without this member; that is what the metadata are for (KIP-447). With librdkafka it is refused.
# Happens:  when max_poll_interval_ms has passed, kafka-python leaves the group by itself, and group_metadata() names no
#           member and generation -1 from then on. Kafka checks nothing then, as for producers of before KIP-447: the
#           transaction is taken, its results are there twice and the group stands at an older offset than it had.
# Do:       call group_metadata() right after poll() and keep it for the commit of those records; refuse to commit where
#           its generation_id is negative. The metadata kept from before are refused, as the last line shows.
# Versions: kafka-python 3.0.12, confluent-kafka 2.16.1, Apache Kafka 4.3.1, Python 3.11
# Seen:     2026-12-01
# Output:   kafka-python: the next member commits 20; metadata of now: taken, the group stands at 10; metadata kept from
#           the poll: CommitFailedError
#           librdkafka: the next member commits 20; metadata of now: UNKNOWN_MEMBER_ID, the group stands at 20
set -euo pipefail
source "$(dirname "$0")/lib/kafka.sh"
set_up kafka-python==3.0.12 confluent-kafka==2.16.1

run_python << 'EOF'
import logging, os, sys, time
from importlib.metadata import version
import confluent_kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

address, TOPIC, RECORDS, SHORT_MS = os.environ["KAFKA"], "reviews", 20, 6000
part = TopicPartition(TOPIC, 0)
# Both clients warn on standard error of what is meant to happen here.
logging.disable()
QUIET = {"bootstrap.servers": address, "log_level": 0}

class KafkaPython:
    name = "kafka-python"
    def __init__(self, poll_interval_ms):
        self.consumer = KafkaConsumer(
            bootstrap_servers=address, group_id=self.name, enable_auto_commit=False, auto_offset_reset="earliest",
            heartbeat_interval_ms=200, session_timeout_ms=SHORT_MS, max_poll_interval_ms=poll_interval_ms)
        self.consumer.partitions_for_topic(TOPIC)
        self.consumer.subscribe([TOPIC])
    def read(self, records):
        return sum(map(len, self.consumer.poll(200, max_records=records).values()))
    def metadata(self):
        return self.consumer.group_metadata()
    def commit(self, name, offset, metadata):
        producer = KafkaProducer(bootstrap_servers=address, transactional_id=name)
        producer.init_transactions()
        producer.begin_transaction()
        try:
            producer.send_offsets_to_transaction({part: OffsetAndMetadata(offset, "")}, metadata)
            producer.commit_transaction()
        except KafkaError as error:
            producer.abort_transaction()
            return type(error).__name__
        return "taken"

class Librdkafka:
    name = "librdkafka"
    def __init__(self, poll_interval_ms):
        self.consumer = confluent_kafka.Consumer(QUIET | {
            "group.id": self.name, "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "heartbeat.interval.ms": 200, "session.timeout.ms": SHORT_MS, "max.poll.interval.ms": poll_interval_ms})
        self.consumer.subscribe([TOPIC])
    def read(self, records):
        return sum(not message.error() for message in self.consumer.consume(records, 0.2))
    def metadata(self):
        return self.consumer.consumer_group_metadata()
    def commit(self, name, offset, metadata):
        producer = confluent_kafka.Producer(QUIET | {"transactional.id": name})
        producer.init_transactions(20)
        producer.begin_transaction()
        try:
            producer.send_offsets_to_transaction([confluent_kafka.TopicPartition(TOPIC, 0, offset)], metadata, 20)
            producer.commit_transaction(20)
        except confluent_kafka.KafkaException as error:
            producer.abort_transaction(20)
            return error.args[0].name()
        return "taken"

def wait(done, what):
    until = time.monotonic() + 30
    while not done():
        if time.monotonic() > until:
            sys.exit(f"{what} did not happen: this says nothing about the behaviour.")

def offset_of(group, expected):
    """The offset that the group stands at; markers of transactions take a moment to make the expected one visible."""
    until = time.monotonic() + 3
    while True:
        found = admin.list_group_offsets({group: None})[group].get(part)
        if (found and found.offset == expected) or time.monotonic() > until:
            return found and found.offset
        time.sleep(0.1)

def evict(client):
    slow = client(SHORT_MS)
    wait(lambda: slow.read(10), "the first member's poll")
    kept = slow.metadata()
    following = client(300_000)
    # The first member works on its records and does not poll.
    wait(lambda: following.read(RECORDS), "the second member's poll")
    first = following.commit(f"{client.name}-1", RECORDS, following.metadata()), offset_of(client.name, RECORDS)
    now = slow.commit(f"{client.name}-2", 10, slow.metadata()), offset_of(client.name, 10)
    return first, now, slow.commit(f"{client.name}-3", 10, kept)

admin = KafkaAdminClient(bootstrap_servers=address)
admin.create_topics([NewTopic(TOPIC, 1, 1)])
with KafkaProducer(bootstrap_servers=address) as producer:
    for _ in range(RECORDS):
        producer.send(TOPIC, b"x")

PACKAGES = ("kafka-python", "confluent-kafka")
print(*(f"{name} {version(name)}" for name in PACKAGES), "Kafka", os.environ["KAFKA_VERSION"])
seen = [evict(client) for client in (KafkaPython, Librdkafka)]
for client, (first, now, kept) in zip((KafkaPython, Librdkafka), seen):
    print(f"{client.name}: the next member commits {first[1]}; metadata of now: {now[0]},",
          f"the group stands at {now[1]}; metadata kept from the poll: {kept}")
if seen != [
    (("taken", 20), ("taken", 10), "CommitFailedError"),
    (("taken", 20), ("UNKNOWN_MEMBER_ID", 20), "UNKNOWN_MEMBER_ID"),
]:
    sys.exit("The behaviour has changed.")
EOF
