"""`python -m worker dead-letters replay`: dead letters into the topic that they came from, each once."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from worker.batching import offsets_after
from worker.commands.common import connect
from worker.commands.common.arguments import positive
from worker.commands.common.consume import read_to_end
from worker.commands.common.progress import progress_bar
from worker.commands.dead_letters.letter import DeadLetter, add_reason_flag, original
from worker.commands.dead_letters.plan import REPLAY, Choice, Plan, load_failure, sentences
from worker.errors import KafkaAway, RetryBatch, StopWorker
from worker.kafka.broker import Broker
from worker.kafka.types import EARLIEST, CommittedOffset, Message, Partition, Record, Subscription
from worker.settings.settings import Settings

EXAMPLES = """  python -m worker dead-letters replay --reason scoring_failed
  python -m worker dead-letters replay --reason scoring_failed --execute"""
_TRIES = 5
_PAUSE_SECONDS = 0.5
# A transaction of dead letters of the largest size must fit the deadline.
_DEAD_LETTERS_AT_ONCE = 100
_POLL_SECONDS = 0.5
_QUIET_LIMIT_SECONDS = 30.0

Earlier = Callable[[Mapping[Partition, CommittedOffset]], Iterable[Sequence[Record]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `replay`."""
    parser.add_argument("--execute", action="store_true", help="send them; without it this is a dry run")
    add_reason_flag(parser, "only dead letters with this reason; the others are passed over for good")
    parser.add_argument(
        "--from-beginning", action="store_true", help="also those that were replayed or passed over before"
    )
    parser.add_argument(
        "--max-replays",
        type=positive,
        default=3,
        metavar="N",
        help="pass over what was replayed N times and came back each time (default: 3)",
    )
    parser.add_argument(
        "--skip-other-topics", action="store_true", help="pass over dead letters from other input topics"
    )
    connect.add_arguments(parser, "[--execute] [--reason REASON] [--from-beginning] [--json]", f"examples:\n{EXAMPLES}")


def main(arguments: argparse.Namespace) -> int:
    """A dry run, or the replay."""
    settings = connect.prepare(arguments)
    choice = Choice(settings.input_topic, arguments.reason, arguments.max_replays, arguments.skip_other_topics)
    group = f"{settings.kafka_group_id}-dead-letter-replay"
    subscription = Subscription(settings.dead_letter_topic, group)
    topics, transactional_id = ((settings.input_topic,), group) if arguments.execute else ((), None)
    earlier = partial(read_earlier, settings) if arguments.from_beginning else nothing_earlier
    with connect.connected(settings, subscription, *topics, transactional_id=transactional_id) as broker:
        plan = make_plan(broker, settings, choice, earlier)
        if arguments.execute:
            plan = execute(broker, choice, plan, earlier)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(plan.to_json(arguments.execute)).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in sentences(plan, choice, arguments.execute))
    return 0


def nothing_earlier(committed: Mapping[Partition, CommittedOffset]) -> Iterable[Sequence[Record]]:
    """Without `--from-beginning`, what lies before the committed positions stays there."""
    return ()


def read_earlier(settings: Settings, committed: Mapping[Partition, CommittedOffset]) -> Iterator[Sequence[Record]]:
    """The dead letters before the committed positions."""
    with connect.connected(settings, Subscription(settings.dead_letter_topic, None, EARLIEST)) as reader:
        for records in read_to_end(reader, settings):
            yield [r for r in records if r.offset < _next_offset(committed, Partition(r.topic, r.partition))]


def make_plan(broker: Broker, settings: Settings, choice: Choice, earlier: Earlier) -> Plan:
    """Read all that is to be replayed, and change nothing. Raises KafkaAway."""
    plan = Plan()
    for records in read_to_end(broker, settings):
        plan.count(records, choice)
        plan.ends |= {partition: after.next_offset for partition, after in offsets_after(records).items()}
    for records in earlier(broker.committed()):
        plan.count(records, choice)
    return plan


def execute(broker: Broker, choice: Choice, plan: Plan, earlier: Earlier) -> Plan:
    """Do what was planned; what was done, as a plan of its own.

    Raises StopWorker while there are foreign dead letters, before anything is sent, and RetryBatch or KafkaAway when
    Kafka refuses again and again: what was sent by then is committed and is not sent by the next replay.
    """
    if plan.foreign:
        raise StopWorker(load_failure(plan, choice))
    done = Plan()
    with progress_bar("replaying", plan.replay.total()) as show:
        for records in earlier(broker.committed()):
            # Their positions are committed already: with nothing but these there is no telling them apart.
            broker.produce(_messages(records, choice))
            broker.commit({})
            done.count(records, choice)
        replay = Replay(broker, choice, plan, done)
        replay.rewind()
        while not replay.is_done():
            replay.turn()
            show(done.replay.total(), plan.replay.total())
    return done


class Replay:
    """Batches of dead letters, each one transaction with the positions after it, up to where the plan ends."""

    def __init__(self, broker: Broker, choice: Choice, plan: Plan, done: Plan) -> None:
        self._broker = broker
        self._choice = choice
        self._ends = plan.ends
        self._done = done
        self._reached: dict[Partition, int] = {}
        self._failures = 0
        self._heard_at = time.monotonic()

    def is_done(self) -> bool:
        """Whether every partition is committed up to its end."""
        return all(self._reached.get(partition, 0) >= end for partition, end in self._ends.items())

    def turn(self) -> None:
        """One batch, done again after a failure. Raises KafkaAway, RetryBatch or StopWorker after too many."""
        polled = self._broker.poll(_DEAD_LETTERS_AT_ONCE, _POLL_SECONDS).records
        records = [r for r in polled if r.offset < self._ends.get(Partition(r.topic, r.partition), 0)]
        if not records:
            if time.monotonic() - self._heard_at > _QUIET_LIMIT_SECONDS:
                raise KafkaAway("Kafka shows no more of the dead letters that it had before: run the command again")
            return
        self._heard_at = time.monotonic()
        offsets = offsets_after(records)
        try:
            self._broker.produce(_messages(records, self._choice))
            self._broker.commit(offsets)
            committed: Mapping[Partition, CommittedOffset] = offsets
            self._note(offsets)
            self._failures = 0
        except RetryBatch as problem:
            self._failed(problem)
            committed = self.rewind()
        if all(_next_offset(committed, partition) >= after.next_offset for partition, after in offsets.items()):
            self._done.count(records, self._choice)

    def rewind(self) -> Mapping[Partition, CommittedOffset]:
        """Go back to the committed positions, which are also what tells whether an unanswered batch was committed."""
        while True:
            try:
                self._broker.rewind()
                committed = self._broker.committed()
            except (KafkaAway, RetryBatch) as problem:
                self._failed(problem)
            else:
                self._note(committed)
                return committed

    def _note(self, committed: Mapping[Partition, CommittedOffset]) -> None:
        self._reached |= {partition: committed_offset.next_offset for partition, committed_offset in committed.items()}

    def _failed(self, problem: KafkaAway | RetryBatch) -> None:
        self._failures += 1
        if self._failures > _TRIES:
            raise problem
        time.sleep(_PAUSE_SECONDS)


def _messages(records: Sequence[Record], choice: Choice) -> list[Message]:
    dead_letters = [(record, DeadLetter.of(record)) for record in records]
    return [
        original(record, dead_letter) for record, dead_letter in dead_letters if choice.verdict(dead_letter) == REPLAY
    ]


def _next_offset(offsets: Mapping[Partition, CommittedOffset], partition: Partition) -> int:
    return offsets[partition].next_offset if partition in offsets else 0
