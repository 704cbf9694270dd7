"""The command line: `python -m trainer fit | resume | evaluate | compare | report | publish`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from models.errors import ModelError
from models.installation import typed
from models.registry.registry import default_store
from trainer import commands
from trainer.errors import TrainerError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
RUNS = Path("runs")
COMPARISON = RUNS / "comparison"
STORE_HELP = "directory or URL of models (default: SENTIMENT_MODEL_STORE, or the one that comes with this package)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 when it failed, 2 for bad use."""
    options = command_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except (ModelError, TrainerError) as error:
        sys.stderr.write(f"{typed(str(error))}\n")
        return EXIT_FAILED
    except OSError as error:
        sys.stderr.write(f"Cannot read or write {error.filename}: {error.strerror}.\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        goes_on = options.run in (commands.fit, commands.resume)
        sys.stderr.write(typed("Stopped. It goes on with: python -m trainer resume RUN\n") if goes_on else "Stopped.\n")
        return EXIT_INTERRUPTED
    return 0


def command_parser() -> argparse.ArgumentParser:
    """All commands with their flags."""
    parser = argparse.ArgumentParser(prog=typed("python -m trainer"), description=typed(__doc__))
    added = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], sentence: str) -> argparse.ArgumentParser:
        made = added.add_parser(name, help=sentence, description=f"{sentence[0].upper()}{sentence[1:]}.")
        made.set_defaults(run=run)
        made.add_argument("--json", action="store_true", help="print the result as JSON on one line")
        return made

    fit = command("fit", commands.fit, "train a recipe and publish the result as the model's next version")
    _add_fit_options(fit)
    resume = command("resume", commands.resume, "go on with a run that was stopped, from its last whole epoch")
    resume.add_argument("run_directory", type=Path, metavar="RUN", help="the run's directory")
    evaluate = command("evaluate", commands.evaluate, "tell how good a published model is on labelled texts")
    evaluate.add_argument("--model", required=True, help="NAME, NAME@VERSION or NAME@LABEL")
    _add_data(evaluate, required=True, help_text="labelled texts")
    publish = command("publish", commands.publish, "publish a run's result, or a copy of a version from another store")
    publish.add_argument("directory", type=Path, help="a run, or a version's directory such as models/store/imdb/1")
    publish.add_argument("--name", help="the model's name in the store (default: the one that it has)")
    _add_data(publish, required=False, help_text="labelled texts to compare with the stable version on")
    profile_help = (
        "measure what live traffic is compared with anew, on labelled texts: of the file learnt from, those held out"
    )
    publish.add_argument("--profile", type=Path, metavar="FILE", help=profile_help)
    report = command("report", commands.report, "make a page with pictures of a run")
    report.add_argument("run_directory", type=Path, metavar="RUN", help="the run's directory")
    report.add_argument("--out", type=Path, metavar="DIR", help="where to write it (default: RUN/report)")
    compare = command("compare", commands.compare, "compare runs and versions, as tables and bars")
    compare.add_argument("candidates", nargs="+", metavar="RUN|MODEL", help="a run's directory, or NAME@VERSION|LABEL")
    compare.add_argument("--out", type=Path, default=COMPARISON, metavar="DIR", help="(default: %(default)s)")
    _add_data(compare, required=False, help_text="labelled texts to evaluate all of them on anew")
    for each in (fit, resume, evaluate, publish, compare):
        each.add_argument("--store", default=default_store(), metavar="DIR|URL", help=STORE_HELP)
    for each in (fit, resume, publish):
        each.add_argument("--force", action="store_true", help="publish even what is worse than the stable version")
        each.add_argument("--slim", action="store_true", help="publish without the files that no worker needs")
        each.add_argument("--signing-key", type=Path, metavar="FILE", help="sign the version (Ed25519 key, PEM)")
    for each in (fit, resume):
        each.add_argument("--no-publish", action="store_true", help="leave the result in the run's directory")
    return parser


def _add_fit_options(fit: argparse.ArgumentParser) -> None:
    fit.add_argument("--recipe", required=True, help="what to train, for example reviews")
    _add_data(fit, required=True, help_text="labelled texts to learn from")
    fit.add_argument("--test", type=Path, metavar="FILE", help="labelled texts to evaluate the result on, once")
    fit.add_argument("--unlabelled", type=Path, metavar="FILE", help="texts without labels, for recipes that use them")
    fit.add_argument("--model", metavar="NAME", help="publish under this name (default: the recipe's)")
    fit.add_argument("--from", dest="start", metavar="MODEL", help="go on from a version's weights: NAME@VERSION|LABEL")
    fit.add_argument("--epochs", type=positive_number, help="at most so many epochs (default: the recipe's)")
    fit.add_argument("--seed", type=seed, help="of everything random (default: the recipe's)")
    fit.add_argument("--runs", type=Path, default=RUNS, metavar="DIR", help="where runs go (default: %(default)s)")


def _add_data(command: argparse.ArgumentParser, required: bool, help_text: str) -> None:
    formats = "IMDB or airline file, aclImdb folder, or any CSV, TSV, JSON lines, Parquet with --text and --label"
    command.add_argument("--data", required=required, type=Path, metavar="FILE", help=f"{help_text} ({formats})")
    command.add_argument("--text", metavar="COLUMN", help="the column with the texts")
    command.add_argument("--label", metavar="COLUMN", help="the column with negative, positive (or 0, 1) or neutral")
    command.add_argument("--keep-neutral", action="store_true", help="neutral is a class of its own, and not left out")


def positive_number(text: str) -> int:
    return _number(text, 1, 2**31)


def seed(text: str) -> int:
    return _number(text, 0, 2**32)


def _number(text: str, least: int, end: int) -> int:
    if not text.isdecimal() or not least <= int(text) < end:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {end - 1}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
