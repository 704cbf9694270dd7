"""The flags that every baseline takes."""

import argparse
from pathlib import Path


def parse(purpose: str, redis: bool = True) -> argparse.Namespace:
    """Where to read and write, and the model's directory."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--model", required=True, type=Path, help="directory of a model's version")
    if redis:
        parser.add_argument("--redis-url", required=True)
    return parser.parse_args()
