"""Kafka in, sentiment out."""
