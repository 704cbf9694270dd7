"""Two arrows between three packages, no import circle anywhere, and the Kafka clients behind two folders."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from setuptools import find_packages

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "worker", "trainer", "deploy")
CLIENTS = {"kafka", "confluent_kafka"}
CLIENT_FOLDERS = {"worker/kafka/kafka_python", "worker/kafka/librdkafka"}


def _files(package: str) -> list[Path]:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    return files


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for package in PACKAGES for path in _files(package)}


def _imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, for type checking too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in inner)


def _top_level(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imported(path)}


def _graph(depth: int) -> Mapping[str, set[str]]:
    """What imports what, each module cut to so many parts of its name."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        room = ".".join(module.split(".")[:depth])
        targets = {".".join(name.split(".")[:depth]) for name in _imported(path) if name in MODULES}
        found.setdefault(room, set()).update(targets - {room})
    return found


@pytest.mark.parametrize("depth", [9, 2, 1], ids=["files", "folders", "packages"])
def test_there_is_no_import_circle(depth: int) -> None:
    try:
        TopologicalSorter(_graph(depth)).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("models", {"worker", "trainer", "deploy", "tests", "tensorflow", "keras", "pydantic", *CLIENTS}),
        ("worker", {"trainer", "deploy", "tests", "tensorflow", "keras"}),
        ("trainer", {"worker", "deploy", "tests", *CLIENTS}),
        ("deploy", {"tests"}),
    ],
)
def test_packages_import_only_along_the_arrows(package: str, forbidden: set[str]) -> None:
    for path in _files(package):
        assert not _top_level(path) & forbidden, path


def test_only_the_folders_of_the_clients_import_them() -> None:
    found = {path.parent for path in _files("worker") if _top_level(path) & CLIENTS}
    assert {folder.relative_to(ROOT).as_posix() for folder in found} == CLIENT_FOLDERS


def test_only_one_file_imports_opentelemetry() -> None:
    found = [module for module, path in MODULES.items() if "opentelemetry" in _top_level(path)]
    assert found == ["worker.observability.otlp"]


@pytest.mark.parametrize("package", ["worker.commands.run", "models.__main__"])
def test_importing_what_serves_never_imports_tensorflow(package: str) -> None:
    code = f"import sys, {package}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_file_grows_beyond_400_lines() -> None:
    for path in MODULES.values():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


def test_every_folder_of_code_is_a_package_and_no_module_is_named_like_one() -> None:
    packages = set(find_packages(str(ROOT), include=[f"{name}*" for name in PACKAGES]))
    assert {module.rpartition(".")[0] for module in MODULES} - {""} <= packages
    assert not [path for path in MODULES.values() if path.with_suffix("").is_dir()]
