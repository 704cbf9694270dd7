"""The project's pages as tests read them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "worker" / "docs"
# Each writes the same commands in a way of its own: the one that is installed, and the packages in a checkout.
_COMMAND = re.compile(r"(?:python3? -m (?P<package>worker|models|trainer)|kafka-sentiment) (?P<words>.+)$")
_GROUPS = {None: "", "worker": "", "models": "models ", "trainer": "train "}


def all_pages() -> list[Path]:
    """Every page of the project, but for results of benchmarks, which a program writes."""
    folders = ("worker", "models", "trainer", "deploy", "tests", "findings")
    found = [*ROOT.glob("*.md"), *(path for folder in folders for path in (ROOT / folder).rglob("*.md"))]
    assert README in found
    return sorted(path for path in found if path.parent.name != "results")


def read(path: Path) -> str:
    """A page's text."""
    return path.read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """What links can name in a page: its headings, as GitHub makes anchors of them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE):
        linked = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", linked.lower()).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return set(found)


def links(text: str) -> list[tuple[str, str]]:
    """The relative links: path, which is empty within the page, and anchor."""
    prose = re.sub(r"`[^`\n]*`", "", re.sub(r"^( {4}|```.*?^```$)[^\n]*", "", text, flags=re.MULTILINE | re.DOTALL))
    return re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", prose)


_ALTERNATIVES = re.compile(r"[a-z]+(\|[a-z]+)+")


def command_lines(text: str) -> Iterator[list[str]]:
    """The words after `kafka-sentiment` of each such line of code, comments and what comes after a pipe left out.

    Of alternatives such as `bash|zsh|fish` the first one stands for all.
    """
    for line in re.findall(r"^ {4,}(.+)$", text.replace("\\\n", " "), re.MULTILINE):
        if found := _COMMAND.search(line):
            words = shlex.split(_GROUPS[found["package"]] + found["words"], comments=True)
            words = words[: words.index("|")] if "|" in words else words
            yield [word.split("|")[0] if _ALTERNATIVES.fullmatch(word) else word for word in words]


def section(text: str, heading: str) -> str:
    """What stands below a heading, with the smaller headings there."""
    [found] = re.finditer(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    return re.split(rf"^#{{1,{len(found[1])}}} ", text[found.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of every row of a section's tables whose first cell is code."""
    lines = section(text, heading).splitlines()
    found = [line.strip("|").split(" | ") for line in lines if line.startswith("| `")]
    assert found, heading
    return [[cell.strip() for cell in row] for row in found]
