"""What each command must be allowed in Kafka and Redis: `doctor` checks what `run` needs, permissions.md shows all.

The tests of permissions grant exactly what the page lists, so that what people are told is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

TOPIC, GROUP, TRANSACTIONAL_ID = "topic", "group", "transactional id"
EXACTLY_ONCE, WHERE_IT_IS_SET = "exactly once", "where it is set"

_RUN, _CREATE = "run", "run --create-topics"
_LIST, _REPLAY = "dead-letters list", "dead-letters replay"


@dataclass(frozen=True, slots=True)
class Grant:
    """Operations, as Kafka spells them, that commands need on resources of one kind.

    `names` are fields of the settings, each followed by `ending`, or the name of what a flag of the command names.
    A `prefixed` name stands for all that begin with it. `condition` says when the operations are needed, if not always.
    """

    kind: str
    names: tuple[str, ...]
    operations: tuple[str, ...]
    commands: tuple[str, ...]
    ending: str = ""
    condition: str = ""
    prefixed: bool = False


_TOPICS = ("input_topic", "output_topic", "dead_letter_topic")
_TO = "TARGET"

KAFKA = (
    Grant(TOPIC, ("input_topic",), ("Read",), (_RUN,)),
    Grant(GROUP, ("kafka_group_id",), ("Read",), (_RUN,)),
    Grant(TOPIC, ("output_topic", "dead_letter_topic"), ("Write",), (_RUN,)),
    Grant(TOPIC, ("shadow_topic",), ("Write",), (_RUN,), condition=WHERE_IT_IS_SET),
    Grant(TRANSACTIONAL_ID, ("kafka_group_id",), ("Write",), (_RUN,), "-", EXACTLY_ONCE, prefixed=True),
    Grant(TOPIC, _TOPICS, ("Create",), (_CREATE,)),
    Grant(TOPIC, ("shadow_topic",), ("Create",), (_CREATE,), condition=WHERE_IT_IS_SET),
    Grant(TOPIC, ("input_topic",), ("Write",), ("send", _REPLAY, "rolling-check")),
    Grant(TOPIC, ("output_topic",), ("Read",), ("tail", "cache-fill", "rescore", "rolling-check")),
    Grant(TOPIC, ("dead_letter_topic",), ("Read",), (_LIST, _REPLAY, "rolling-check")),
    Grant(GROUP, ("kafka_group_id",), ("Read",), (_REPLAY,), "-dead-letter-replay"),
    Grant(TRANSACTIONAL_ID, ("kafka_group_id",), ("Write",), (_REPLAY,), "-dead-letter-replay"),
    Grant(TOPIC, ("input_topic",), ("Read",), ("rescore", "rolling-check")),
    Grant(TOPIC, (_TO,), ("Read", "Write"), ("rescore",)),
    Grant(GROUP, ("kafka_group_id",), ("Describe",), ("rescore",)),
    Grant(GROUP, ("kafka_group_id",), ("Read",), ("rescore",), "-rescore-", prefixed=True),
    Grant(TRANSACTIONAL_ID, ("kafka_group_id",), ("Write",), ("rescore",), "-rescore-", EXACTLY_ONCE, prefixed=True),
)

# The commands of Redis that each of ours sends, on keys that begin with `sentiment:`.
REDIS = {
    "run": ("SET",),
    "cache-fill": ("PING", "GET", "SET", "EVALSHA", "SCRIPT EXISTS", "SCRIPT LOAD"),
}
