"""What the commands of this package share: a parser, and running something until Ctrl-C."""

import argparse
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType
from typing import Never, TypeVar

from deploy.local.processes import LocalServiceError

Service = TypeVar("Service")


def parser(program: str, purpose: str) -> argparse.ArgumentParser:
    """A parser whose usage says `program`."""
    return argparse.ArgumentParser(prog=program, description=purpose)


def positive(text: str) -> int:
    """A whole number from 1; argparse says so to whoever gives another."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)


def run_until_interrupted(
    start: Callable[[], AbstractContextManager[Service]], describe: Callable[[Service], str]
) -> int:
    """Start a service, say what `describe` returns, keep it until Ctrl-C or SIGTERM; returns the exit status."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with start() as service:
            sys.stdout.write(f"{describe(service)}\nCtrl-C ends it.\n")
            sys.stdout.flush()
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return 0
    except LocalServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def interrupt(signal_number: int, frame: FrameType | None) -> Never:
    """Treat SIGTERM as Ctrl-C, so that both end in the same orderly way."""
    raise KeyboardInterrupt
