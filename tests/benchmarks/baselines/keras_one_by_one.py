"""Baseline (a): poll, `keras.Model.predict` for each review, send, Redis SET, as the shortest tutorials do it."""

import json

import keras
import numpy as np
from kafka import KafkaConsumer, KafkaProducer
from redis import Redis

import trainer.networks  # noqa: F401 - Keras finds the model's own layer in it
from models.artifact import KERAS_FILE, read_encoder, read_manifest
from tests.benchmarks.baselines import arguments


def main() -> None:
    """Score until stopped."""
    options = arguments.parse("One review at a time with Keras.")
    manifest = read_manifest(options.model)
    encoder = read_encoder(options.model, manifest.text)
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
        ids = encoder.encode([review["text"]]).ids
        padded = np.zeros((1, manifest.text.max_length), np.int32)
        padded[0, : len(ids)] = ids
        positive = float(model.predict(padded, verbose=0)[0, 0])
        result = {
            "id": review["id"],
            "sentiment": "positive" if positive >= 0.5 else "negative",
            "scores": {"negative": 1 - positive, "positive": positive},
        }
        producer.send(options.output, key=message.key, value=result)
        redis.set(f"sentiment:{review['id']}", json.dumps(result))


if __name__ == "__main__":
    main()
