"""What the commands of `python -m trainer` do; each raises what went wrong."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from models.artifact import MANIFEST_FILE
from models.registry.registry import Registry, Resolved, absolute_store, check_name
from models.scorer import Scorer
from models.signatures import read_private_key
from trainer.data.readers import Columns, read_labelled
from trainer.data.sources import Sources, Texts
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.publish import publish as publish_version
from trainer.runs import Run

SHOWN_METRICS = ("reviews", "f1", "f1_interval", "accuracy", "calibration_error")


def fit(options: argparse.Namespace) -> None:
    recipe = _import_recipes().find_recipe(options.recipe, options.seed, options.epochs)
    model = options.model or recipe.model
    check_name(model)
    _signing_key(options)  # hours before it is needed
    sources = Sources(
        options.data, options.test, options.unlabelled, Columns(options.text, options.label), options.keep_neutral
    )
    start = Registry(options.store).resolve(options.start) if options.start else None
    texts = sources.read()
    settings = {
        "recipe": recipe.name,
        "model": model,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": options.seed,
        "epochs": options.epochs,
        "start": {"store": absolute_store(options.store), "model": f"{start.name}@{start.version}"} if start else None,
        "data": sources.to_json(),
        "data_sha256": texts.training.sha256(),
        "all_texts_sha256": texts.sha256(),
        **recipe.to_json(),
    }
    run = Run.create(options.runs, recipe.name, settings)
    sys.stderr.write(f"The run is in {run.path}.\n")
    _train(run, recipe, texts)
    _end_run(run, options)


def resume(options: argparse.Namespace) -> None:
    run = Run.open(options.run_directory)
    _signing_key(options)
    recipe, settings = _recipe_of(run), run.settings
    if not run.finished:
        if any(settings.get(name) != value for name, value in recipe.to_json().items()):
            raise BadData(f"{run.path} cannot go on: this release's recipe {recipe.name} is another than the run's.")
        texts = Sources.from_json(settings.get("data", {})).read()
        if texts.sha256() != settings.get("all_texts_sha256"):
            raise BadData(f"{run.path} cannot go on: a file that it learns from has changed.")
        _train(run, recipe, texts)
    _end_run(run, options)


def evaluate(options: argparse.Namespace) -> None:
    from trainer.evaluate import evaluate as evaluate_scorer

    scorer = Scorer.load(Registry(options.store).resolve(options.model).path)
    data = read_labelled(options.data, Columns(options.text, options.label), options.keep_neutral)
    result = evaluate_scorer(scorer, data).to_json()
    if result["data_sha256"] == scorer.manifest.data_sha256:
        sys.stderr.write(f"{scorer.name} version {scorer.version} learnt from this very file: it looks better here.\n")
    if options.json:
        _write_json({"model": scorer.name, "version": scorer.version, **result})
        return
    table = Table("metric", "value", title=f"{scorer.name} version {scorer.version}")
    for name, value in result.items():
        table.add_row(name, str(value))
    Console().print(table)


def publish(options: argparse.Namespace) -> None:
    source, data = options.directory, None
    columns = Columns(options.text, options.label)
    if options.data:
        data = read_labelled(options.data, columns, options.keep_neutral)
    if not (source / MANIFEST_FILE).is_file():
        run = Run.open(source)
        source = _artifact_of(run)
        data = data if data or options.force else _comparison_texts(run)
    _publish(source, data, options)


def report(options: argparse.Namespace) -> None:
    from trainer.reports.report import write_report

    written = write_report(Run.open(options.run_directory), options.out)
    if options.json:
        _write_json(written.to_json())
    else:
        sys.stdout.write(f"{written.page}\n")


def compare(options: argparse.Namespace) -> None:
    from trainer.reports.comparison import compare as compare_all
    from trainer.reports.comparison import print_comparison, write_comparison

    columns = Columns(options.text, options.label)
    data = read_labelled(options.data, columns, options.keep_neutral) if options.data else None
    comparison = compare_all(options.candidates, Registry(options.store), data)
    page = write_comparison(comparison, options.out)
    if options.json:
        sys.stdout.write(json.dumps(comparison.to_json()) + "\n")
        sys.stderr.writelines(f"{note}\n" for note in comparison.notes)
        return
    print_comparison(comparison, Console())
    sys.stdout.write(f"{page}\n")


def _train(run: Run, recipe: Any, texts: Texts) -> None:
    with without_native_messages():
        from trainer.forest import train_forest
        from trainer.recipes import ForestRecipe
        from trainer.train import train

    start = _resolve_start(run.settings)
    with run.locked():
        if not isinstance(recipe, ForestRecipe):
            train(recipe, texts, run, start)
        elif start:
            raise BadData("A random forest cannot go on from a published version.")
        else:
            train_forest(recipe, texts, run)


def _end_run(run: Run, options: argparse.Namespace) -> None:
    """Tells how good the result is, and publishes it where it can be and was not before."""
    metrics = {
        name: {key: values[key] for key in SHOWN_METRICS if key in values} for name, values in run.evaluations.items()
    }
    if not options.json:
        table = Table("data", *SHOWN_METRICS, title=run.name)
        for name, values in metrics.items():
            table.add_row(name, *(str(values.get(key, "")) for key in SHOWN_METRICS))
        Console().print(table)
    published = run.result.get("published")
    if run.artifact.is_dir() and not options.no_publish and not published:
        data = None if options.force else _comparison_texts(run)
        made = publish_version(
            run.artifact,
            Registry(options.store),
            data=data,
            force=options.force,
            slim=options.slim,
            signing_key=_signing_key(options),
        )
        published = {"store": absolute_store(options.store), "model": made.name, "version": made.version}
        run.result = run.result | {"published": published}
    if options.json:
        version = {"version": published["version"]} if published else {}
        _write_json({"run": str(run.path), "model": run.settings["model"], **version, "metrics": metrics})
    elif published:
        sys.stdout.write(f"It is {published['model']} version {published['version']} in {published['store']}.\n")


def _publish(source: Path, data: LabelledTexts | None, options: argparse.Namespace) -> None:
    registry = Registry(options.store)
    columns = Columns(options.text, options.label)
    texts = read_labelled(options.profile, columns, options.keep_neutral) if options.profile else None
    key = _signing_key(options)
    published = publish_version(
        source,
        registry,
        options.name,
        data,
        options.force,
        options.slim,
        texts,
        key,
        note=lambda text: sys.stderr.write(f"{text}\n"),
    )
    if options.json:
        _write_json({"model": published.name, "version": published.version})
        return
    sys.stdout.write(f"{options.directory} is now {published.name} version {published.version}.\n")


def _signing_key(options: argparse.Namespace) -> Any:
    return read_private_key(options.signing_key) if options.signing_key else None


def _comparison_texts(run: Run) -> LabelledTexts:
    """The texts that a new version and the stable one are compared on: the test file, or the held-out texts."""
    sources = Sources.from_json(run.settings.get("data", {}))
    test = sources.read_test()
    return test or sources.read().training.without_duplicates().split(_recipe_of(run).held_out_ratio)[1]


def _artifact_of(run: Run) -> Path:
    if not run.finished:
        raise BadData(f"{run.path} is not finished; go on with: python -m trainer resume {run.path}")
    if not run.artifact.is_dir():
        raise BadData(f"{run.path} has nothing to publish: a random forest is only there to compare with.")
    return run.artifact


def _recipe_of(run: Run) -> Any:
    settings = run.settings
    return _import_recipes().find_recipe(settings["recipe"], settings.get("seed"), settings.get("epochs"))


def _resolve_start(settings: dict[str, Any]) -> Resolved | None:
    start = settings.get("start")
    return Registry(start["store"]).resolve(start["model"]) if start else None


def _import_recipes() -> Any:
    with without_native_messages():
        from trainer import recipes  # imports TensorFlow, which takes seconds, and `evaluate` needs none
    return recipes


@contextmanager
def without_native_messages() -> Iterator[None]:
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


def _write_json(values: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
