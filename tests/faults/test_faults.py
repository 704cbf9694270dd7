"""The seeded faults fit the tree as it is, and the command tells those that are found from those that are not."""

from pathlib import Path

import pytest

from tests.faults.__main__ import FOUND, NOT_FOUND, NOT_RUN, RED_WITHOUT, judged, main, why_it_cannot_tell
from tests.faults.catalogue import FOLDER, ROOT, BadFault, Fault, read_faults
from tests.faults.pytest_runs import ERROR, FAILED, PASSED, SKIPPED, Run, apply_patch, read_report

FAULTS = {fault.name: fault for fault in read_faults()}
OFFSET = FAULTS["offset-one-too-far"]
PRODUCT = ("worker/", "models/", "trainer/", "deploy/")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_patch_fits_and_changes_one_file_of_the_product(fault: Fault) -> None:
    apply_patch(fault.patch, ROOT, only_check=True)
    [changed] = fault.files
    assert changed.startswith(PRODUCT)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_header_names_tests_that_exist(fault: Fault) -> None:
    assert fault.missing_tests() == []


def test_all_parts_of_the_product_have_faults() -> None:
    changed = {file.partition("/")[0] + "/" for fault in FAULTS.values() for file in fault.files}
    assert changed == set(PRODUCT)


def test_what_is_found_is_told_from_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    patch, [test] = OFFSET.patch.read_text(), OFFSET.tests
    (tmp_path / "noticed.patch").write_text(patch)
    elsewhere = "tests/worker/test_batching.py::test_a_full_batch_does_not_poll_again"
    (tmp_path / "overlooked.patch").write_text(patch.replace(test, elsewhere))
    assert main([], tmp_path) == 1
    noticed, overlooked, total = capsys.readouterr().out.splitlines()
    assert (noticed.startswith(FOUND), test in noticed) == (True, True)
    assert (overlooked.startswith(NOT_FOUND), OFFSET.harm in overlooked) == (True, True)
    assert total.startswith("1 of 2 faults were found")


def test_a_patch_that_no_longer_fits_is_told_without_running_a_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.patch").write_text(OFFSET.patch.read_text().replace("\n ", "\n  "))
    assert main(["old"], tmp_path) == 1
    assert "The patch no longer fits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [({"a": PASSED, "b": FAILED}, FOUND), ({"a": PASSED}, NOT_FOUND), ({"a": ERROR}, NOT_RUN), ({}, NOT_RUN)],
)
def test_only_a_test_that_failed_has_found_a_fault(outcomes: dict[str, str], word: str) -> None:
    assert judged(OFFSET, Run(outcomes, "" if outcomes else "no such file"), 1.0).word == word


def test_a_test_that_did_not_end_in_time_has_not_failed(tmp_path: Path) -> None:
    case = '<testcase file="a.py" name="%s"><failure message="%s"/></testcase>'
    cases = case % ("slow", "Failed: Timeout (&gt;300.0s) from pytest-timeout.") + case % ("wrong", "assert 1 == 2")
    (tmp_path / "report.xml").write_text(f"<testsuite>{cases}</testsuite>")
    assert read_report(tmp_path / "report.xml") == {"a.py::slow": ERROR, "a.py::wrong": FAILED}


@pytest.mark.parametrize(("outcome", "word"), [(FAILED, RED_WITHOUT), (ERROR, RED_WITHOUT), (SKIPPED, NOT_RUN)])
def test_a_test_that_is_red_or_skipped_without_the_fault_finds_nothing(outcome: str, word: str) -> None:
    verdict = why_it_cannot_tell(OFFSET, Run({OFFSET.tests[0]: outcome, "another": PASSED}))
    assert verdict is not None
    assert verdict.word == word


def test_a_fault_that_is_not_there_is_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-fault"]) == 2
    assert capsys.readouterr().err == "There is no fault 'no-such-fault'; --list shows all.\n"


def test_a_header_that_lacks_a_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "silent.patch").write_text("What: something\n--- a/x\n")
    with pytest.raises(BadFault, match="no line Harm: and no line Tests:"):
        read_faults(tmp_path)


def test_every_fault_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(FAULTS) == len(list(FOLDER.glob("*.patch")))
