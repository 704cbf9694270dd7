"""`python -m deploy.local.demo`: real reviews through a real Kafka, two workers and Redis."""
