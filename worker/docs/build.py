"""`python -m worker.docs.build` (`make docs`) writes anew what the pages here have from the code.

Such a part stands between `<!-- python -m worker.docs.build PAGE PART -->` and `<!-- end -->`; the rest of a page is
written by hand. A test holds the pages to it. With PAGE and PART it prints one of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from worker.docs import commands, metrics, permissions, settings
from worker.docs.markdown import refreshed

DIRECTORY = Path(__file__).parent
MODULE = "worker.docs.build"
PARTS = {
    "settings first": settings.first,
    "settings every": settings.every,
    "metrics every": metrics.every,
    "permissions kafka": permissions.kafka,
    "permissions redis": permissions.redis,
    "commands overview": commands.overview,
    "commands every": commands.every,
}


def part(words: str) -> str:
    """One part of a page, by its name."""
    return PARTS[words]()


def pages() -> Iterator[tuple[Path, str]]:
    """Every page, and how it is to be."""
    for path in sorted(DIRECTORY.glob("*.md")):
        yield path, refreshed(path.read_text(encoding="utf-8"), MODULE, part)


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 done, 2 bad use."""
    words = " ".join(sys.argv[1:] if argv is None else argv)
    if not words:
        for path, text in pages():
            path.write_text(text, encoding="utf-8")
    elif words in PARTS:
        sys.stdout.write(part(words))
    else:
        sys.stderr.write(f"error: there is no part {words}; there are {', '.join(PARTS)}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
