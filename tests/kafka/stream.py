"""One test's stream: three topics, a group, workers, what is sent and what comes out, and the verdict on it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from deploy.local.kafka import LocalKafka
from deploy.local.processes import OwnedProcesses
from deploy.local.topics import create_topics
from models.registry.registry import Registry
from tests.kafka.load import Draft, Sender
from tests.kafka.results import Follower, seen, sent
from tests.kafka.topics import committed, unique
from tests.kafka.waiting import TooLate, eventually
from tests.kafka.workers import Worker
from worker.commands.rolling_check.checker import Seen, Verdict, check

PARTITIONS = 4
# What the workers are told about time: shorter than the defaults, so that tests are.
SESSION_SECONDS = 6.0
TRANSACTION_SECONDS = 8.0
DEADLINE_SECONDS = 3.0
DONE_SECONDS = 60.0
# What workers serve with unless they are told otherwise: the model that is loaded in the least time.
MODEL = "imdb"
STABLE = Registry().resolve(MODEL).version


class Stream:
    """A context manager: topics on entry, no process or thread left on exit."""

    def __init__(self, kafka: LocalKafka, client: str, **settings: str) -> None:
        self.kafka = kafka
        self.input, self.output, self.dead_letters = unique("reviews"), unique("sentiments"), unique("dead-letters")
        self.workers: list[Worker] = []
        given = {
            "kafka_bootstrap_servers": kafka.bootstrap_servers,
            "kafka_group_id": unique("group"),
            "kafka_client": client,
            "input_topic": self.input,
            "output_topic": self.output,
            "dead_letter_topic": self.dead_letters,
            "kafka_session_timeout_seconds": str(SESSION_SECONDS),
            "kafka_transaction_timeout_seconds": str(TRANSACTION_SECONDS),
            "kafka_deadline_seconds": str(DEADLINE_SECONDS),
            "http_host": "127.0.0.1",
            "http_port": "0",
            "log_format": "json",
            "model_name": MODEL,
            **settings,
        }
        self._settings = {f"SENTIMENT_{name.upper()}": value for name, value in given.items()}

    def __enter__(self) -> Self:
        topics = [self.input, self.output, self.dead_letters]
        create_topics(self.kafka.bootstrap_servers, topics, PARTITIONS)
        self._processes = OwnedProcesses("workers")
        self.sender = Sender(self.kafka.bootstrap_servers, self.input)
        self.follower = Follower(self.kafka.bootstrap_servers, topics[1:], PARTITIONS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.logs())
        for worker in self.workers:
            worker.end()
        self.follower.close()
        self._processes.close()

    def worker(self, supervised: bool = False, prefix: Sequence[str] = (), **settings: str) -> Worker:
        """Start one more worker, without waiting for it."""
        own = {f"SENTIMENT_{name.upper()}": value for name, value in settings.items()}
        self.workers.append(Worker(self._processes, self._settings | own, supervised, prefix))
        return self.workers[-1]

    def ready_workers(self, count: int, supervised: bool = False, **settings: str) -> list[Worker]:
        """Start some workers and wait until all are ready."""
        started = [self.worker(supervised, **settings) for _ in range(count)]
        for worker in started:
            worker.wait_until_ready()
        return started

    def send_reviews(self, count: int) -> None:
        """Send so many reviews at once."""
        self.sender.send_reviews(count)

    def send(self, *drafts: Draft) -> None:
        """Send these records as they are."""
        self.sender.send(drafts)

    @contextmanager
    def load(self, per_second: float = 300) -> Iterator[None]:
        """Reviews at a steady rate while what stands inside runs."""
        with self.sender.steadily(per_second):
            yield

    def wait_for_results(self, more: int, deadline_seconds: float = DONE_SECONDS) -> float:
        """Wait until so many further reviews have a committed answer; how many seconds that took."""
        wanted = self.follower.count + more
        return eventually(
            lambda: self.follower.count >= wanted,
            deadline_seconds,
            lambda: f"{wanted - self.follower.count} of {more} further results never came",
        )

    def wait_until_done(self, deadline_seconds: float = DONE_SECONDS) -> float:
        """Wait until every review sent has a committed answer; how many seconds that took."""
        return self.wait_for_results(self.sender.sent - self.follower.count, deadline_seconds)

    def longest_gap(self, since: float) -> float:
        """The most seconds without a committed sentiment on any one partition, since a `time.monotonic()`.

        A key has the same partition in all topics, so this is also how long any one input partition stood still.
        """
        return self.follower.longest_gap(self.output, since)

    def verdict(self, versions: Collection[int] = (STABLE,)) -> Verdict:
        """Wait until all is done, or too long, stop the workers, and judge what was sent and what came out."""
        with suppress(TooLate):
            self.wait_until_done()
        for worker in self.workers:
            if worker.status is None:
                assert worker.stop()[0] == 0, f"{worker.name} did not stop cleanly"
        results = [*self.records(self.output), *self.records(self.dead_letters)]
        records = self.records(self.input)
        kept, count = len(records), self.sender.sent
        assert kept == count, f"{count} records were sent, and {kept} are in the input topic"
        return check([sent(r) for r in records], [seen(r, self.dead_letters) for r in results], versions)

    def records(self, topic: str) -> list[Any]:
        """The committed records of a topic (kafka-python's ConsumerRecord)."""
        found = committed(self.kafka, topic)
        locations = {(record.partition, record.offset) for record in found}
        assert len(locations) == len(found), f"topic {topic} was not read as it is: some of its records came twice"
        return found

    def sentiments(self) -> list[tuple[Seen, bytes]]:
        """The committed sentiments, as histories know them and as bytes."""
        return [(seen(record, self.dead_letters), record.value) for record in self.records(self.output)]

    def logs(self) -> str:
        """What the workers wrote, for the report of a failure."""
        return "\n".join(f"--- {worker.name}, status {worker.status}\n{worker.log}" for worker in self.workers)
