"""`python -m worker COMMAND`."""

from __future__ import annotations

import argparse
import importlib
import sys

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
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status: 0 done, 1 failed, 2 bad use."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m worker", description="Reviews from Kafka in, sentiments out.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module_name, help_text) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text)
        if name in argv[:1]:
            # Only the command that runs is imported: `tail` need not wait for the engine.
            module = importlib.import_module(f"worker.commands.{module_name}")
            module.add_arguments(command)
            command.set_defaults(main=module.main)
    arguments = parser.parse_args(argv)
    try:
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


def _report(error: WorkerError, status: int) -> int:
    sys.stderr.write(f"error: {error}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
