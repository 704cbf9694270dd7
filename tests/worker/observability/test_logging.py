import logging

from worker.observability.logging import OncePerMinute


def _line() -> logging.LogRecord:
    return logging.LogRecord("kafka.net", logging.ERROR, "net.py", 7, "connection %s failed", ("1",), None)


def test_a_library_says_the_same_once_a_minute_and_how_often() -> None:
    now = [0.0]
    limit = OncePerMinute(lambda: now[0])
    assert [limit.filter(_line()) for _ in range(1_000)].count(True) == 1
    now[0] = 61.0
    later = _line()
    assert limit.filter(later)
    assert later.getMessage() == "connection 1 failed (and 999 more like it)"
