"""Which partition a key goes to, as Kafka's own default partitioner decides it, for a batch of keys at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from worker.kafka.types import Message

_SEED = 0x9747B28C
_MULTIPLIER = np.uint32(0x5BD1E995)
_SHIFT = np.uint32(24)


def assign_partitions(messages: Sequence[Message], count_of: Callable[[str], int]) -> list[int | None]:
    """The partition of each message; None leaves it to the client. `count_of` tells how many a topic has."""
    topics = {message.topic for message in messages}
    if len(topics) == 1:
        return partitions_of([message.key for message in messages], count_of(topics.pop()))
    found: list[int | None] = [None] * len(messages)
    for topic in topics:
        indices = [index for index, message in enumerate(messages) if message.topic == topic]
        numbers = partitions_of([messages[index].key for index in indices], count_of(topic))
        for index, number in zip(indices, numbers, strict=True):
            found[index] = number
    return found


def partitions_of(keys: Sequence[bytes | None], partitions: int) -> list[int | None]:
    """The partition number of each key: murmur2 of the key modulo `partitions`; None for a null key.

    kafka-python hashes one byte after the other in Python, which takes 6 µs for a key of 36 bytes; keys of one length
    are hashed here together. Source: org.apache.kafka.common.utils.Utils.murmur2 and toPositive.
    """
    found: list[int | None] = [None] * len(keys)
    indices = defaultdict(list)
    for index, key in enumerate(keys):
        if key is not None:
            indices[len(key)].append(index)
    for length, alike in indices.items():
        joined = b"".join([keys[index] or b"" for index in alike])
        hashes = murmur2(np.frombuffer(joined, np.uint8).reshape(len(alike), length))
        numbers = (hashes & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)
        for index, number in zip(alike, numbers.tolist(), strict=True):
            found[index] = number
    return found


def murmur2(keys: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """MurmurHash2 of uint8 (keys, length) -> uint32 (keys,), with Kafka's seed; arithmetic wraps at 32 bits."""
    count, length = keys.shape
    hashes = np.full(count, _SEED ^ length, np.uint32)
    words = length // 4
    blocks = np.ascontiguousarray(keys[:, : words * 4]).view("<u4") if words else np.empty((count, 0), np.uint32)
    for block in blocks.T:
        mixed = block * _MULTIPLIER
        mixed ^= mixed >> _SHIFT
        hashes = hashes * _MULTIPLIER ^ mixed * _MULTIPLIER
    tail = keys[:, words * 4 :]
    for index in range(tail.shape[1]):
        hashes ^= tail[:, index].astype(np.uint32) << np.uint32(8 * index)
    if tail.shape[1]:
        hashes *= _MULTIPLIER
    hashes ^= hashes >> np.uint32(13)
    hashes *= _MULTIPLIER
    hashes ^= hashes >> np.uint32(15)
    return hashes
