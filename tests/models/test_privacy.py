"""Scoring tells nobody, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_scoring_leaves_no_file_among_the_temporary_ones(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-m", "models", "score", "good"]
    subprocess.run(command, cwd=ROOT, env={**environment, "TMPDIR": str(tmp_path)}, check=True, capture_output=True)
    assert not list(tmp_path.iterdir())
