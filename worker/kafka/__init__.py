"""Kafka: the broker as a Protocol, and the clients behind it."""
