import json
import re
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from models.errors import ModelNotFound
from models.registry.registry import PACKAGED_STORE, Registry
from tests.trainer.finished_runs import finished_run, forest_run, reviews
from tests.trainer.reports.pages import Page, colours, screenshot
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.reports.candidates import Candidate, count_parameters
from trainer.reports.comparison import Comparison, compare, notes_on, print_comparison, write_comparison
from trainer.runs import Run, write_json

PACKAGED = "imdb@1"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run(tmp_path_factory.mktemp("runs"))


def compare_packaged(*others: Run, data: LabelledTexts | None = None) -> Comparison:
    return compare([PACKAGED, *(str(each.path) for each in others)], Registry(), data)


def reported(comparison: Comparison, width: int = 80) -> str:
    stream = StringIO()
    print_comparison(comparison, Console(width=width, file=stream))
    return stream.getvalue()


def evaluated(name: str, **fields: object) -> Candidate:
    return Candidate(**{"name": name, "evaluated_on": "test", "reviews": 100, "f1": 0.9, **fields})


def notes(*candidates: Candidate) -> str:
    return " ".join(notes_on(candidates))


def test_the_best_f1_comes_first_and_what_has_none_last(run: Run, tmp_path: Path) -> None:
    new = Run.create(tmp_path, "imdb-b", {"recipe": "imdb-b", "model": "imdb"})
    forest = forest_run(tmp_path)
    found = compare_packaged(new, forest, run).candidates
    scores = [each.f1 for each in found[:3] if each.f1 is not None]
    assert scores == sorted(scores, reverse=True)
    assert [each.name for each in found[2:]] == [forest.name, new.name]
    assert (len(scores), found[3].f1) == (3, None)


def test_a_run_tells_its_evaluation_on_the_test_file_and_its_result(run: Run) -> None:
    found = next(each for each in compare_packaged(run).candidates if each.name == run.name)
    test = run.evaluations["test"]
    assert (found.evaluated_on, found.reviews, found.f1, found.accuracy) == ("test", 400, test["f1"], test["accuracy"])
    assert (found.parameters, found.training_seconds) == (407_961, 634.2)


def test_a_run_and_its_published_version_are_the_same_size(run: Run) -> None:
    first, second = compare_packaged(run).candidates
    assert first.artifact_bytes == second.artifact_bytes
    assert 3_000_000 < (first.artifact_bytes or 0) < 4_000_000


def test_the_parameters_of_an_old_version_are_counted() -> None:
    embedding, lstm, hidden, output = 6_002 * 64, 4 * 50 * (64 + 50 + 1), 50 * 16 + 16, 16 + 1
    assert count_parameters(PACKAGED_STORE / "imdb" / "1") == embedding + lstm + hidden + output


def test_a_network_that_cannot_be_read_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="Cannot read"):
        count_parameters(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no network")
    with pytest.raises(BadData, match="Cannot read"):
        count_parameters(tmp_path)


@pytest.mark.parametrize("reference", ["imdb", "imdb@1", "imdb@stable", str(PACKAGED_STORE / "imdb" / "1")])
def test_a_version_is_named_by_number_label_or_directory(reference: str) -> None:
    assert compare([reference], Registry()).candidates[0].f1 == 0.8589


def test_what_is_named_twice_stands_there_once() -> None:
    assert len(compare([PACKAGED, PACKAGED], Registry()).candidates) == 1


def test_what_is_neither_run_nor_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="neither of a training run nor of a version"):
        compare([str(tmp_path / "nothing")], Registry())
    with pytest.raises(ModelNotFound):
        compare(["imdb@99"], Registry())


def test_models_evaluated_alike_need_no_note() -> None:
    assert notes(evaluated("a", data_sha256="1"), evaluated("b", data_sha256="1"), evaluated("c")) == ""


def test_it_says_so_where_models_were_evaluated_on_different_files() -> None:
    assert "a on 100, b on 200 reviews" in notes(evaluated("a"), evaluated("b", reviews=200))
    assert "different files of as many" in notes(evaluated("a", data_sha256="1"), evaluated("b", data_sha256="2"))


def test_it_says_so_where_there_are_only_held_out_reviews_or_none() -> None:
    assert "a was evaluated on held-out reviews" in notes(evaluated("a", evaluated_on="held_out"))
    assert "b was not evaluated" in notes(Candidate(name="b"))
    assert "c is not finished" in notes(evaluated("c", finished=False))


def test_it_says_so_where_a_model_has_learnt_from_what_it_is_judged_by(run: Run, tmp_path: Path) -> None:
    copied = shutil.copytree(run.path, tmp_path / "copied")
    settings = json.loads((copied / "settings.json").read_text())
    write_json(copied / "settings.json", settings | {"data_sha256": reviews(50).sha256()})
    found = compare([str(copied), PACKAGED], Registry(), reviews(50))
    assert found.notes == ("copied has learnt from these very reviews: it is not as good as it looks here.",)


def test_with_data_all_are_evaluated_on_the_same_reviews(run: Run) -> None:
    found = compare_packaged(run, data=reviews(200))
    assert {(each.evaluated_on, each.reviews) for each in found.candidates} == {("given", 200)}
    assert found.candidates[0].f1 == found.candidates[1].f1
    assert found.notes == ()


def test_with_data_what_has_no_artifact_is_not_evaluated(tmp_path: Path) -> None:
    forest = forest_run(tmp_path)
    found = compare_packaged(forest, data=reviews(50))
    assert (found.candidates[-1].name, found.candidates[-1].f1) == (forest.name, None)
    assert found.notes == (f"{forest.name} was not evaluated.",)


def test_data_of_other_classes_is_refused_with_the_name_of_the_model() -> None:
    three = LabelledTexts(("a",), np.array([0], np.int32), ("negative", "neutral", "positive"))
    with pytest.raises(BadData, match="imdb@1 cannot be evaluated"):
        compare_packaged(data=three)


def test_the_terminal_shows_every_name_and_figure_in_full(run: Run, tmp_path: Path) -> None:
    forest = forest_run(tmp_path)
    text = reported(compare_packaged(run, forest))
    assert "\u2026" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert {"25,000 test", "90 held-out", "0.8589", "407,961", "10 min 34 s", "2 h 1 min", "3.36 MB"} <= set(
        re.split(r"\s{2,}", text.replace("\n", "  "))
    )


def test_programs_get_a_list_of_objects(run: Run) -> None:
    found = json.loads(json.dumps(compare_packaged(run).to_json()))
    assert {each["name"] for each in found} == {run.name, PACKAGED}
    assert {"f1", "accuracy", "parameters", "training_seconds", "reviews_per_cpu_second", "artifact_bytes"} <= set(
        found[0]
    )


def test_the_page_is_complete_in_itself_and_a_browser_shows_it(run: Run, tmp_path: Path) -> None:
    path = write_comparison(compare_packaged(run, forest_run(tmp_path)), tmp_path / "out")
    page = Page(path)
    assert all(address.startswith("data:") for address in page.addresses)
    assert len(page.all("img")) == 6
    assert "Evaluated on different files" in page.text
    assert colours(path.with_name("comparison.png")) > 50
    assert colours(screenshot(path, tmp_path / "page.png", 1400)) > 200
