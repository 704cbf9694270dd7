"""Reviews of real people on their way into a topic, at a steady rate or as fast as they go."""

import itertools
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Producer

from tests.kafka.topics import unique
from tests.reviews import sample

KEYS = 40
FLUSH_SECONDS = 60.0


class Draft(NamedTuple):
    """A record to be sent."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def reviews(prefix: str) -> Iterator[Draft]:
    """Reviews without end, each with an id of its own, spread over 40 keys."""
    for number, text in enumerate(itertools.cycle(sample().texts)):
        value = json.dumps({"id": f"{prefix}-{number}", "text": text}).encode()
        yield Draft(f"key-{number * 7 % KEYS}".encode(), value)


class Sender:
    """Writes to one topic, each record stored once and in order whatever happens to the brokers (idempotence)."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._reviews = reviews(unique("review"))
        self._refused: list[KafkaError] = []
        self.sent = 0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": 8 * 1024 * 1024,
                "partitioner": "murmur2_random",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )

    def send(self, drafts: Sequence[Draft]) -> None:
        """Send these, wait until they are stored, and raise AssertionError unless every one is."""
        self._start(drafts)
        self.flush()

    def send_reviews(self, count: int) -> None:
        """Send so many further reviews, as fast as they go."""
        self.send(list(itertools.islice(self._reviews, count)))

    def flush(self) -> None:
        """Wait until all that was sent is stored."""
        assert self._producer.flush(FLUSH_SECONDS) == 0, "the reviews could not be sent"
        assert not self._refused, self._refused[0].str()

    @contextmanager
    def steadily(self, per_second: float) -> Iterator[None]:
        """Send reviews at this rate while what stands inside runs."""
        with _Background(lambda: self._start([next(self._reviews)]), per_second):
            yield
        self.flush()

    def _start(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            headers: Any = list(draft.headers)
            self._producer.produce(self._topic, draft.value, draft.key, headers=headers, on_delivery=self._delivered)
            self.sent += 1
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._refused.append(error)


class _Background:
    """Calls a function so many times a second on a thread of its own; what it raises is raised at the end."""

    def __init__(self, call: Any, per_second: float) -> None:
        self._call = call
        self._period = 1 / per_second
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stopping.is_set():
                self._call()
                due += self._period
                self._stopping.wait(max(0.0, due - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - raised where the load ends
            self._error = error
