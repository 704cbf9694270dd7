"""The workers of a group, found through Kafka and asked over HTTP."""
