"""The command `kafka-sentiment`, which `python -m worker` calls too."""

from __future__ import annotations

import argparse
import importlib
import sys
from contextlib import suppress
from typing import Any

from models.installation import NAME, typed, version
from worker import packages
from worker.errors import StopWorker, WorkerError

# Command: the module under worker.commands with its `add_arguments` and `main`, and a line of help.
COMMANDS = {
    "run": ("run", "score reviews from the input topic until told to stop"),
    "send": ("send.command", "send reviews to the input topic: texts, files or standard input"),
    "tail": ("tail", "show sentiments as they are written to the output topic"),
    "doctor": ("doctor.command", "tell before the first start what a worker needs and what of it is missing"),
    "status": ("status.command", "show which worker runs which version, how far behind it is, and whether all agree"),
    "top": ("top.command", "show what limits the workers, when the lag is drained, and how many workers it would take"),
    "dead-letters": ("dead_letters.command", "list what was dead-lettered as no valid review, or send it again"),
    "rolling-check": ("rolling_check.command", "prove that an update and restarts lose, duplicate and delay no review"),
    "rescore": ("rescore.command", "score a range of old reviews again with another version, and compare"),
    "asyncapi": ("asyncapi.command", "write the AsyncAPI document of the topics and their messages"),
    "cache-fill": ("cache_fill", "write to Redis what the output topic holds"),
    "completion": ("completion", "write what lets a shell complete these commands and their flags"),
}


class Parser(argparse.ArgumentParser):
    """Help whose examples call the program as it was called; its subcommands are of this class too."""

    def format_help(self) -> str:
        return typed(super().format_help())


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status: 0 done, 1 failed, 2 bad use."""
    argv = sys.argv[1:] if argv is None else argv
    name = next(iter(argv), "--help")
    try:
        if name not in COMMANDS and not name.startswith("-"):
            return packages.run(name, argv[1:])
        arguments = _parser(name).parse_args(argv)
        return int(arguments.main(arguments))
    except StopWorker as error:
        return _report(error, error.exit_status)
    except WorkerError as error:
        return _report(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def whole_parser() -> Parser:
    """The parser of all commands with all their flags, those of other packages too as far as they can be loaded."""
    parser, commands = _empty()
    for name in COMMANDS:
        _load(name, _add(commands, name))
    for name in packages.names():
        with suppress(StopWorker):
            help_text = packages.HELP.get(name, name)
            commands.add_parser(name, help=help_text, parents=[packages.command_parser(name)], add_help=False)
    return parser


def _parser(called: str) -> Parser:
    """The parser with the flags of the command that is called; the other ones are only in the list of commands."""
    parser, commands = _empty()
    for name in COMMANDS:
        command = _add(commands, name)
        if name == called:
            # Only the command that runs is imported: `tail` need not wait for the engine.
            _load(name, command)
    for name in packages.names() if called in ("-h", "--help") else ():
        commands.add_parser(name, help=packages.HELP.get(name, name))
    return parser


def _empty() -> tuple[Parser, Any]:
    parser = Parser(prog=typed("python -m worker"), description="Reviews from Kafka in, sentiments out.")
    parser.add_argument("--version", action="version", version=f"{NAME} {version()}")
    return parser, parser.add_subparsers(dest="command", required=True, metavar="COMMAND")


def _add(commands: Any, name: str) -> Parser:
    help_text = COMMANDS[name][1]
    command: Parser = commands.add_parser(name, help=help_text, description=help_text)
    return command


def _load(name: str, command: Parser) -> None:
    module = importlib.import_module(f"worker.commands.{COMMANDS[name][0]}")
    module.add_arguments(command)
    command.set_defaults(main=module.main, whole_parser=whole_parser)


def _report(error: WorkerError, status: int) -> int:
    sys.stderr.write(f"error: {typed(str(error))}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
