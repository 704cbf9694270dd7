"""`python -m worker doctor`: before the first start, what is there for a worker and what is missing."""

from __future__ import annotations

import argparse
import math
from contextlib import closing

from rich.console import Console

from worker.commands.common import connect
from worker.commands.doctor.checks import examine
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.report import show, write_json
from worker.commands.doctor.results import passed

_EXAMPLES = """examples:
  python -m worker doctor                          with the settings that `run` will have
  python -m worker doctor --rate 2000              how many workers take 2,000 reviews a second?
  python -m worker doctor --strict --json | jq -r '.findings[] | select(.mark == "fails") | .advice'

It joins no group and writes nothing to Kafka, so it may run beside a group at work, in the pod of a running worker too.
To Redis it writes one key that it removes again.

exit status: 0 when nothing fails; 1 when something does or, with --strict, there is a warning; 2 for settings that
cannot be."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `doctor`."""
    parser.add_argument("--rate", type=_rate, metavar="N", help="reviews a second to be ready for (default: as seen)")
    parser.add_argument("--strict", action="store_true", help="end with 1 for warnings too")
    connect.add_arguments(parser, "[--rate N] [--strict] [--json]", _EXAMPLES)


def main(arguments: argparse.Namespace) -> int:
    """Look at everything; 0 when workers may start. Raises BadUse for settings that cannot be."""
    context = CheckContext(connect.prepare(arguments), arguments.rate)
    with closing(context):
        if arguments.json:
            findings = list(examine(context))
            write_json(findings, arguments.strict)
        else:
            console = Console(highlight=False)
            with console.status("looking ...") as status:
                looked = examine(context, begin=lambda subject: status.update(f"looking at: {subject}"))
                findings = show(looked, console, arguments.strict)
    return 0 if passed(findings, arguments.strict) else 1


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of reviews a second")
    return rate
