"""The broker and the admin on librdkafka, through confluent-kafka."""
