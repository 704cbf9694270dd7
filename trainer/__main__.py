"""The command line: `python -m trainer fit | evaluate | publish`."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.errors import ModelError
from models.registry import Registry, default_store
from models.scorer import Scorer
from trainer.errors import TrainerError
from trainer.readers import read_labelled

EXIT_FAILED = 1
EXIT_BAD_USE = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 when it failed, 2 for bad use."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except (ModelError, TrainerError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; nothing was published.\n")
        return EXIT_INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fit = commands.add_parser("fit", help="train a recipe and publish the result as the model's next version")
    fit.add_argument("--recipe", required=True, help="what to train, for example imdb-d")
    fit.add_argument(
        "--data", required=True, type=Path, metavar="FILE", help="labelled reviews to learn from (TSV, also gzipped)"
    )
    fit.add_argument("--test", type=Path, metavar="FILE", help="labelled reviews to evaluate the published version on")
    fit.set_defaults(run=_fit)
    evaluate = commands.add_parser("evaluate", help="tell how good a published model is on labelled reviews")
    evaluate.add_argument("--model", required=True, help="NAME, NAME@VERSION or NAME@LABEL")
    evaluate.add_argument(
        "--data", required=True, type=Path, metavar="FILE", help="labelled reviews (TSV, also gzipped)"
    )
    evaluate.set_defaults(run=_evaluate)
    publish = commands.add_parser("publish", help="verify a version's directory and publish a copy in another store")
    publish.add_argument("directory", type=Path, help="the version to copy, for example runs/store/imdb/2")
    publish.add_argument("--name", help="the model's name in the store (default: the one that it has)")
    publish.set_defaults(run=_publish)
    for command in (fit, evaluate, publish):
        command.add_argument(
            "--store", type=Path, default=default_store(), metavar="DIR", help="model store (default: %(default)s)"
        )
        command.add_argument("--json", action="store_true", help="print the result as one JSON object on one line")
    return parser


def _fit(options: argparse.Namespace) -> None:
    with _without_native_messages():
        from trainer.recipes import find_recipe  # these take seconds to import, and `evaluate` needs no TensorFlow
        from trainer.train import FitData, fit

    data = FitData(read_labelled(options.data), read_labelled(options.test) if options.test else None)
    published = fit(find_recipe(options.recipe), data, Registry(options.store))
    metrics = Scorer.load(published.path).manifest.metrics
    if options.json:
        _write_json({"model": published.name, "version": published.version, "metrics": metrics})
        return
    table = Table("data", *next(iter(metrics.values())), title=f"{published.name} version {published.version}")
    for name, values in metrics.items():
        table.add_row(name, *map(str, values.values()))
    Console().print(table)


@contextmanager
def _without_native_messages() -> Iterator[None]:
    """Keeps back what TensorFlow's native code writes to standard error while it is loaded; exceptions still come."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _evaluate(options: argparse.Namespace) -> None:
    from trainer.evaluate import evaluate

    scorer = Scorer.load(Registry(options.store).resolve(options.model).path)
    result = evaluate(scorer, read_labelled(options.data)).to_json()
    if options.json:
        _write_json({"model": scorer.name, "version": scorer.version, **result})
        return
    table = Table("metric", "value", title=f"{scorer.name} version {scorer.version}")
    for name, value in result.items():
        table.add_row(name, str(value))
    Console().print(table)


def _publish(options: argparse.Namespace) -> None:
    from trainer.copying import copy_version

    published = copy_version(options.directory, Registry(options.store), options.name)
    if options.json:
        _write_json({"model": published.name, "version": published.version})
        return
    sys.stdout.write(f"{options.directory} is now {published.name} version {published.version}.\n")


def _write_json(values: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")


if __name__ == "__main__":
    sys.exit(main())
