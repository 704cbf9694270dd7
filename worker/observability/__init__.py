"""Metrics, health, logs and spans."""
