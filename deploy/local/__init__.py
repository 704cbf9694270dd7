"""The whole system on one machine: real Apache Kafka and real Redis from pip-installed parts, and the demo."""
