"""Which tests marked `slow` run: with `--slow=all` every one, with `none` none, with `needed` what a change needs.

The change is what differs from the commit `CI_BASE`, or else from the first parent of the newest one; where there is
neither, every slow test is needed.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Where the product is; tests and pages beside it are no part of it.
PRODUCT = ("worker/", "models/", "trainer/", "deploy/", "requirements/", "pyproject.toml", "Makefile", ".dockerignore")
# Whatever decides how all tests run.
EVERYTHING = (".ci/", "tests/conftest.py", "tests/side_by_side.py", "tests/slow.py")

IMAGE = (
    "tests/image/test_build.py",
    "tests/image/test_running.py",
    "tests/image/test_sbom.py",
    "tests/image/test_worker_image.py",
)
TRAINER_POD = ("tests/deploy/test_kubernetes_trainer.py",)
OUTAGES = ("tests/kafka/test_outages.py", "tests/kafka/test_cluster.py")
SWAPS = ("tests/kafka/test_model_updates.py", "tests/benchmarks/test_swap_pause.py")
BENCHMARKS = ("tests/benchmarks/test_benchmarks.py",)
ROLLING_CHECK = ("tests/worker/commands/rolling_check/test_on_kafka.py",)
INSTALLED = ("tests/test_installed.py",)
DEMO = ("tests/deploy/local/demo/test_demo.py",)


@dataclass(frozen=True, slots=True)
class Row:
    """Files, or folders that end in a slash, and the slow tests that a change of them needs: none, mostly.

    Of several rows that hold a path, the one that names it most closely counts.
    """

    paths: tuple[str, ...]
    tests: tuple[str, ...] = ()


TABLE = (
    Row(("worker/", "models/", "trainer/", "deploy/", "Makefile")),
    # How brokers are lost and come back.
    Row(("worker/kafka/", "worker/runner.py", "worker/observability/health.py"), OUTAGES),
    Row(("worker/pipeline.py",), OUTAGES + BENCHMARKS),
    # How versions come and go while the stream runs.
    Row(("worker/serving/", "models/registry/", "models/engines/", "models/artifact.py", "models/scorer.py"), SWAPS),
    Row(("worker/observability/metrics.py", "worker/observability/otlp.py", "worker/commands/run.py"), BENCHMARKS),
    Row(("worker/commands/rolling_check/",), ROLLING_CHECK),
    Row(("deploy/local/",), DEMO + ROLLING_CHECK + OUTAGES),
    Row(("deploy/local/demo/",), DEMO),
    Row(("deploy/Dockerfile", "deploy/image/", ".dockerignore"), IMAGE),
    Row(("deploy/kubernetes/components/trainer/", "trainer/publish.py", "trainer/commands.py"), TRAINER_POD),
    # What is installed, and where its parts are found.
    Row(("worker/__main__.py", "models/__main__.py", "trainer/__main__.py"), INSTALLED),
    # Other versions of what all of them run on.
    Row(("requirements/", "pyproject.toml"), IMAGE + INSTALLED + TRAINER_POD + OUTAGES + SWAPS + BENCHMARKS),
)


def every_slow_test() -> list[str]:
    """The files of all slow tests."""
    return sorted({test for row in TABLE for test in row.tests})


def row_of(path: str) -> Row | None:
    """The row that holds a path most closely; None where no row does."""
    found = [(len(each), row) for row in TABLE for each in row.paths if holds(each, path)]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def holds(place: str, path: str) -> bool:
    """Whether a path is this file, or in this folder."""
    return path == place or (place.endswith("/") and path.startswith(place))


def slow_tests(changed: Iterable[str]) -> list[str]:
    """The files of the slow tests that a change of these paths needs."""
    every, needed = every_slow_test(), set()
    for path in changed:
        if any(holds(place, path) for place in EVERYTHING):
            return every
        if path.startswith("tests/"):
            needed |= tests_beside(path, every)
        elif not path.endswith(".md") and (row := row_of(path)):
            needed |= set(row.tests)
    return sorted(needed)


def tests_beside(path: str, every: Iterable[str]) -> set[str]:
    """Of a test, itself; of what tests are helped by, all those of its folder and below."""
    if Path(path).name.startswith("test_"):
        return {path} & set(every)
    folder = f"{Path(path).parent.as_posix()}/"
    return {test for test in every if test.startswith(folder)}


def changed_paths(environment: Mapping[str, str]) -> list[str] | None:
    """What the change touches, removed files too; None where there is nothing to compare with."""
    base = environment.get("CI_BASE") or "HEAD^1"
    if not environment.get("CI_BASE") and git("rev-parse", "--verify", "--quiet", base).returncode:
        return None
    done = git("diff", "--name-only", "--no-renames", base)
    if done.returncode:
        raise SystemExit(f"There is no comparing with {base}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def git(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """All by default, so that a test that is named runs."""
    parser.addoption("--slow", choices=("all", "needed", "none"), default="all", help="which of the slow tests to run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the slow tests that are not to run."""
    which = config.getoption("--slow")
    if which == "all":
        return
    paths = changed_paths(os.environ) if which == "needed" else []
    needed = every_slow_test() if paths is None else slow_tests(paths)
    left_out = [item for item in items if item.get_closest_marker("slow") and file_of(item) not in needed]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
