"""One version wherever it shows, one command however it is called, and what belongs to the distribution."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from prometheus_client import generate_latest
from setuptools import find_packages

from models import installation
from models.installation import typed, version
from tests.worker.commands.group.workers import started_workers
from worker import packages
from worker.__main__ import COMMANDS, main
from worker.commands.group.scrape import parse_address, scrape_all
from worker.commands.group.state import WorkerState, state_of
from worker.observability.metrics import Metrics

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PROJECT["project"]["version"]


def _from_command(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    return capsys.readouterr().out.removeprefix("kafka-sentiment ").strip()


def _from_asyncapi(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["asyncapi"]) == 0
    return str(json.loads(capsys.readouterr().out)["info"]["version"])


def _from_metrics(capsys: pytest.CaptureFixture[str]) -> str:
    [line] = [line for line in generate_latest(Metrics().registry).decode().splitlines() if "build_info{" in line]
    return line.removeprefix('sentiment_build_info{version="').removesuffix('"} 1.0')


def _from_status(capsys: pytest.CaptureFixture[str]) -> str:
    with started_workers() as start:
        state = state_of(scrape_all([parse_address(start().address)], limit_seconds=5)[0])
    assert isinstance(state, WorkerState)
    return str(state.to_json()["build"])


@pytest.mark.parametrize("reported", [_from_command, _from_asyncapi, _from_metrics, _from_status])
def test_the_version_is_the_same_wherever_it_shows(
    reported: Callable[[pytest.CaptureFixture[str]], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reported(capsys) == VERSION


def test_a_tree_that_is_not_installed_tells_the_same_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "NAME", "nobody-has-installed-this")
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version(installation.NAME)
    assert version() == VERSION


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("/usr/bin/kafka-sentiment", "kafka-sentiment run, kafka-sentiment models list, kafka-sentiment train fit"),
        ("/app/worker/__main__.py", "python -m worker run, python -m models list, python -m trainer fit"),
    ],
)
def test_advice_calls_the_program_as_it_was_called(monkeypatch: pytest.MonkeyPatch, program: str, shown: str) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    assert typed("python -m worker run, python -m models list, python -m trainer fit") == shown


@pytest.mark.parametrize("name", ["send", "tail", "dead-letters"])
def test_help_has_no_other_name_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["kafka-sentiment"])
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: kafka-sentiment {name} ")
    assert "python -m" not in shown


def test_what_is_no_command_is_bad_use_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing-like-it"]) == 2
    reported = capsys.readouterr()
    assert reported.out == ""
    assert reported.err == "error: there is no command 'nothing-like-it'; `python -m worker --help` lists them\n"


def _provide(monkeypatch: pytest.MonkeyPatch, directory: Path, name: str, code: str) -> None:
    """A command of another package, installed as far as its entry point tells."""
    (directory / "provided.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(directory)
    monkeypatch.delitem(sys.modules, "provided", raising=False)
    found = EntryPoints([EntryPoint(name, "provided", packages.GROUP)])
    monkeypatch.setattr(packages, "entry_points", lambda **wanted: found.select(**wanted))


def test_another_packages_command_gets_its_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _provide(monkeypatch, tmp_path, "models", "def main(arguments): return 40 + len(arguments)")
    assert main(["models", "a", "--b"]) == 42


def test_without_its_extra_a_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _provide(monkeypatch, tmp_path, "train", "import nowhere_to_be_found")
    assert main(["train", "fit"]) == 1
    reported = capsys.readouterr().err
    assert reported.startswith(
        "error: train needs nowhere_to_be_found, which is not installed: install the extra trainer"
    )
    assert reported.count("\n") == 1


def test_a_fault_of_ours_is_no_missing_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _provide(monkeypatch, tmp_path, "models", "import nowhere_to_be_found")
    with pytest.raises(ModuleNotFoundError):
        main(["models", "list"])


def test_entry_points_name_modules_with_what_is_asked_of_them() -> None:
    points = PROJECT["project"]["entry-points"][packages.GROUP]
    assert set(points) == set(packages.HELP)
    assert not set(points) & set(COMMANDS)
    for module in map(import_module, points.values()):
        assert callable(module.main)
        assert callable(module.command_parser)


def test_help_and_version_wait_for_no_engine() -> None:
    code = "import sys, worker.__main__; print(sorted({'numpy', 'pydantic', 'structlog', 'kafka'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_distribution_has_the_code_and_no_tests_pages_or_tools() -> None:
    options: dict[str, Any] = PROJECT["tool"]["setuptools"]["packages"]["find"]
    found = {*find_packages(str(ROOT), exclude=options["exclude"], include=options["include"])}
    assert {"models", "worker", "trainer", "deploy", "deploy.local", "deploy.local.demo"} <= found
    assert {name for name in found if name.startswith("deploy.")} == {"deploy.local", "deploy.local.demo"}
    assert not {name for name in found if name.startswith(("tests", "worker.docs"))}
    for name in ("models", "worker", "trainer", "deploy/local"):
        assert (ROOT / name / "py.typed").is_file()


def test_what_workers_import_is_pinned_for_production() -> None:
    lock = (ROOT / "requirements" / "worker.txt").read_text(encoding="utf-8")
    pinned = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    distributions = metadata.packages_distributions()
    missing = {
        name
        for name in {name for path in _served_files() for name in _imported(path)}
        if not {canonicalize_name(each) for each in distributions.get(name, [])} & pinned
    }
    # It draws the picture of a rolling check, and says what to install.
    assert missing == {"matplotlib"}


def _served_files() -> Iterator[Path]:
    for package in ("worker", "models"):
        yield from (path for path in (ROOT / package).rglob("*.py") if path.parent != ROOT / "worker" / "docs")


def _imported(path: Path) -> Iterator[str]:
    """The packages of others that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        for name in {name.partition(".")[0] for name in names} - {"worker", "models"}:
            if name not in sys.stdlib_module_names:
                yield name
