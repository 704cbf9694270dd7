"""Baseline (a): poll, `keras.Model.predict` for each review, send, Redis SET, as the shortest tutorials do it."""

import json

import keras
from kafka import KafkaConsumer, KafkaProducer
from redis import Redis

import trainer.networks.networks  # noqa: F401 - Keras finds the model's own layer in it
from models.artifact import KERAS_FILE
from tests.benchmarks.baselines import arguments
from tests.benchmarks.baselines.text import Words


def main() -> None:
    """Score until stopped."""
    options = arguments.parse("One review at a time with Keras.")
    words = Words(options.model)
    model = keras.models.load_model(options.model / KERAS_FILE, compile=False)
    consumer = KafkaConsumer(
        options.input,
        bootstrap_servers=options.bootstrap_servers,
        group_id=options.group,
        auto_offset_reset="earliest",
        value_deserializer=json.loads,
    )
    producer = KafkaProducer(
        bootstrap_servers=options.bootstrap_servers, value_serializer=lambda value: json.dumps(value).encode()
    )
    redis = Redis.from_url(options.redis_url)
    for message in consumer:
        review = message.value
        positive = float(model.predict(words.padded([review["text"]]), verbose=0)[0, 0])
        result = {
            "id": review["id"],
            "sentiment": "positive" if positive >= 0.5 else "negative",
            "scores": {"negative": 1 - positive, "positive": positive},
        }
        producer.send(options.output, key=message.key, value=result)
        redis.set(f"sentiment:{review['id']}", json.dumps(result))


if __name__ == "__main__":
    main()
