"""What a replay of dead letters does with each of them, and how it tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from worker.commands.common.formatting import printable
from worker.commands.dead_letters.letter import DeadLetter, has_reason
from worker.kafka.types import Partition, Record

REPLAY = "replay"
FOREIGN = "foreign"
_WHY = {
    "other_reason": "with another reason",
    "without_value": "whose value was not kept",
    "came_back": "that came back too often (--max-replays)",
    "other_topic": "from another topic",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters are sent again."""

    input_topic: str
    reasons: Sequence[str] | None = None
    max_replays: int = 3
    skip_other_topics: bool = False

    def verdict(self, dead_letter: DeadLetter) -> str:
        """`REPLAY`, why the dead letter is passed over, or `FOREIGN`: then nothing may be sent at all."""
        if dead_letter.topic != self.input_topic:
            return "other_topic" if self.skip_other_topics else FOREIGN
        if not has_reason(dead_letter, self.reasons):
            return "other_reason"
        if dead_letter.value_is_left_out:
            return "without_value"
        return "came_back" if dead_letter.replays >= self.max_replays else REPLAY


@dataclass(slots=True)
class Plan:
    """What a replay does: dead letters to send by reason, to pass over by why, foreign ones by topic.

    `ends` holds the next offset after the last dead letter of each partition: what comes back meanwhile lies after it.
    """

    replay: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    ends: dict[Partition, int] = field(default_factory=dict)

    def count(self, records: Sequence[Record], choice: Choice) -> None:
        """Add what becomes of these."""
        for dead_letter in map(DeadLetter.of, records):
            verdict = choice.verdict(dead_letter)
            if verdict == REPLAY:
                self.replay[dead_letter.reason] += 1
            elif verdict == FOREIGN:
                self.foreign[dead_letter.topic] += 1
            else:
                self.passed_over[verdict] += 1

    def to_json(self, executed: bool) -> dict[str, Any]:
        """For `--json`."""
        counts = {"replay": self.replay, "passed_over": self.passed_over, "from_other_topics": self.foreign}
        return {"executed": executed} | {name: dict(count) for name, count in counts.items()}


def sentences(plan: Plan, choice: Choice, executed: bool) -> Iterator[str]:
    """The plan for people, line by line."""
    if not plan.replay and not plan.passed_over and not plan.foreign:
        yield "There are no dead letters that were not replayed or passed over before."
        return
    by_reason = ", ".join(f"{count:,} {printable(reason)}" for reason, count in plan.replay.most_common())
    sent = f"{dead_letters(plan.replay.total())} to topic {choice.input_topic} again{by_reason and f' ({by_reason})'}."
    yield f"Sent {sent}" if executed else f"Would send {sent}"
    if plan.passed_over:
        why = ", ".join(f"{count:,} {_WHY[why]}" for why, count in plan.passed_over.most_common())
        yield f"{'Passed' if executed else 'Would pass'} over for good: {why}."
    if plan.foreign:
        yield f"Not possible: {load_failure(plan, choice)}."
    elif not executed:
        yield "Nothing was sent: this was a dry run. The same command with --execute does it."


def load_failure(plan: Plan, choice: Choice) -> str:
    """Why nothing may be sent while there are foreign dead letters, and what to do."""
    topics = ", ".join(printable(topic) or "an unnamed topic" for topic in sorted(plan.foreign))
    return (
        f"{dead_letters(plan.foreign.total())} came from {topics}, not from the input topic {choice.input_topic}: "
        "name the right one with --input-topic, or pass over these with --skip-other-topics"
    )


def dead_letters(count: int) -> str:
    """`1 dead letter`, `2 dead letters`."""
    return f"{count:,} dead letter{'' if count == 1 else 's'}"
