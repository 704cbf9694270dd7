"""Structured logs: readable on a terminal, JSON elsewhere, and no message of a library a thousand times."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Literal

import structlog

_REPEAT_SECONDS = 60.0
# What these say at a lower level is about their own insides.
_LIBRARIES = {
    "kafka": logging.ERROR,
    "worker.librdkafka": logging.WARNING,
    "redis": logging.ERROR,
    "opentelemetry": logging.ERROR,
}


class OncePerMinute(logging.Filter):
    """Lets one message of each place in a library's code through a minute, with the number left out since the last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._last: dict[tuple[str, int], float] = {}
        self._left_out: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        location, now = (record.pathname, record.lineno), self._clock()
        if now - self._last.get(location, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            self._left_out[location] = self._left_out.get(location, 0) + 1
            return False
        self._last[location] = now
        if left_out := self._left_out.pop(location, 0):
            record.msg = f"{record.getMessage()} (and {left_out} more like it)"
            record.args = ()
        return True


def configure(style: Literal["auto", "json", "text"], level: str) -> None:
    """Send every log line to standard error, from this package and from the libraries."""
    readable = style == "text" or (style == "auto" and sys.stderr.isatty())
    stamp: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if readable else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*stamp, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=stamp,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name, least in _LIBRARIES.items():
        library = logging.getLogger(name)
        library.setLevel(least if level != "debug" else logging.DEBUG)
    handler.addFilter(_only_libraries(OncePerMinute()))


def _only_libraries(limit: OncePerMinute) -> Callable[[logging.LogRecord], bool]:
    def keep(record: logging.LogRecord) -> bool:
        library = any(record.name == name or record.name.startswith(name + ".") for name in _LIBRARIES)
        return not library or limit.filter(record)

    return keep
