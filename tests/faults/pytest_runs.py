"""Copies of the tree with a patch in them, and pytest runs there, told by its own report and not by its words."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.faults.catalogue import ROOT

# A test that hangs is given up by pytest, and a pytest that hangs by us. Neither says anything on a busy machine.
TEST_SECONDS = 300
RUN_SECONDS = 900
_GRACE_SECONDS = 20
PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"
_OUTCOMES = {"failure": FAILED, "error": ERROR, "skipped": SKIPPED}


class PatchRefused(Exception):
    """The patch does not fit the tree; the message is git's."""


@dataclass(frozen=True, slots=True)
class Run:
    """What pytest reported: every test that it came to, with its outcome; `complaint` where it could not run at all."""

    outcomes: dict[str, str]
    complaint: str = ""

    def of(self, tests: Sequence[str]) -> dict[str, str]:
        """The outcomes of the named tests: files, functions, or functions with one parameter's value."""
        return {node: outcome for node, outcome in self.outcomes.items() if any(_is_in(node, test) for test in tests)}

    def first(self, outcome: str) -> str | None:
        """The first test that ended so."""
        return next((node for node, found in self.outcomes.items() if found == outcome), None)


@contextmanager
def copied_tree(root: Path = ROOT) -> Iterator[Path]:
    """A copy of what git knows or would not ignore, as it stands in the working tree; gone afterwards."""
    listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    with tempfile.TemporaryDirectory(prefix="fault-", ignore_cleanup_errors=True) as folder:
        for name in filter(None, names):
            if (root / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, Path(folder) / name)
        yield Path(folder)


def apply_patch(patch: Path, tree: Path, only_check: bool = False) -> None:
    """Change the tree as the patch says, or only see whether that could be done. Raises PatchRefused."""
    command = ["git", "-C", str(tree), "apply", *(["--check"] if only_check else []), str(patch)]
    # Below a folder that belongs to another repository, git would look for the files there.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise PatchRefused(done.stderr.strip().splitlines()[0].removeprefix("error: "))


def run_tests(tree: Path, tests: Sequence[str], *, stop_at_first: bool) -> Run:
    """Run the named tests in a tree with the Python of this process."""
    report = tree / "report.xml"
    flags = ["-q", "-p", "no:cacheprovider", f"--timeout={TEST_SECONDS}", f"--junit-xml={report}"]
    flags += ["-o", "junit_family=xunit1", *(["-x"] if stop_at_first else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *flags, *tests],
        cwd=tree,
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told, _ = process.communicate(timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return Run({}, f"the tests did not end within {RUN_SECONDS} s")
    finally:
        _end(process)
    outcomes = read_report(report) if report.exists() else {}
    return Run(outcomes, "" if outcomes else _last_words(told))


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt what still runs, so that fixtures end what they started, and kill what is left after that."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def read_report(report: Path) -> dict[str, str]:
    """The outcome of each test in a report of JUnit's form."""
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('file')}::{case.get('name')}"
        # A test that failed may also have an error, when what it used is put away.
        found = [_outcome(each) for each in case if each.tag in _OUTCOMES]
        outcomes.setdefault(name, found[0] if found else PASSED)
    return outcomes


def _outcome(told: ElementTree.Element) -> str:
    return ERROR if told.get("message", "").startswith("Failed: Timeout") else _OUTCOMES[told.tag]


def _last_words(told: str) -> str:
    lines = [line for line in told.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith(("ERROR", "E  "))), lines[-1] if lines else "no output")


def _is_in(node: str, test: str) -> bool:
    return node == test or node.startswith((f"{test}[", f"{test}::"))
