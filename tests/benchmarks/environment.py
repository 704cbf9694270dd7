"""The virtual environment of the Quix Streams baseline, whose dependencies conflict with the project's own."""

import subprocess
import venv
from pathlib import Path

from tests.benchmarks.errors import BenchmarkError

ROOT = Path(__file__).parents[2]
PINNED = ROOT / "requirements" / "bench.txt"
DIRECTORY = ROOT / ".venv-bench"
_READY = DIRECTORY / ".ready"


def peer_python() -> str:
    """The interpreter of that environment, which is made, or made anew when the pinned versions changed."""
    python = DIRECTORY / "bin" / "python"
    if not _READY.exists() or _READY.stat().st_mtime < PINNED.stat().st_mtime:
        venv.create(DIRECTORY, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]
        if subprocess.run([python, *install, PINNED], stdout=subprocess.DEVNULL, check=False).returncode:
            raise BenchmarkError(f"the packages of {PINNED} could not be installed into {DIRECTORY}")
        _READY.touch()
    return str(python)
