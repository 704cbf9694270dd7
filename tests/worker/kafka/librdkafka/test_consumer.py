"""What the reader on librdkafka makes of a record's parts."""

from typing import Any

import pytest

from worker.kafka.librdkafka.consumer import Reader


class OddMessage:
    """A record whose headers the client does not give."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def headers(self) -> Any:
        raise self._error

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return "reviews"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_000)

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"odd"


@pytest.mark.parametrize("error", [SystemError("its own error is lost"), UnicodeError("no text")])
def test_a_record_whose_headers_cannot_be_read_is_read_and_says_so(error: Exception) -> None:
    reader = Reader.__new__(Reader)
    [record] = reader._records([OddMessage(error)])
    assert (record.offset, record.value, record.headers) == (7, b"odd", (("unreadable-headers", b"true"),))
