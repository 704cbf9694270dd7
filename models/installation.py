"""Which version this is, how it was installed, and what people therefore type."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

NAME = "kafka-sentiment"
PROJECT = Path(__file__).parents[1]
_PYPROJECT = PROJECT / "pyproject.toml"
# Both ways to call the same program; the modules work wherever Python finds the packages, without a command.
_COMMANDS = {"worker": NAME, "models": f"{NAME} models", "trainer": f"{NAME} train"}


def version() -> str:
    """The version of the distribution: from its metadata or, where it is not installed, from what those are made of."""
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return str(tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]["version"])


def is_checkout() -> bool:
    """Whether this is a directory of sources, and not what was installed from a wheel."""
    return _PYPROJECT.is_file()


def typed(text: str) -> str:
    """A text with the commands in it, `python -m worker run`, as whoever reads it calls them: `kafka-sentiment run`."""
    if Path(sys.argv[0]).stem != NAME:
        return text
    return re.sub(r"\bpython -m (worker|models|trainer)\b", lambda found: _COMMANDS[found[1]], text)
