from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from worker.kafka.partitioner import partitions_of


@given(st.lists(st.none() | st.binary(max_size=80), max_size=40), st.integers(1, 1_000))
def test_every_key_goes_where_kafkas_own_partitioner_sends_it(keys: list[bytes | None], partitions: int) -> None:
    expected = [None if key is None else (murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]
    assert partitions_of(keys, partitions) == expected
