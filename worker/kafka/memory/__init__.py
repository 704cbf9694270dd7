"""A Kafka in memory, for tests and measurements."""
