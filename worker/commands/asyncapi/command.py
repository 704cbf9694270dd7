"""`python -m worker asyncapi`: the topics and messages, for other people's programs."""

from __future__ import annotations

import argparse
import json
import sys

from worker.commands.asyncapi.document import document
from worker.settings import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The settings: topics and shapes are theirs."""
    settings.add_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Write the document, as JSON."""
    chosen = settings.load(settings.given_flags(arguments))
    sys.stdout.write(json.dumps(document(chosen), indent=2, ensure_ascii=False) + "\n")
    return 0
