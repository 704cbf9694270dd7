import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer.finished_runs import THREE_CLASSES, change_evaluation, finished_run, forest_run
from tests.trainer.reports.pages import Page, colours, screenshot
from trainer.errors import BadData
from trainer.reports.figures import LIGHT, new_figure, to_png
from trainer.reports.report import Report, write_report
from trainer.runs import Run

ALL_PICTURES = {"loss", "accuracy", "confusion", "calibration", "words_negative", "words_positive", "lengths"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def report(run: Run) -> Report:
    return write_report(run)


@pytest.fixture
def forest(tmp_path: Path) -> Run:
    return forest_run(tmp_path)


def test_the_report_is_written_inside_the_run(run: Run, report: Report) -> None:
    assert report.page == run.path / "report" / "index.html"
    assert {path.stem for path in report.pictures} == ALL_PICTURES
    assert {path.name for path in report.page.parent.iterdir()} == {"index.html", *(p.name for p in report.pictures)}


def test_every_picture_shows_something(report: Report, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    blank.write_bytes(to_png(new_figure(LIGHT)))
    assert colours(blank) == 1
    assert all(colours(picture) > 50 for picture in report.pictures)


@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_shows_the_page(report: Report, tmp_path: Path, width: int) -> None:
    assert colours(screenshot(report.page, tmp_path / "page.png", width)) > 500


def test_on_a_dark_screen_page_and_pictures_are_dark(report: Report, tmp_path: Path) -> None:
    with Image.open(screenshot(report.page, tmp_path / "page.png", 1400, dark=True)) as image:
        assert np.median(np.asarray(image.convert("L"))) < 60
        assert np.mean(np.asarray(image.convert("L")) > 240) < 0.05


def test_the_page_is_complete_in_itself(report: Report) -> None:
    page = Page(report.page)
    assert page.addresses
    assert all(address.startswith("data:") for address in page.addresses)
    assert not {"script", "iframe", "object", "embed", "form"} & {tag for tag, _ in page.elements}
    style = report.page.read_text().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_every_picture_is_described_in_words(report: Report) -> None:
    pictures = Page(report.page).all("img")
    assert len(pictures) == len(ALL_PICTURES)
    assert all(picture["alt"] for picture in pictures)


def test_the_page_tells_the_figures_of_the_test_reviews_first(run: Run, report: Report) -> None:
    text, test, held_out = Page(report.page).text, run.evaluations["test"], run.evaluations["held_out"]
    assert "On 400 test reviews:" in text
    assert f"F1 of positive {test['f1']:.4f} {held_out['f1']:.4f}" in text
    assert f"{test['f1_interval'][0]:.4f} to {test['f1_interval'][1]:.4f}" in text
    assert "407,961" in text
    assert "10 min 34 s" in text


def test_the_page_tells_data_settings_and_mistakes(run: Run, report: Report) -> None:
    text = Page(report.page).text
    assert "Learnt from train.tsv, tested on test.tsv." in text
    assert "3 duplicates were dropped" in text
    assert "text.vocabulary_size 6000" in text
    assert all(mistake["text"].split("<br")[0].split()[0] in text for mistake in run.evaluations["test"]["mistakes"])


def test_what_a_review_says_stays_text(tmp_path: Path) -> None:
    text = "<script>alert('x')</script><img src=http://example.com/a.png> \ud800"
    page = Page(write_report(forest_run(tmp_path, text)).page)
    assert "<script>alert('x')</script><img src=http://example.com/a.png> ?" in page.text
    assert not page.all("script")
    assert all(address.startswith("data:") for address in page.addresses)


def test_a_run_without_history_test_file_and_summary_has_a_report(forest: Run) -> None:
    report = write_report(forest)
    assert {path.stem for path in report.pictures} == {"confusion", "calibration"}
    assert "On 90 held-out reviews:" in Page(report.page).text


def test_three_classes_have_their_rows(forest: Run) -> None:
    text = Page(write_report(forest).page).text
    assert all(f"F1 of {name}" in text for name in THREE_CLASSES)


def test_a_model_without_mistakes_has_none(forest: Run) -> None:
    change_evaluation(forest, "held_out", mistakes=[])
    assert "None: every answer is right." in Page(write_report(forest).page).text


def test_a_run_that_was_not_evaluated_yet_shows_its_curves(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "imdb-d", {"recipe": "imdb-d", "model": "imdb"})
    run.history = {"loss": [0.7], "accuracy": [0.5], "val_loss": [0.69], "val_accuracy": [0.52], "seconds": [12.5]}
    report = write_report(run)
    assert {path.stem for path in report.pictures} == {"loss", "accuracy"}
    assert "not finished" in Page(report.page).text


def test_a_loss_that_is_no_number_does_not_hide_the_others(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "imdb-d", {"recipe": "imdb-d", "model": "imdb"})
    run.history = {"loss": [0.7, float("nan"), 0.5], "val_loss": [0.6, float("nan"), 0.65]}
    assert all(colours(picture) > 50 for picture in write_report(run).pictures)


def test_the_same_run_gives_the_same_report(forest: Run, tmp_path: Path) -> None:
    first, second = (write_report(forest, tmp_path / name) for name in ("first", "second"))
    assert first.page.read_bytes() == second.page.read_bytes()
    assert first.page.parent == tmp_path / "first"


def test_the_report_tells_programs_what_was_written(report: Report) -> None:
    reported = json.loads(json.dumps(report.to_json()))
    assert Path(reported["page"]).is_file()
    assert all(Path(picture).is_file() for picture in reported["pictures"])


@pytest.mark.parametrize("changes", [{"confusion": None}, {"calibration": [{}]}, {"mistakes": [{"text": "a"}]}])
def test_a_malformed_evaluation_is_told_in_one_sentence(forest: Run, changes: dict[str, object]) -> None:
    change_evaluation(forest, "held_out", **changes)
    with pytest.raises(BadData, match="malformed"):
        write_report(forest)


def test_a_directory_that_cannot_be_written_is_told_in_one_sentence(forest: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadData, match="Cannot write"):
        write_report(forest, tmp_path / "taken")
