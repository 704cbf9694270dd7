"""The flags of the commands that ask all workers of a group over HTTP."""

from __future__ import annotations

import argparse

from worker.commands.common.arguments import duration_seconds
from worker.commands.group.scrape import DEFAULT_PORT, Address, parse_address
from worker.errors import BadUse

_LONGEST_SECONDS = 60.0


def add_group_flags(parser: argparse.ArgumentParser) -> None:
    """`--workers` and `--time-limit`."""
    parser.add_argument(
        "--workers",
        default=f"localhost:{DEFAULT_PORT}",
        metavar="ADDRESSES",
        help="host:port or http:// addresses, comma-separated; a host name stands for all its addresses, such as the"
        " pods behind a headless Kubernetes service (default: %(default)s)",
    )
    parser.add_argument(
        "--time-limit", type=interval, default=2.0, metavar="TIME", help="give up on a worker after (default: 2s)"
    )


def addresses_of(arguments: argparse.Namespace) -> list[Address]:
    """Where `--workers` says that the workers are. Raises BadUse."""
    addresses = [parse_address(text.strip()) for text in arguments.workers.split(",") if text.strip()]
    if not addresses:
        raise BadUse("--workers names no address")
    return addresses


def interval(text: str) -> float:
    """A length of time above 0 and up to 60 s, in seconds; for argparse."""
    seconds = duration_seconds(text)
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0 and up to 60 s")
    return seconds
