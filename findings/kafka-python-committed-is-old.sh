#!/usr/bin/env bash
# After a committed() that timed out, kafka-python's next committed() gives the answer to that earlier question.
#
# Expected: committed() asks Kafka, "will block to do a remote call to get the latest committed offsets".
# Happens:  the consumer keeps a question that nobody waited for to the end. The next call for the same partitions takes
#           its answer, however old: here not even the consumer's own commit in between is seen. The call after that is
#           right.
# Do:       after a time-out, ask twice and use the second answer; or ask an admin client (list_group_offsets).
# Versions: kafka-python 3.0.12, Apache Kafka 4.3.1, Python 3.11
# Seen:     2026-12-01
# Output:   10 committed: committed() 10; a call that times out; 20 committed, which Kafka confirms with 20:
#           committed() 10, once more 20
set -euo pipefail
source "$(dirname "$0")/lib/kafka.sh"
set_up kafka-python==3.0.12

run_python << 'EOF'
import os, sys
from importlib.metadata import version
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaTimeoutError
from kafka.structs import OffsetAndMetadata

address, GROUP, part = os.environ["KAFKA"], "group", TopicPartition("reviews", 0)

def commit(offset):
    consumer.commit({part: OffsetAndMetadata(offset, "")})

admin = KafkaAdminClient(bootstrap_servers=address)
admin.create_topics([NewTopic(part.topic, 1, 1)])
consumer = KafkaConsumer(bootstrap_servers=address, group_id=GROUP, enable_auto_commit=False)
consumer.assign([part])
commit(10)
seen = [consumer.committed(part)]
try:
    consumer.committed(part, timeout_ms=0)
    sys.exit("The time-out of 0 ms sufficed: this says nothing about the behaviour.")
except KafkaTimeoutError:
    pass
commit(20)
kafka = admin.list_group_offsets({GROUP: None})[GROUP][part].offset
seen += [consumer.committed(part), consumer.committed(part)]

print("kafka-python", version("kafka-python"), "Kafka", os.environ["KAFKA_VERSION"])
print(f"10 committed: committed() {seen[0]}; a call that times out; 20 committed, which Kafka confirms with {kafka}:",
      f"committed() {seen[1]}, once more {seen[2]}")
if (seen, kafka) != ([10, 10, 20], 20):
    sys.exit("The behaviour has changed.")
EOF
