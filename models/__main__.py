"""The command line: `python -m models score | list | show | verify | sign | label | history`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from models.commands import labels, versions
from models.commands.score import score
from models.errors import ModelError
from models.installation import typed
from models.registry.labels import DEFAULT_SHARES
from models.registry.registry import default_store

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
STORE_HELP = "directory or URL of models (default: SENTIMENT_MODEL_STORE, or the one that comes with this package)"
REFERENCE_HELP = "NAME, NAME@VERSION or NAME@LABEL"

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 when it failed; bad use ends the process with 2."""
    parser = command_parser()
    options = parser.parse_args(arguments)
    _check_use(parser, options)
    run: Run = options.run
    try:
        status = run(options)
        sys.stdout.flush()
    except ModelError as error:
        sys.stderr.write(f"{typed(str(error))}\n")
        return EXIT_FAILED
    except BrokenPipeError:
        # Whoever read the output has gone; without this the interpreter complains when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return EXIT_INTERRUPTED
    return status


def _check_use(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.run is score and options.jsonl and options.texts:
        parser.error("with --jsonl the input objects come from files or standard input, not from arguments")
    if (
        options.run is labels.label
        and options.remove
        and (options.version or options.share is not None or "@" in options.model)
    ):
        parser.error("--remove takes a label away from a model: NAME LABEL --remove")


def command_parser() -> argparse.ArgumentParser:
    """All commands with their flags."""
    parser = argparse.ArgumentParser(
        prog=typed("python -m models"), description="Score text with a model, and look after models."
    )
    added = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Run, sentence: str) -> argparse.ArgumentParser:
        made = added.add_parser(name, help=sentence, description=f"{sentence[0].upper()}{sentence[1:]}.")
        made.set_defaults(run=run)
        made.add_argument("--store", default=default_store(), metavar="DIR|URL", help=STORE_HELP)
        if run is not score:
            made.add_argument("--json", action="store_true", help="print one JSON object, or one a line")
        return made

    _add_score_options(command("score", score, "score texts: arguments, lines of files, or lines of standard input"))
    command("list", versions.list_models, "list the models, their versions and labels")
    show = command("show", versions.show, "tell what is known about a version: its manifest")
    show.add_argument("model", help=REFERENCE_HELP)
    verify = command("verify", versions.verify, "check a version's checksums and its golden set")
    verify.add_argument("model", help=REFERENCE_HELP)
    verify.add_argument("--public-key", type=Path, metavar="FILE", help="check also that a key of a PEM file signed it")
    sign = command("sign", versions.sign, "sign a version with an Ed25519 key, after checking that it holds")
    sign.add_argument("model", help=REFERENCE_HELP)
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="private key, as PEM without a password")
    _add_label_options(command("label", labels.label, "point a label, such as stable, at a version"))
    history = command("history", labels.history, "tell who or what changed a model's labels, and why")
    history.add_argument("model", help="NAME")
    history.add_argument("--verbose", action="store_true", help="show all figures and limits of a verdict")
    return parser


def _add_score_options(score: argparse.ArgumentParser) -> None:
    score.add_argument("texts", nargs="*", metavar="TEXT", help="a text; without any, one a line from standard input")
    score.add_argument(
        "--file", type=Path, action="append", default=[], metavar="FILE", help="score each line of a file"
    )
    score.add_argument("--model", default="reviews", help=f"{REFERENCE_HELP} (default: %(default)s)")
    score.add_argument("--json", action="store_true", help="print one output object a line")
    score.add_argument("--jsonl", action="store_true", help="read one input object a line too")


def _add_label_options(label: argparse.ArgumentParser) -> None:
    defaults = ", ".join(f"{share:g} for {name}" for name, share in DEFAULT_SHARES.items())
    label.add_argument("model", help="NAME, or NAME@VERSION and no third argument")
    label.add_argument("label", help="the label to set")
    label.add_argument("version", nargs="?", help="the version to point it at, or another label to take it from")
    label.add_argument("--share", type=float, help=f"share of the records that the label takes (default: {defaults})")
    label.add_argument("--remove", action="store_true", help="take the label away")
    label.add_argument("--force", action="store_true", help="set it though `verify` rejects the version")
    label.add_argument("--public-key", type=Path, metavar="FILE", help="check also that a key of a PEM file signed it")


if __name__ == "__main__":
    sys.exit(main())
