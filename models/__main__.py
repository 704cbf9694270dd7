"""The command line: `python -m models score | list | show | verify | label`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from models import commands
from models.errors import ModelError
from models.registry import default_store

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
STORE_HELP = "directory of models (default: SENTIMENT_MODEL_STORE, or the one that comes with this package)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 when it failed; bad use ends the process with 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is commands.score and options.jsonl and options.texts:
        parser.error("with --jsonl the input objects come from files or standard input, not from arguments")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        status = run(options)
        sys.stdout.flush()
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    except BrokenPipeError:
        # Whoever read the output has gone; without this the interpreter complains when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return EXIT_INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models", description="Score text with a model, and look after models."
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    score = subparsers.add_parser("score", help="score texts: arguments, lines of files, or lines of standard input")
    score.add_argument("texts", nargs="*", metavar="TEXT", help="a text; without any, one a line from standard input")
    score.add_argument(
        "--file", type=Path, action="append", default=[], metavar="FILE", help="score each line of a file"
    )
    score.add_argument("--model", default="reviews", help="NAME, NAME@VERSION or NAME@LABEL (default: %(default)s)")
    score.add_argument("--json", action="store_true", help="print one output object a line")
    score.add_argument("--jsonl", action="store_true", help="read one input object a line too")
    score.set_defaults(run=commands.score)

    listing = subparsers.add_parser("list", help="list the models, their versions and labels")
    listing.set_defaults(run=commands.list_models)

    for name, run, text in (
        ("show", commands.show, "tell what is known about a version: its manifest"),
        ("verify", commands.verify, "check a version's checksums and its golden set"),
    ):
        command = subparsers.add_parser(name, help=text)
        command.add_argument("model", help="NAME, NAME@VERSION or NAME@LABEL")
        command.set_defaults(run=run)

    label = subparsers.add_parser("label", help="point a label, such as stable, at a version")
    label.add_argument("model", help="NAME, or NAME@VERSION and no third argument")
    label.add_argument("label", help="the label to set")
    label.add_argument("version", nargs="?", help="the version to point it at, or another label to take it from")
    label.set_defaults(run=commands.label)

    for command in subparsers.choices.values():
        command.add_argument("--store", type=Path, default=default_store(), metavar="DIR", help=STORE_HELP)
    for command in (listing, *(subparsers.choices[name] for name in ("show", "verify", "label"))):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
