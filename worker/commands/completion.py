"""`python -m worker completion`: what lets a shell complete the commands and their flags."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import shtab

from models.installation import NAME

SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = f"""once, and again after an update:
  {NAME} completion bash > ~/.local/share/bash-completion/completions/{NAME}
  {NAME} completion zsh > "${{fpath[1]}}/_{NAME}"
  {NAME} completion fish > ~/.config/fish/completions/{NAME}.fish"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", choices=SHELLS, help="what completes")


def main(arguments: argparse.Namespace) -> int:
    """Write the script for a shell."""
    parser = arguments.whole_parser()
    parser.prog = NAME  # which is what a shell completes, however this was called
    _complete_files(parser)
    sys.stdout.write(shtab.complete(parser, arguments.shell) + "\n")
    return 0


def _complete_files(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _complete_files(each)
        elif action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
