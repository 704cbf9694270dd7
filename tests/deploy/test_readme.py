"""deploy/README.md names what is there."""

import re
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
README = (DEPLOY / "README.md").read_text(encoding="utf-8")


def test_all_that_is_there_is_in_the_overview() -> None:
    overview = README.split("\n## ")[0]
    named = {name.rstrip("/") for name in re.findall(r"`([^`]+)`", overview)}
    there = {path.name for path in DEPLOY.iterdir()} - {"README.md", "__init__.py", "__pycache__"}
    assert there <= named


def test_logs_of_all_workers_are_more_than_kubectls_ten_lines_of_five_pods() -> None:
    commands = re.findall(r"kubectl [^`\n]*logs -l [^`\n]*", README)
    assert commands
    for command in commands:
        assert {"--tail=-1", "--max-log-requests=20"} <= set(command.split())
