"""The pages are as the code writes them, and what writes them is not installed."""

import pytest
from setuptools.config.pyprojecttoml import read_configuration

from tests.pages import ROOT
from worker.docs import build
from worker.docs.markdown import refreshed, table

PAGES = dict(build.pages())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_is_as_the_code_writes_it(page: object) -> None:
    path = next(each for each in PAGES if each == page)
    assert path.read_text(encoding="utf-8") == PAGES[path], "write it anew: make docs"


def test_every_part_stands_on_its_page_once() -> None:
    for words in build.PARTS:
        page = (build.DIRECTORY / f"{words.split()[0]}.md").read_text(encoding="utf-8")
        assert page.count(f"<!-- python -m {build.MODULE} {words} -->") == 1


def test_a_part_is_put_between_its_marks_and_nothing_else_is_changed() -> None:
    text = "a\n<!-- python -m x.y one -->\nold\n<!-- end -->\nb\n<!-- python -m x.z two -->\nold\n<!-- end -->\n"
    assert refreshed(text, "x.y", lambda words: f"[{words}]\n") == text.replace("old", "[one]", 1)


def test_a_table_has_a_row_each() -> None:
    assert table(["a", "b"], [["1", "2"]], "---:") == "| a | b |\n| --- | ---: |\n| 1 | 2 |\n"


def test_one_part_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["permissions", "redis"]) == 0
    assert "`SCRIPT LOAD`" in capsys.readouterr().out


def test_a_part_that_is_none_is_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["permissions", "paper"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no part permissions paper")


def test_the_generator_is_not_installed() -> None:
    packages = read_configuration(ROOT / "pyproject.toml")["tool"]["setuptools"]["packages"]
    assert "worker.commands" in packages
    assert "worker.docs" not in packages


def test_the_generator_is_in_no_image() -> None:
    assert "worker/docs" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
