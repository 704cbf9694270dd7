"""`python -m worker COMMAND` on topics that no other test knows: in processes of their own, or in that of the test."""

import io
import json
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka import LocalKafka
from tests.kafka.topics import committed, new_topic, unique
from worker.__main__ import main
from worker.dead_letters import dead_letter
from worker.kafka.connect import open_broker
from worker.kafka.types import Connection, Message, Record
from worker.messages import Sentiment, encode_sentiment

PROJECT = Path(__file__).parents[3]
LIMIT_SECONDS = 60


class Commands:
    """`python -m worker COMMAND` on topics of this test's own."""

    def __init__(self, kafka: LocalKafka, client: str, redis_url: str = "") -> None:
        self.kafka = kafka
        self.input = new_topic(kafka, "reviews")
        self.output = new_topic(kafka, "sentiments")
        self.dead_letters = new_topic(kafka, "letters", max_message_bytes="8388608")
        self.settings = {
            "SENTIMENT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "SENTIMENT_KAFKA_CLIENT": client,
            "SENTIMENT_KAFKA_GROUP_ID": unique("group"),
            "SENTIMENT_INPUT_TOPIC": self.input,
            "SENTIMENT_OUTPUT_TOPIC": self.output,
            "SENTIMENT_DEAD_LETTER_TOPIC": self.dead_letters,
            "SENTIMENT_REDIS_URL": redis_url,
        }

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "worker", *arguments],
            cwd=PROJECT,
            env=os.environ | self.settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def __call__(self, *arguments: str, given: str = "") -> str:
        """What a command that must succeed wrote."""
        status, out, err = self.outcome(*arguments, given=given)
        assert (status, err) == (0, ""), err + out
        return out

    def outcome(self, *arguments: str, given: str = "") -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            out, err = process.communicate(given, timeout=LIMIT_SECONDS)
        return process.returncode, out, err

    def outcome_here(self, *arguments: str, given: str = "") -> tuple[int, str, str]:
        """The same without a process of its own, a second less: for commands that fail before they do anything."""
        out, err, root = io.StringIO(), io.StringIO(), logging.getLogger()
        with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
            for name, value in self.settings.items():
                patched.setenv(name, value)
            patched.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(given.encode()))))
            patched.setattr(root, "handlers", [])  # pytest's own: with one, warnings would not come to standard error
            status = main([*arguments])
        return status, out.getvalue(), err.getvalue()

    def write(self, *messages: Message, transactional_id: str | None = None) -> None:
        connection = Connection(self.kafka.bootstrap_servers)
        broker = open_broker("kafka-python", connection, None, transactional_id)
        broker.start(messages[0].topic)
        broker.produce(messages)
        broker.commit({})
        broker.close()

    def write_reviews(self, *ids: str) -> None:
        """Write reviews of a few words."""
        values = [json.dumps({"id": each, "text": "A wonderful film"}).encode() for each in ids]
        self.write(*(Message(self.input, each.encode(), value, []) for each, value in zip(ids, values, strict=True)))

    def write_sentiments(self, *ids: str) -> list[str]:
        """Write sentiments as a worker does, in a transaction; their values."""
        scores, scored_at = {"negative": 0.1, "positive": 0.9}, "2026-01-31T12:00:00.123Z"
        sentiments = [Sentiment(each, "positive", scores, 1.0, "imdb", 1, {}, scored_at) for each in ids]
        values = [encode_sentiment(sentiment) for sentiment in sentiments]
        messages = [Message(self.output, each.encode(), value, []) for each, value in zip(ids, values, strict=True)]
        self.write(*messages, transactional_id=unique("writer"))
        return [value.decode() for value in values]

    def write_dead_letters_of_input(self) -> None:
        """Set all that stands in the input topic aside."""
        records = committed(self.kafka, self.input)
        letters = [dead_letter(_record(each), self.dead_letters, "scoring_failed", "no") for each in records]
        self.write(*letters, transactional_id=unique("writer"))


def _record(found: Any) -> Record:
    return Record(found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, found.headers)
