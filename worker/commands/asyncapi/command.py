"""`python -m worker asyncapi`: the topics and messages, for other people's programs."""

from __future__ import annotations

import argparse
import json
import sys

from worker.commands.asyncapi.document import document
from worker.settings.settings import add_flags, given_flags, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The settings: topics and shapes are theirs."""
    add_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Write the document, as JSON."""
    settings = load(given_flags(arguments))
    sys.stdout.write(json.dumps(document(settings), indent=2, ensure_ascii=False) + "\n")
    return 0
