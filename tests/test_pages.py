"""What the pages name is there: pages, headings, commands, settings, metrics, targets of make."""

import json
import re
from pathlib import Path

import pytest

from tests.pages import DOCS, README, ROOT, all_pages, anchors, command_lines, links, read
from worker.docs.commands import parsers
from worker.docs.metrics import name_of
from worker.messages import ReviewMessage, SentimentMessage
from worker.observability.metrics import Metrics
from worker.settings.settings import PREFIX, Settings

PAGES = {path.relative_to(ROOT).as_posix(): path for path in all_pages()}
PARSERS = {words: parser for words, _, parser in parsers()}
LINES = [(name, words) for name, path in PAGES.items() for words in command_lines(read(path))]
# A usage is no command.
COMMANDS = [(name, " ".join(words), words) for name, words in LINES if words[-1] != "[FLAGS]"]
# Endings of a histogram's series, and what recording rules and scrapes add to a name.
SERIES = r"(_bucket|_sum|_count)?"


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_pages_and_headings(name: str) -> None:
    page = PAGES[name]
    for path, anchor in links(read(page)):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(read(target)), f"{path}#{anchor}"


def test_a_link_that_leads_nowhere_would_be_found() -> None:
    assert links("see [here](there.md#part), [that](#own) and [site](https://example.com/#x)") == [
        ("there.md", "part"),
        ("", "own"),
    ]
    assert anchors("# `top`: why, and what\n## Same\n## Same\n") == {"top-why-and-what", "same", "same-1"}


def test_every_page_is_reached_from_the_readme() -> None:
    seen, left = set(), [README]
    while left:
        page = left.pop()
        seen.add(page)
        targets = {(page.parent / path).resolve() for path, _ in links(read(page)) if path.endswith(".md")}
        left += targets - seen
    assert {path for path in PAGES.values() if path.parent == DOCS} <= seen


def test_the_readme_is_short() -> None:
    assert len(read(README).splitlines()) <= 150


@pytest.mark.parametrize(("page", "line", "words"), COMMANDS, ids=[f"{name}: {line}" for name, line, _ in COMMANDS])
def test_a_command_that_a_page_shows_can_be_typed(page: str, line: str, words: list[str]) -> None:
    known = max((each for each in PARSERS if f"kafka-sentiment {line} ".startswith(f"{each} ")), key=len)
    assert PARSERS[known].parse_args(words[len(known.split()) - 1 :])


@pytest.mark.parametrize("name", PAGES)
def test_settings_that_a_page_names_exist(name: str) -> None:
    for variable in re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b(?!_)", read(PAGES[name])):
        assert variable.removeprefix(PREFIX).lower() in Settings.model_fields, variable


@pytest.mark.parametrize("name", PAGES)
def test_metrics_that_a_page_names_exist(name: str) -> None:
    known = {name_of(family) for family in Metrics().registry.collect()}
    for metric in re.findall(r"`(sentiment_[a-z_]+)[`{]", read(PAGES[name])):
        assert metric in known or re.sub(f"{SERIES}$", "", metric) in known, metric


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "tests/benchmarks/README.md"])
def test_targets_of_make_that_a_page_names_exist(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^ {4}|`|; )make ([a-z-]+)", read(PAGES[name]), re.MULTILINE))
    assert named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_target_of_make_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = read(README) + read(PAGES["CONTRIBUTING.md"])
    for target in set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help", "clean"}:
        assert f"make {target}" in explained, target


@pytest.mark.parametrize("page", [README, DOCS / "messages.md"], ids=lambda path: path.name)
def test_the_example_messages_are_valid_and_consistent(page: Path) -> None:
    review, sentiment = re.findall(r"```json\n(.*?)```", read(page), re.DOTALL)
    ReviewMessage.model_validate_json(review)
    SentimentMessage.model_validate_json(sentiment)
    written = json.loads(sentiment)
    assert written["sentiment"] == max(written["scores"], key=written["scores"].get)
    assert (written["id"], written["attributes"]) == (json.loads(review)["id"], json.loads(review)["attributes"])


def test_what_the_notices_are_about_is_there() -> None:
    paths = re.findall(r"^ {2}(?! )(.+)$", (ROOT / "NOTICE").read_text(encoding="utf-8"), re.MULTILINE)
    named = [path for line in paths for path in re.findall(r"\b[a-z_]+/[\w./-]*\w", line)]
    assert len(named) >= 7
    assert not [path for path in named if not (ROOT / path).exists()]


def test_pages_that_code_and_manifests_name_are_there() -> None:
    files = [path for folder in ("worker", "models", "trainer", "deploy") for path in (ROOT / folder).rglob("*")]
    found = 0
    for path in (each for each in files if each.suffix in {".py", ".yaml", ".yml", ".env"}):
        for named in re.findall(r"(?<![\w/.])[\w./-]*[\w-]+\.md\b", read(path)):
            found += 1
            package = ROOT / path.relative_to(ROOT).parts[0]
            assert any((folder / named).exists() for folder in (ROOT, path.parent, package, DOCS)), f"{path}: {named}"
    assert found > 10
