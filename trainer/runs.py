"""The directory of one training run: what was asked for, how it went, how good the result is.

RUN/settings.json   recipe, model, data files and all else that is needed to go on with the run
RUN/log.txt         what was told a person, with times
RUN/history.json    lists by name (loss, accuracy, val_loss, val_accuracy, seconds), one value an epoch
RUN/data.json       what the training texts are like (DataSummary)
RUN/checkpoints/    the state after each epoch
RUN/evaluations/    one file for each set of labelled texts: held_out.json, test.json
RUN/result.json     parameters and seconds of training; there only when the run is finished
RUN/artifact/       the finished version, not yet published; a random forest has none
RUN/report/         what `trainer report` wrote
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from models.registry.registry import replace_json
from trainer.errors import BadData

SETTINGS_FILE = "settings.json"


class Run:
    """One run's directory. JSON files are replaced whole: a reader, or a run that was killed, never sees half of one.

    A property gives a file's content as it stands now, and the empty object for a file that is not there yet;
    reading a malformed one raises BadData. A directory's property gives its path, whether it exists or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, root: Path, recipe_name: str, settings: Mapping[str, Any]) -> Self:
        """Makes `root/NAME-YYYYMMDD-HHMMSS` (UTC), numbered where that is taken; raises BadData when it cannot."""
        name = f"{recipe_name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        try:
            root.mkdir(parents=True, exist_ok=True)
            run = cls(_make_unique(root, name))
            write_json(run.path / SETTINGS_FILE, settings)
        except OSError as error:
            raise BadData(f"Cannot make a run directory in {root}: {error.strerror}.") from error
        return run

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises BadData when the directory is no run's."""
        if not (path / SETTINGS_FILE).is_file():
            raise BadData(f"{path} is not the directory of a training run: it has no {SETTINGS_FILE}.")
        run = cls(path)
        if not {"recipe", "model"} <= set(run.settings):
            raise BadData(f"{path / SETTINGS_FILE} does not name the run's recipe and model.")
        return run

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def settings(self) -> dict[str, Any]:
        return read_json(self.path / SETTINGS_FILE)

    @property
    def history(self) -> dict[str, list[float]]:
        return read_json(self.path / "history.json")

    @history.setter
    def history(self, values: Mapping[str, Any]) -> None:
        write_json(self.path / "history.json", values)

    @property
    def data(self) -> dict[str, Any]:
        return read_json(self.path / "data.json")

    @data.setter
    def data(self, values: Mapping[str, Any]) -> None:
        write_json(self.path / "data.json", values)

    @property
    def result(self) -> dict[str, Any]:
        return read_json(self.path / "result.json")

    @result.setter
    def result(self, values: Mapping[str, Any]) -> None:
        write_json(self.path / "result.json", values)

    @property
    def finished(self) -> bool:
        return bool(self.result)

    @property
    def evaluations(self) -> dict[str, dict[str, Any]]:
        """By name, `test` first where there is one."""
        paths = sorted((self.path / "evaluations").glob("*.json"), key=lambda path: (path.stem != "test", path.stem))
        return {path.stem: read_json(path) for path in paths}

    def write_evaluation(self, name: str, values: Mapping[str, Any]) -> None:
        (self.path / "evaluations").mkdir(exist_ok=True)
        write_json(self.path / "evaluations" / f"{name}.json", values)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def artifact(self) -> Path:
        return self.path / "artifact"

    @property
    def report(self) -> Path:
        return self.path / "report"

    @property
    def log_file(self) -> Path:
        return self.path / "log.txt"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises BadData while another process has the run; a lock goes with its process, however that ends."""
        with (self.path / ".lock").open("a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BadData(f"Another process is training {self.path}.") from error
            yield

    def log(self, message: str) -> None:
        """Adds lines to the log, with the time (UTC) before each."""
        time = datetime.now(UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
        with self.log_file.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{time} {line}\n" for line in message.splitlines())


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replaces a JSON file as models.registry.registry does; raises BadData when the directory cannot be written."""
    try:
        replace_json(path, values)
    except OSError as error:
        raise BadData(f"Cannot write {path}: {error.strerror}.") from error


def read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadData(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise BadData(f"{path} is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise BadData(f"{path} is not a JSON object.")
    return values


def _make_unique(root: Path, name: str) -> Path:
    path, number = root / name, 1
    while True:
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
            path = root / f"{name}-{number}"
        else:
            return path
