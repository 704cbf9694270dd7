"""Baseline (b): 64 a poll, padded to the model's full length, one `predict`, send, Redis SET, flush, commit."""

import json

import keras
from kafka import KafkaConsumer, KafkaProducer
from redis import Redis

import trainer.networks.networks  # noqa: F401 - Keras finds the model's own layer in it
from models.artifact import KERAS_FILE
from tests.benchmarks.baselines import arguments
from tests.benchmarks.baselines.text import Words

BATCH = 64


def main() -> None:
    """Score until stopped."""
    options = arguments.parse("64 reviews a poll with Keras.")
    words = Words(options.model)
    model = keras.models.load_model(options.model / KERAS_FILE, compile=False)
    consumer = KafkaConsumer(
        options.input,
        bootstrap_servers=options.bootstrap_servers,
        group_id=options.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        value_deserializer=json.loads,
    )
    producer = KafkaProducer(
        bootstrap_servers=options.bootstrap_servers, value_serializer=lambda value: json.dumps(value).encode()
    )
    redis = Redis.from_url(options.redis_url)
    while True:
        polled = consumer.poll(timeout_ms=1_000, max_records=BATCH)
        messages = [message for found in polled.values() for message in found]
        if not messages:
            continue
        ids = words.padded([message.value["text"] for message in messages])
        scores = model.predict(ids, batch_size=BATCH, verbose=0)[:, 0]
        for message, positive in zip(messages, scores.tolist(), strict=True):
            result = {
                "id": message.value["id"],
                "sentiment": "positive" if positive >= 0.5 else "negative",
                "scores": {"negative": 1 - positive, "positive": positive},
            }
            producer.send(options.output, key=message.key, value=result)
            redis.set(f"sentiment:{result['id']}", json.dumps(result))
        producer.flush()
        consumer.commit()


if __name__ == "__main__":
    main()
