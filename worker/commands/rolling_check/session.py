"""The connections of a check: one to send with, one to watch with, two to read back what stands in the topics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from worker.commands.common import connect
from worker.commands.common.consume import read_to_end
from worker.commands.dead_letters.letter import DeadLetter
from worker.commands.rolling_check.checker import Seen, Sent
from worker.commands.rolling_check.groups import Group
from worker.commands.rolling_check.load import Reviews, Sender, Watcher
from worker.commands.rolling_check.observations import Observations
from worker.commands.rolling_check.phases import Phases, Plan
from worker.commands.rolling_check.update import Update
from worker.commands.send.encoder import Encoder
from worker.errors import BadReview
from worker.kafka.broker import Broker
from worker.kafka.types import LATEST, Record, Subscription
from worker.messages import ReviewDecoder
from worker.settings.settings import Settings


class Session:
    """A context manager around one check: connections that begin where the topics end now, and two threads."""

    def __init__(self, settings: Settings, name: str, update: Update, rate: float) -> None:
        self._settings = settings
        self._name = name
        self._update = update
        self._rate = rate
        self._connections = contextlib.ExitStack()
        self._course: Phases | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opened:
            settings = self._settings
            watching = opened.enter_context(
                connect.connected(settings, Subscription(settings.output_topic, None, LATEST))
            )
            self._dead_letters = opened.enter_context(
                connect.connected(settings, Subscription(settings.dead_letter_topic, None, LATEST))
            )
            self._input = opened.enter_context(
                connect.connected(settings, Subscription(settings.input_topic, None, LATEST))
            )
            sending = opened.enter_context(connect.connected(settings, None, settings.input_topic))
            partitions = len(self._input.assignment())
            reviews = Reviews(self._name, self._update.texts(), Encoder(settings, key_from_id=False), partitions)
            self._watcher = Watcher(watching, settings.connection(), self._name, self._update.name)
            self._sender = Sender(sending, reviews, self._rate)
            self._connections = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for thread in (self._sender, self._watcher):
            if thread.is_alive():
                thread.stop()
        self._connections.close()

    def run(self, group: Group, seconds: float, update_limit: float) -> Observations:
        """The check, up to its last sentiment. Raises StopWorker or KafkaAway when it cannot go on."""
        quiet = self._settings.kafka_transaction_timeout_seconds + self._settings.kafka_session_timeout_seconds
        plan = Plan(seconds, update_limit, quiet)
        self._course = phases = Phases(plan, self._sender, self._watcher, group, self._update)
        phases.run()
        return Observations(
            phases.phases,
            self._update.versions,
            self._sender.sent,
            list(self._stored()),
            self._watcher.arrivals,
            list(self._dead_letter_reviews()),
            phases.events,
            phases.reasons,
            taken_back=self._update.applied and not self._update.moved,
        )

    def unfinished(self) -> str:
        """What is to be known of a check that was interrupted."""
        if self._course is None:
            return "Interrupted before anything was sent."
        return (
            f"Interrupted in the phase {self._course.phase!r}: {len(self._sender.sent):,} reviews sent, "
            f"{self._course.unanswered():,} of them without a sentiment yet. Nothing was judged."
        )

    def _stored(self) -> Iterator[Sent]:
        decode = ReviewDecoder(
            self._settings.id_field, self._settings.text_field, self._settings.max_record_bytes
        ).decode
        for record in self._own(self._input):
            with contextlib.suppress(BadReview):
                yield Sent(decode(record).id, record.key, record.partition, record.offset)

    def _dead_letter_reviews(self) -> Iterator[Seen]:
        for record in self._own(self._dead_letters):
            dead_letter = DeadLetter.of(record)
            if dead_letter.topic == self._settings.input_topic:
                source = (dead_letter.partition, dead_letter.offset)
                yield Seen(record.topic, record.partition, record.offset, record.key, source=source)

    def _own(self, broker: Broker) -> Iterator[Record]:
        """The records of this check that came into the topic since it began."""
        keys = set(self._sender.reviews.keys)
        for records in read_to_end(broker, self._settings):
            yield from (record for record in records if record.key in keys)
