"""Two arrows between three packages, and the Kafka clients behind two files."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLIENTS = {"kafka", "confluent_kafka"}
# The two brokers, and what is mended in one of the clients.
BROKERS = {"worker/kafka_python_broker.py", "worker/kafka_python_patches.py", "worker/librdkafka_broker.py"}


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _files(package: str) -> list[Path]:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    return files


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
        assert not _imports(path) & forbidden, path


def test_only_the_broker_files_import_a_kafka_client() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in _files("worker") if _imports(path) & CLIENTS}
    assert found == BROKERS


def test_only_one_file_imports_opentelemetry() -> None:
    found = [path for package in ("models", "worker", "trainer") for path in _files(package)]
    found = [path for path in found if "opentelemetry" in _imports(path)]
    assert found == [ROOT / "worker" / "tracing.py"]


@pytest.mark.parametrize("package", ["worker.commands.run", "models.__main__"])
def test_importing_what_serves_never_imports_tensorflow(package: str) -> None:
    code = f"import sys, {package}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("package", ["models", "worker", "trainer", "deploy"])
def test_no_file_grows_beyond_250_lines(package: str) -> None:
    for path in _files(package):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 250, path


def test_every_package_is_in_the_distribution() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = [path.parent for name in ("models", "worker", "trainer") for path in (ROOT / name).rglob("__init__.py")]
    assert sorted(listed) == sorted(".".join(path.relative_to(ROOT).parts) for path in found)
