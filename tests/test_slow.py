"""The table of slow tests covers the product, and reaches every slow test."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import slow
from tests.slow import EVERYTHING, PRODUCT, ROOT, TABLE, changed_paths, every_slow_test, holds, row_of, slow_tests

MARK = "mark.slow"


def kept() -> list[str]:
    """Every file of the repository, new ones too."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    paths = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in paths if (ROOT / path).exists()]


def test_a_row_covers_every_path_of_the_product() -> None:
    product = [path for path in kept() if any(holds(place, path) for place in PRODUCT)]
    assert len(product) > 100
    assert not [path for path in product if row_of(path) is None]


def test_what_is_neither_product_nor_test_is_pages_and_settings_of_tools() -> None:
    known = (*PRODUCT, *EVERYTHING, "tests/", "findings/", ".gitignore", "LICENSE", "NOTICE")
    rest = [path for path in kept() if not path.endswith(".md") and not any(holds(place, path) for place in known)]
    assert not rest, "name them in PRODUCT of tests/slow.py, with a row"


def test_every_slow_test_is_in_a_row_and_every_row_names_slow_tests() -> None:
    own = Path(__file__).relative_to(ROOT).as_posix()
    tests = [path for path in kept() if path.startswith("tests/") and Path(path).name.startswith("test_")]
    marked = [path for path in tests if path != own and MARK in (ROOT / path).read_text(encoding="utf-8")]
    assert sorted(marked) == every_slow_test()


def test_every_path_of_the_table_is_there() -> None:
    assert not [path for row in TABLE for path in row.paths if not (ROOT / path).exists()]


@pytest.mark.parametrize(
    ("changed", "needed"),
    [
        ("worker/kafka/librdkafka/broker.py", slow.OUTAGES),
        ("worker/commands/tail.py", ()),
        ("worker/kafka/README.md", ()),
        ("deploy/image/install.sh", slow.IMAGE),
        ("deploy/local/demo/run.py", slow.DEMO),
        ("tests/kafka/test_cluster.py", ("tests/kafka/test_cluster.py",)),
        ("tests/kafka/test_group.py", ()),
        ("tests/image/conftest.py", slow.IMAGE),
        ("tests/benchmarks/workbench.py", (*slow.BENCHMARKS, "tests/benchmarks/test_swap_pause.py")),
        (".ci/run", every_slow_test()),
    ],
)
def test_a_change_needs_what_its_row_names(changed: str, needed: tuple[str, ...]) -> None:
    assert slow_tests([changed]) == sorted(needed)


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Git in a repository of the test's own, which the changes are asked of."""
    monkeypatch.setattr(slow, "ROOT", tmp_path)
    settings = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")

    def run(*arguments: str) -> str:
        done = subprocess.run(["git", *settings, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "--quiet")
    return run


def commit(git: Callable[..., str], folder: Path, name: str) -> str:
    (folder / name).write_text(name)
    git("add", name)
    git("commit", "--quiet", "--message", name)
    return git("rev-parse", "HEAD")


def test_the_change_is_that_since_the_parent_or_a_base(git: Callable[..., str], tmp_path: Path) -> None:
    first = commit(git, tmp_path, "a")
    environments: list[Mapping[str, str]] = [{}, {"CI_BASE": first}]
    assert changed_paths(environments[0]) is None, "without a parent nothing is known to be unchanged"
    commit(git, tmp_path, "b")
    commit(git, tmp_path, "c")
    assert [changed_paths(environment) for environment in environments] == [["c"], ["b", "c"]]


def test_a_base_that_is_not_there_ends_it(git: Callable[..., str], tmp_path: Path) -> None:
    commit(git, tmp_path, "a")
    with pytest.raises(SystemExit, match="no comparing with elsewhere"):
        changed_paths({"CI_BASE": "elsewhere"})
