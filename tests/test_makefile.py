"""What the Makefile's commands leave behind."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_clean_removes_what_can_be_made_anew_and_nothing_else(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    kept = [tmp_path / "runs" / "weights", tmp_path / "tests" / "image" / "build.py"]
    made = [tmp_path / name / "file" for name in (".venv", "build", ".mypy_cache", "worker/__pycache__")]
    for file in [*kept, *made]:
        file.parent.mkdir(parents=True)
        file.touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert not [file for file in made if file.parent.exists()]
    assert all(file.exists() for file in kept)
