"""`python -m worker rolling-check`: proof that updates and restarts lose, duplicate, reorder and delay nothing."""

from __future__ import annotations

import argparse
import contextlib
import sys
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import structlog

from worker.commands.common import connect
from worker.commands.common.arguments import positive
from worker.commands.common.terminal import sigterm_as_ctrl_c
from worker.commands.rolling_check.groups import Group, RunningGroup, local_group
from worker.commands.rolling_check.observations import Observations
from worker.commands.rolling_check.plot import draw, drawing_is_possible
from worker.commands.rolling_check.report import show
from worker.commands.rolling_check.session import Session
from worker.commands.rolling_check.update import Update
from worker.commands.rolling_check.verdict import Limits, evaluate
from worker.errors import BadUse, WorkerError
from worker.serving.loader import open_registry
from worker.settings.settings import Settings

log = structlog.get_logger(__name__)

_EXAMPLES = """examples:
  python -m worker rolling-check --local --picture rolling-check.png
  python -m worker rolling-check --to 4 --back --restart-command \\
      'kubectl rollout restart deployment/sentiment && kubectl rollout status deployment/sentiment'
  python -m worker rolling-check --no-update --rate 50 --seconds 60 --json

The reviews are sent to the input topic of the group and scored as any others; their ids begin with rolling-check-."""
_LOCAL_NOTE = "needs the extra local; settings come from flags only"
_NUMBERS = (
    ("--rate", 200.0, "reviews a second"),
    ("--seconds", 15.0, "at least, for each phase"),
    ("--update-limit", 60.0, "seconds for the new version to score everything"),
    ("--max-pause", 4.0, "seconds that a partition may stand still"),
    ("--max-swap-pause", 0.25, "the same during the update"),
    ("--max-p99", 0.5, "seconds of latency at p99, but for the restarts"),
)
# Of what --local starts: a flag for one of these would be overruled.
_OWN = ("kafka_bootstrap_servers", "kafka_group_id", "input_topic", "output_topic", "dead_letter_topic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rolling-check`."""
    add = parser.add_argument
    add("--local", action="store_true", help=f"check a group of its own, with a Kafka of its own ({_LOCAL_NOTE})")
    add("--workers", type=positive, default=2, metavar="N", help="of the local group (default: 2)")
    add("--from", dest="old", metavar="V", help="local group: version to begin with (default: stable)")
    add("--to", metavar="V", help="version to update to (local group: default stable, as a version of its own)")
    add("--no-update", action="store_true", help="leave the model alone")
    add("--back", action="store_true", help="move the label back at the end")
    add("--restart-command", metavar="C", help="shell command that restarts the running group's workers one by one")
    add("--no-restarts", action="store_true", help="local group: leave the workers alone")
    for flag, default, help_text in _NUMBERS:
        add(flag, type=above_zero, default=default, metavar="N", help=f"{help_text} (default: {default:g})")
    add("--picture", type=Path, metavar="FILE", help="draw latency over time into a .png or .svg file")
    usage = "[--local | --to V | --no-update] [--restart-command C] [--picture F] [--json]"
    connect.add_arguments(parser, usage, _EXAMPLES)


def main(arguments: argparse.Namespace) -> int:
    """Check, report, and 1 when a limit was passed."""
    _refuse_contradictions(arguments)
    if arguments.picture:
        drawing_is_possible(arguments.picture)
    sigterm_as_ctrl_c()
    observations, standing = _observe(arguments)
    report = evaluate(observations, Limits(arguments.max_pause, arguments.max_swap_pause, arguments.max_p99))
    if standing and not report.passed:
        report = replace(report, notes=(*report.notes, standing))
    if arguments.picture:
        draw(observations, arguments.picture)
    show(report, arguments.json)
    return 0 if report.passed else 1


def _observe(arguments: argparse.Namespace) -> tuple[Observations, str]:
    """What was seen, and where the label stands now that all is over."""
    session: Session | None = None
    update: Update | None = None
    try:
        with ExitStack() as stack:
            settings, group = local_group()(arguments, stack) if arguments.local else _running_group(arguments)
            # What --local starts has the two versions under these numbers.
            to = "2" if arguments.local and not arguments.no_update else arguments.to
            registry = open_registry(settings)
            update = Update.plan(registry, settings.model_name, settings.model_label, to)
            update.check(settings)
            if arguments.back:
                stack.callback(update.undo)
            session = Session(settings, f"rolling-check-{uuid.uuid4().hex[:8]}", update, arguments.rate)
            observations = stack.enter_context(session).run(group, arguments.seconds, arguments.update_limit)
    except (KeyboardInterrupt, WorkerError) as error:
        reported = []
        if isinstance(error, KeyboardInterrupt):
            reported.append(session.unfinished() if session else "Interrupted before anything was sent.")
        if standing := _standing(arguments, update):
            reported.append(standing)
        sys.stderr.writelines(f"{sentence}\n" for sentence in reported)
        raise
    return observations, _standing(arguments, update)


def _standing(arguments: argparse.Namespace, update: Update | None) -> str:
    # The store of a group of its own is gone by now.
    return update.standing() if update and not arguments.local else ""


def _running_group(arguments: argparse.Namespace) -> tuple[Settings, Group]:
    return connect.prepare(arguments), RunningGroup(arguments.restart_command)


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    """Raises BadUse when the flags do not say what is to be done, or say two things."""
    if arguments.local:
        if arguments.restart_command or any(hasattr(arguments, name) for name in _OWN):
            raise BadUse(
                "--local starts a group of its own: give no --restart-command, and no servers, topics or group"
            )
        if arguments.no_update and arguments.to:
            raise BadUse("give --to V or --no-update, not both")
    elif bool(arguments.to) == arguments.no_update:
        raise BadUse(
            "say what to do: --to V updates the running group's model, --no-update leaves it alone, "
            "--local starts a group of its own"
        )
    elif arguments.old or arguments.no_restarts:
        raise BadUse("--from and --no-restarts are for --local")


def above_zero(text: str) -> float:
    """A number above zero; for argparse."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
