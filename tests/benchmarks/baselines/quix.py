"""Baseline (c): Quix Streams, exactly once, the same network through ONNX Runtime one review at a time, no Redis."""

import logging
from typing import Any

import numpy as np
import onnxruntime
from quixstreams import Application

from models.artifact import NETWORK_FILE
from tests.benchmarks.baselines import arguments
from tests.benchmarks.baselines.text import Words

# Its default of 5 s would end a run of 20,000 reviews with one or two transactions, too few to measure between.
COMMIT_SECONDS = 1.0


def main() -> None:
    """Score until stopped."""
    options = arguments.parse("One review at a time with Quix Streams and ONNX Runtime.", redis=False)
    words = Words(options.model)
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(options.model / NETWORK_FILE, threads, providers=["CPUExecutionProvider"])

    def score(review: dict[str, Any]) -> dict[str, Any]:
        ids = np.array([words.ids(review["text"])], np.int32)
        inputs = {"ids": ids, "lengths": np.array([ids.size], np.int32)}
        negative, positive = session.run(("probabilities",), inputs)[0][0].tolist()
        sentiment = "positive" if positive >= negative else "negative"
        return {"id": review["id"], "sentiment": sentiment, "scores": {"negative": negative, "positive": positive}}

    application = Application(
        options.bootstrap_servers,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_SECONDS,
        processing_guarantee="exactly-once",
        auto_create_topics=False,
        loglevel=logging.WARNING,
    )
    reviews = application.topic(options.input, value_deserializer="json", key_deserializer="bytes")
    sentiments = application.topic(options.output, value_serializer="json", key_serializer="bytes")
    application.dataframe(reviews).apply(score).to_topic(sentiments)
    application.run()


if __name__ == "__main__":
    main()
